"""Cached scrapes of real processes that take turns: the exporter, nginx, pushgateway and prometheus_client's server."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks import serving
from benchmarks.measuring import memory, percentile
from benchmarks.profile import Parts
from benchmarks.refreshing import LARGE, answer_of
from benchmarks.rows import Row, a_share, at_most, left_out
from benchmarks.serving import PLAIN, PROMETHEUS, Target

#: Of nginx's CPU for the same bytes, at most so many times, by size and coding.
_NGINX_GOALS = {(100, "gzip"): 6.0, (1_000, "gzip"): 4.0, (LARGE, "gzip"): 3.0, (LARGE, "plain"): 1.6}
#: Of pushgateway's CPU for the same series, at most this share.
_PUSHGATEWAY_GOALS = {100: 1 / 5, 1_000: 1 / 50, LARGE: 1 / 500}
#: Scrapes a round, by size; those that render at each scrape get fewer.
_SCRAPES = {100: 200, 1_000: 60, LARGE: 15}
_SLOW = ("pushgateway", "prometheus_client")


class Contest:
    """Contestants' CPU and times of a scrape, by name."""

    def __init__(self, contestants: Mapping[str, Target], headers: dict[str, str], scrapes: int, rounds: int) -> None:
        cpu: dict[str, list[float]] = {name: [] for name in contestants}
        self.times: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, target in contestants.items():
                used, took = target.measure(headers, max(2, scrapes // 20) if name in _SLOW else scrapes)
                cpu[name].append(used)
                self.times[name] += took
        self.cpu = {name: statistics.median(values) for name, values in cpu.items()}

    def against(self, peer: str) -> float:
        """Return the exporter's CPU as a multiple of the peer's."""
        return self.cpu["exporter"] / max(self.cpu[peer], 1e-9)


def rows(size: int, rounds: int, profile: list[Parts], *, peers: bool) -> Iterator[Row]:
    """Measure cached scrapes of so many campaigns of one account; where their CPU goes is added to the profile."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        answer = answer_of(size)
        api = stack.enter_context(serving.answering(answer))
        ours = stack.enter_context(serving.exporter(folder, serving.configuration(api)))
        ours.scrape(PROMETHEUS)
        if size == LARGE:
            yield _below("peak memory, 10 000 campaigns", memory(ours.pid)[1], 200)
        for coding, headers in (("gzip", PROMETHEUS), ("plain", PLAIN)):
            contestants = {"exporter": ours}
            if peers:
                yield from _join(stack, folder / coding, contestants, headers, answer)
            contest = Contest(contestants, headers, _SCRAPES.get(size, 5), rounds)
            yield from _compared(contest, size, coding)
            taken, nginx = contest.cpu["exporter"], contest.cpu.get("nginx")
            parts = Parts.of(f"{size} campaigns, {coding}", ours, headers, taken, nginx)
            profile.append(parts)
            if (size, coding) == (100, "gzip"):
                yield at_most("the exporter's own metrics in that scrape: CPU", 1e6 * parts.own, 100, " µs", 0)
        if peers:
            yield from _flat(ours, size)


def _below(what: str, value: float, goal: float) -> Row:
    return Row(what, f"{value:.0f} MB", f"less than {goal:g} MB", value < goal)


def _join(
    stack: ExitStack, folder: Path, contestants: dict[str, Target], headers: dict[str, str], answer: bytes
) -> Iterator[Row]:
    """Add the peers that the machine has; a row says of the others why they are left out."""
    folder.mkdir()
    ours = contestants["exporter"]
    if program := serving.find_peer("nginx"):
        contestants["nginx"] = stack.enter_context(serving.nginx(program, folder, ours.body(headers)))
    else:
        yield left_out("nginx", serving.UNAVAILABLE)
    if headers is not PROMETHEUS:
        return
    contestants["prometheus_client"] = stack.enter_context(serving.library(folder, answer))
    if program := serving.find_peer("pushgateway"):
        series = [line for line in ours.body(PLAIN).splitlines(keepends=True) if b"awareness_campaign_" in line]
        contestants["pushgateway"] = stack.enter_context(serving.pushgateway(program, folder, b"".join(series)))
    else:
        yield left_out("pushgateway", serving.UNAVAILABLE)


def _compared(contest: Contest, size: int, coding: str) -> Iterator[Row]:
    what = f"cached scrape, {size} campaigns, {coding}"
    for name, times in contest.times.items():
        p50, p99 = (1000 * percentile(times, share) for share in (0.5, 0.99))
        took = f"{1000 * contest.cpu[name]:.2f} ms, {p50:.1f} ms, {p99:.1f} ms"
        yield Row(f"{what}: CPU, p50, p99 of {name}", took)
    if "nginx" in contest.cpu:
        yield at_most(f"{what}: CPU against nginx", contest.against("nginx"), _NGINX_GOALS.get((size, coding)))
    if "pushgateway" in contest.cpu:
        yield a_share(f"{what}: CPU against pushgateway", contest.against("pushgateway"), _PUSHGATEWAY_GOALS[size])
    if "prometheus_client" in contest.cpu:
        yield a_share(f"{what}: CPU against prometheus_client's server", contest.against("prometheus_client"), None)


def _flat(ours: Target, size: int) -> Iterator[Row]:
    """Whether the last of many scrapes cost what the first did."""
    scrapes = 4 * _SCRAPES[size]
    quarters = [ours.measure(PROMETHEUS, scrapes)[0] for _ in range(4)]
    what = f"cached scrape, {size} campaigns: CPU, last quarter of {4 * scrapes} to the first"
    yield Row(what, f"{quarters[-1] / quarters[0]:.2f}")
