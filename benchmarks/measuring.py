"""Rounds, medians and what the kernel says of a process. Knows nothing of what is measured."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def medians(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """CPU seconds of this process for each contestant: they take turns, and the median of the rounds counts."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            began = time.process_time()
            run()
            taken[name].append(time.process_time() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def each(run: Callable[[], object], times: int, rounds: int = 5) -> float:
    """CPU seconds of this process for one call: the median of the rounds, each of so many calls."""

    def repeat() -> None:
        for _ in range(times):
            run()

    return medians({"": repeat}, rounds)[""] / times


def cpu_seconds(pid: int) -> float:
    """CPU seconds a process and its children that live have taken, threads that ended included."""
    return sum(time.clock_gettime(_cpu_clock(number)) for number in (pid, *_children(pid)))


def _cpu_clock(pid: int) -> int:
    """Return the clock that clock_getcpuclockid(3) gives of a process; Python has it of threads only."""
    return (~pid << 3) | 2


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(number) for number in listed.read_text().split()] if listed.exists() else []


def memory(pid: int) -> tuple[float, float]:
    """Resident memory now and at its peak, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()

    def megabytes(name: str) -> float:
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    return megabytes("VmRSS"), megabytes("VmHWM")


def percentile(values: list[float], share: float) -> float:
    """Return the value below which that share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
