"""What the exporter costs at 1, 50 and 500 accounts: the figures of docs/performance.md."""

from __future__ import annotations

import re
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import serving
from benchmarks.measuring import memory
from benchmarks.refreshing import answer_of
from benchmarks.rules import NUMBER as RULES_CAMPAIGNS
from benchmarks.serving import PLAIN, PROMETHEUS, Target
from tests import servers
from tests.rules import quickened
from tests.stack import Prometheus, prometheus_running, wait_until

ACCOUNTS = (1, 50, 500)
CAMPAIGNS = 10
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
TEMPLATE = Path(__file__).with_name("performance.template.md")
#: Scrapes a minute apart. At the fifth after a refresh the data is still a moment younger than five minutes.
_SCRAPES_A_DAY, _REFRESHES_A_DAY = 1440, 240
#: Scrapes of Prometheus before its memory is read.
_SCRAPES = 12
_LONG_TIMEOUT = PROMETHEUS | {"X-Prometheus-Scrape-Timeout-Seconds": "110"}


@dataclass(frozen=True)
class Footprint:
    """What a number of accounts costs; sizes in bytes, CPU in seconds, `prometheus` is None if it is not available."""

    accounts: int
    memory: float
    cached_scrape: float
    refreshing_scrape: float
    series: int
    compressed: int
    prometheus: float | None

    @property
    def cpu_a_day(self) -> float:
        """Return CPU seconds a day, scraped each minute, with a time to live of five minutes."""
        cached = _SCRAPES_A_DAY - _REFRESHES_A_DAY
        return cached * self.cached_scrape + _REFRESHES_A_DAY * self.refreshing_scrape


def measured() -> list[Footprint]:
    """Measure each number of accounts."""
    return [_measure(number) for number in ACCOUNTS]


def _measure(accounts: int) -> Footprint:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = stack.enter_context(serving.answering(answer_of(CAMPAIGNS)))
        target = stack.enter_context(serving.exporter(folder / "kept", serving.configuration(api, accounts=accounts)))
        target.scrape(_LONG_TIMEOUT)
        text = target.body(PLAIN)
        prometheus = _prometheus(folder / "prometheus", target)
        expiring = serving.configuration(api, accounts=accounts, ttl="0s")
        refreshing = stack.enter_context(serving.exporter(folder / "expiring", expiring))
        scrapes = max(2, 100 // accounts)
        return Footprint(
            accounts=accounts,
            cached_scrape=statistics.median(target.measure(PROMETHEUS, scrapes)[0] for _ in range(5)),
            refreshing_scrape=statistics.median(refreshing.measure(_LONG_TIMEOUT, scrapes)[0] for _ in range(3)),
            memory=2**20 * memory(refreshing.pid)[0],
            series=len(re.findall(rb"(?m)^[^#\n]", text)),
            compressed=len(target.body(PROMETHEUS)),
            prometheus=prometheus,
        )


def _prometheus(folder: Path, target: Target) -> float | None:
    """Return the memory of a Prometheus 3 with every rule that has scraped the target for a while."""
    program = servers.find_prometheus_3("prometheus")
    if program is None:
        return None
    folder.mkdir()
    configuration = {
        "global": {"scrape_interval": "2s", "evaluation_interval": "10s"},
        "rule_files": [str(file) for file in quickened(folder, "10s")],
        "scrape_configs": [{"job_name": "mimecast", "static_configs": [{"targets": [f"127.0.0.1:{target.port}"]}]}],
    }
    with prometheus_running(program, folder, configuration) as prometheus:
        wait_until(lambda: (prometheus.value("sum(count_over_time(up[10m]))") or 0) >= _SCRAPES, patience=120)
        return _resident(prometheus)


def _resident(prometheus: Prometheus) -> float:
    text = httpx.get(f"{prometheus.base_url}/metrics", trust_env=False, timeout=60).text
    found = re.search(r"(?m)^process_resident_memory_bytes (\S+)$", text)
    assert found
    return float(found[1])


def page(footprints: Sequence[Footprint], rules: Mapping[str, float], facts: Mapping[str, object]) -> str:
    """Return docs/performance.md; `rules` has seconds of one evaluation of every rule by Prometheus's version."""
    rows = {
        "memory of the exporter": [_megabytes(one.memory) for one in footprints],
        "CPU time of the exporter": [_cpu(one.cpu_a_day) for one in footprints],
        "API calls a day": [_number(_REFRESHES_A_DAY * one.accounts) for one in footprints],
        "series": [_number(one.series) for one in footprints],
        "size of `/metrics`, compressed": [f"{_number(max(1, round(one.compressed / 1000)))} kB" for one in footprints],
        "memory of Prometheus 3": ["" if one.prometheus is None else _megabytes(one.prometheus) for one in footprints],
    }
    for version, seconds in rules.items():
        each = seconds / RULES_CAMPAIGNS * CAMPAIGNS
        rows[f"one evaluation of all rules, Prometheus {version}"] = [
            f"{each * one.accounts:.2g} s" for one in footprints
        ]
    head = " | ".join(["", *(f"{one.accounts} account{'s' if one.accounts > 1 else ''}" for one in footprints)])
    lines = [f"| {head} |", "| --- |" + " ---: |" * len(footprints)]
    lines += [f"| {name} | {' | '.join(values)} |" for name, values in rows.items()]
    table = "".join(f"{line}\n" for line in lines)
    figures = {
        "table": table,
        "campaigns": CAMPAIGNS,
        "rules_campaigns": _number(RULES_CAMPAIGNS),
        "cached": f"{1000 * footprints[0].cached_scrape:.1f}",
        "refresh": f"{1000 * footprints[0].refreshing_scrape:.0f}",
    }
    return TEMPLATE.read_text().format(**figures, **facts)


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"


def _cpu(seconds: float) -> str:
    return f"{seconds:.0f} s a day ({seconds / 864:.2g} % of a core)"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")
