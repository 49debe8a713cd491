"""Seconds per evaluation of the shipped rules, on a real Prometheus with a week of history of many campaigns."""

from __future__ import annotations

import json
import math
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

DAY = 86400
_BLOCK = 7200
_EACH_ACCOUNT = 20
_BETWEEN_LAUNCHES = 20 * DAY


@dataclass(frozen=True)
class Campaign:
    """One campaign of the benchmark's world: launched every twenty days, two thirds done within ten."""

    number: int
    now: int

    @property
    def labels(self) -> str:
        """Labels of its series."""
        account = f"customer-{self.number // _EACH_ACCOUNT:04}"
        return f'account="{account}",campaign_id="{self.number:012x}",title="Campaign {self.number % _EACH_ACCOUNT}"'

    @property
    def launch(self) -> int:
        """When it was launched, in seconds since the epoch; the first of each account is pending."""
        return self.now + DAY * 5 - (self.number % _EACH_ACCOUNT) * _BETWEEN_LAUNCHES - self.number * 617 % DAY

    def completed(self, at: int) -> int:
        """Users that had completed it at that time, of 200."""
        age = max(0, at - self.launch) / DAY
        return int(200 * (0.6 + self.number % 7 / 20) * (1 - math.exp(-age / 9)))

    def ratio(self, age: float) -> float:
        """Completion at an age in days."""
        return self.completed(self.launch + int(age * DAY)) / 200


def scraped(campaigns: list[Campaign]) -> str:
    """Return what the exporter says of the campaigns now."""
    values = {
        "emails_sent": lambda c: 200 if c.launch < c.now else 0,
        "users_completed": lambda c: c.completed(c.now),
        "users_correct": lambda c: int(c.completed(c.now) * 0.8),
        "launch_timestamp_seconds": lambda c: c.launch,
        "implausible": lambda c: 0,
    }
    lines = [
        f"mimecast_awareness_campaign_{name}{{{campaign.labels}}} {value(campaign)}"
        for name, value in values.items()
        for campaign in campaigns
    ]
    for campaign in campaigns:
        lines += [
            f'mimecast_awareness_campaign_correct_answers{{{campaign.labels},question="{question}"}} '
            f"{int(campaign.completed(campaign.now) * 0.7)}"
            for question in (1, 2, 3)
        ]
    for number in range(0, len(campaigns), _EACH_ACCOUNT):
        account = f'account="customer-{number // _EACH_ACCOUNT:04}"'
        lines += [
            f"mimecast_awareness_campaigns{{{account}}} {_EACH_ACCOUNT}",
            f"mimecast_up{{{account}}} 1",
            f'mimecast_collector_up{{{account},collector="campaigns"}} 1',
            f'mimecast_data_timestamp_seconds{{{account},collector="campaigns"}} {campaigns[0].now}',
        ]
    return "\n".join(lines) + "\n"


def _history(campaigns: list[Campaign], start: int, end: int, now: int) -> Iterator[str]:
    """OpenMetrics text of one block: what was scraped each minute, and what the rules recorded."""
    job = 'job="mimecast"'
    current = [campaign for campaign in campaigns if now - 90 * DAY < campaign.launch <= now]
    for name, extra in (
        ("mimecast_awareness_campaign_users_completed", ',instance="exporter"'),
        ("campaign:mimecast_awareness_users_completed:max", ""),
    ):
        yield f"# TYPE {name} gauge"
        for campaign in campaigns:
            prefix = f"{name}{{{job}{extra},{campaign.labels}}} "
            for at in range(start, end, 60):
                yield f"{prefix}{campaign.completed(at)} {at}"
    if start < now - 3 * DAY:
        return
    by_campaign = "campaign:mimecast_awareness_"
    kept: list[tuple[str, list[tuple[str, float]], int]] = [
        ("emails_sent:week1", [(c.labels.rpartition(",")[0], 200.0) for c in current], 3600),
        ("users_completed:week1", [(c.labels.rpartition(",")[0], c.ratio(6.5) * 200) for c in current], 3600),
        ("completion:ratio", [(c.labels, c.ratio((now - c.launch) / DAY)) for c in current], 120),
        (
            "completion:day_ratio",
            [
                (f'{c.labels.rpartition(",")[0]},day="{day}"', c.ratio(day))
                for c in campaigns
                for day in (3, 7, 14, 21, 30)
                if c.launch + day * DAY < now
            ],
            3600,
        ),
        ("completion:days_to_half", [(c.labels.rpartition(",")[0], 9.5) for c in campaigns if c.launch < now], 3600),
    ]
    for name, series, step in kept:
        yield f"# TYPE {by_campaign}{name} gauge"
        for labels, value in series:
            for at in range(start, end, step):
                yield f"{by_campaign}{name}{{{job},{labels}}} {value} {at}"


def write_history(promtool: Path, folder: Path, campaigns: list[Campaign], days: float) -> None:
    """Write blocks of history into the data folder of a Prometheus."""
    now = campaigns[0].now
    text = folder.parent / "history.txt"
    first = int((now - days * DAY) // _BLOCK * _BLOCK)
    for start in range(first, now, _BLOCK):
        with text.open("w") as out:
            out.writelines(f"{line}\n" for line in _history(campaigns, start, min(now, start + _BLOCK), now))
            out.write("# EOF\n")
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", "openmetrics", text, folder], check=True, capture_output=True
        )
    text.unlink()


@contextmanager
def serving(text: str) -> Iterator[str]:
    """Serve one answer to scrapes; gives the address."""
    body = text.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
