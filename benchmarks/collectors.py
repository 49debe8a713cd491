"""Refreshes of several collectors: all of one account at once, against each of them alone."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import serving
from benchmarks.refreshing import BEGAN
from benchmarks.rows import Row, at_most
from benchmarks.serving import PROMETHEUS
from exporter.collectors import COLLECTORS
from exporter.simulator import Simulator, fleet

_CAMPAIGNS = 50
_SCRAPES = 20


def rows(rounds: int) -> Iterator[Row]:
    """Compare the CPU of scrapes that refresh."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = stack.enter_context(serving.answering(_answers()))
        contestants = {
            name: stack.enter_context(
                serving.exporter(folder / name, serving.configuration(api, ttl="0s", collectors=names))
            )
            for name, names in {"all": tuple(COLLECTORS), **{name: (name,) for name in COLLECTORS}}.items()
        }
        taken: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, target in contestants.items():
                taken[name].append(target.measure(PROMETHEUS, _SCRAPES)[0])
    cpu = {name: statistics.median(values) for name, values in taken.items()}
    together, alone = cpu.pop("all"), sum(cpu.values())
    each = ", ".join(f"{name} {1000 * value:.1f} ms" for name, value in cpu.items())
    yield Row(f"scrape that refreshes {_CAMPAIGNS} campaigns or the like: CPU", f"{each}, all {1000 * together:.1f} ms")
    yield at_most("scrape that refreshes four collectors: CPU against scrapes of each alone", together / alone, 1.3)


def _answers() -> dict[str, bytes]:
    """Return an answer of each endpoint."""
    simulator = Simulator(fleet(1), campaigns=_CAMPAIGNS, clock=lambda: BEGAN)
    (account,) = simulator.accounts
    return {
        path.rpartition("/")[2]: json.dumps({"fail": [], "meta": {"status": 200}, "data": list(items)}).encode()
        for path in (collector.endpoint.path for collector in COLLECTORS.values())
        if (items := simulator.items(account.name, path.rpartition("/")[2], BEGAN))  # type: ignore[arg-type] # a literal
    }
