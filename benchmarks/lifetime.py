"""The life of a process: its start, its memory when little is asked of it, and after a day's worth of scrapes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import serving
from benchmarks.measuring import cpu_seconds, memory
from benchmarks.refreshing import LARGE, answer_of
from benchmarks.rows import Row, at_most
from benchmarks.serving import PROMETHEUS, Target

#: Campaigns of a small account: Mimecast schedules at most 14 at once by default.
_SMALL = 14
#: A day of scrapes each minute, and of refreshes every five.
_DAY = (1440, 288)


def rows(soak_seconds: float) -> Iterator[Row]:
    """Everything about one process."""
    with tempfile.TemporaryDirectory() as name, serving.answering(answer_of(_SMALL)) as api:
        folder = Path(name)
        took = 1000 * serving.startup(folder, serving.configuration(api), 9)
        yield at_most("process start to first answered scrape", took, 220, " ms", 0)
        before, after = serving.modules(folder, serving.configuration(api))
        yield Row("modules loaded by `serve` before the first scrape, after it", f"{before}, {after}")
        with serving.exporter(folder, serving.configuration(api)) as target:
            target.scrape(PROMETHEUS)
            idle = memory(target.pid)[0]
            yield at_most("memory when idle, one small account", idle, 38, " MB")
            yield Row("CPU of an idle process", f"{_idle(target):.1f} s a day")
    grown = [_peak(size) - idle for size in (1_000, LARGE)]
    yield at_most("memory above idle at its peak, 10 000 : 1 000 campaigns", grown[1] / grown[0], 11)
    yield from _soaked(soak_seconds)


def _idle(target: Target) -> float:
    """CPU seconds that a day without a scrape would take."""
    began, used = time.monotonic(), cpu_seconds(target.pid)
    time.sleep(10)
    return (cpu_seconds(target.pid) - used) * 86400 / (time.monotonic() - began)


def _peak(campaigns: int) -> float:
    """MB at the peak of a process that fetches so many campaigns and is scraped in either coding."""
    with tempfile.TemporaryDirectory() as name, serving.answering(answer_of(campaigns)) as api:
        with serving.exporter(Path(name), serving.configuration(api)) as target:
            target.scrape(PROMETHEUS)
            target.scrape(serving.PLAIN)
            return memory(target.pid)[1]


def _soaked(seconds: float) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name, serving.answering(answer_of(300)) as api:
        with serving.exporter(Path(name), serving.configuration(api, ttl="0s")) as target:
            scrapes, growth = serving.soak(target, seconds)
            days = min(scrapes / _DAY[0], scrapes / _DAY[1])
            what = (
                f"memory after {scrapes} scrapes, each with a refresh of 300 campaigns (as many as in {days:.1f} days)"
            )
            yield Row(what, f"{100 * growth:+.1f} %", "within 3 %", growth <= 0.03)
