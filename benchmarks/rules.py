"""Seconds per evaluation of the shipped rules, on a real Prometheus with a week of history of many campaigns."""

from __future__ import annotations

import math
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from benchmarks.rows import Row, at_most, left_out
from tests import servers
from tests.rules import quickened
from tests.stack import prometheus_running, wait_until

DAY = 86400
#: Campaigns of the benchmark.
NUMBER = 2_000
_BLOCK = 7200
#: Between two evaluations: so long that groups seldom wait for one another.
_INTERVAL = "30s"
#: The first evaluations, which have no scrape yet or compete with the compaction of the blocks.
_WARMUP = 2
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
    lines = []
    for campaign in campaigns:
        completed = campaign.completed(campaign.now)
        values = {
            "emails_sent": 200 if campaign.launch < campaign.now else 0,
            "users_completed": completed,
            "users_correct": completed * 4 // 5,
            "launch_timestamp_seconds": campaign.launch,
            "implausible": 0,
        }
        name = "mimecast_awareness_campaign"
        lines += [f"{name}_{metric}{{{campaign.labels}}} {value}" for metric, value in values.items()]
        for question in (1, 2, 3):
            lines.append(f'{name}_correct_answers{{{campaign.labels},question="{question}"}} {completed * 7 // 10}')
    for number in range(0, len(campaigns), _EACH_ACCOUNT):
        account = f'account="customer-{number // _EACH_ACCOUNT:04}"'
        lines += [
            f"mimecast_awareness_campaigns{{{account}}} {_EACH_ACCOUNT}",
            f'mimecast_collector_up{{{account},collector="campaigns"}} 1',
            f'mimecast_data_timestamp_seconds{{{account},collector="campaigns"}} {campaigns[0].now}',
        ]
    return "".join(f"{line}\n" for line in sorted(lines))


def _history(campaigns: list[Campaign], start: int, end: int, now: int) -> Iterator[str]:
    """OpenMetrics text of one block: what was scraped each minute, and what the rules recorded."""
    job = 'job="mimecast"'
    current = [campaign for campaign in campaigns if now - 90 * DAY < campaign.launch <= now]
    name = "mimecast_awareness_campaign_users_completed"
    yield f"# TYPE {name} gauge"
    for campaign in campaigns:
        prefix = f'{name}{{{job},instance="exporter",{campaign.labels}}} '
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
    folder.mkdir(parents=True, exist_ok=True)
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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def rows(seconds: dict[str, float], number: int = NUMBER, days: float = 7.25, rounds: int = 3) -> Iterator[Row]:
    """Measure one evaluation of all groups, on the oldest Prometheus that is supported and on 3.x; fill `seconds`."""
    programs = {"2": servers.find("prometheus"), "3": servers.find_prometheus_3("prometheus")}
    promtool = servers.find_prometheus_3("promtool") or servers.find("promtool")
    what = f"rules at {number} campaigns, one evaluation of every group"
    with tempfile.TemporaryDirectory() as temporary:
        history = Path(temporary) / "history"
        campaigns = [Campaign(at, int(time.time())) for at in range(number)]
        if promtool is not None:
            write_history(promtool, history, campaigns, days)
        for version, program in programs.items():
            if program is None or promtool is None:
                yield left_out(f"{what}, Prometheus {version}", "it is not available here")
                continue
            folder = Path(temporary) / version
            shutil.copytree(history, folder / "data")
            seconds[version] = _evaluated(program, folder, campaigns, rounds)
            yield at_most(f"{what}, Prometheus {version}", seconds[version], 2, " s")


def _evaluated(program: Path, folder: Path, campaigns: list[Campaign], rounds: int) -> float:
    """Return the sum over the groups of the median of their evaluations' seconds."""
    with serving(scraped(campaigns)) as address:
        target = {"targets": [address], "labels": {"instance": "exporter"}}
        configuration = {
            "global": {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL},
            "rule_files": [str(file) for file in quickened(folder, _INTERVAL)],
            "scrape_configs": [{"job_name": "mimecast", "static_configs": [target]}],
        }
        with prometheus_running(program, folder, configuration) as prometheus:
            seen: dict[str, dict[str, float]] = {}

            def looked() -> bool:
                groups = httpx.get(f"{prometheus.base_url}/api/v1/rules", trust_env=False, timeout=60).json()
                for group in groups["data"]["groups"]:
                    seen.setdefault(group["name"], {})[group["lastEvaluation"]] = group["evaluationTime"]
                return min(len(times) for times in seen.values()) >= rounds + _WARMUP

            wait_until(looked, patience=1800)
    return sum(statistics.median(list(times.values())[_WARMUP:]) for times in seen.values())
