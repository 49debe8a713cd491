"""How long the event loop is held: the whole exporter in this process, asked again and again while it refreshes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx
from msgspec.structs import replace

from benchmarks.refreshing import LARGE, answer_of
from benchmarks.rows import Row, at_most
from benchmarks.serving import PROMETHEUS, answering
from tests.serving import Served, configuration, served


class _Ticker:
    """Takes the shortest of turns, and keeps the longest time between two."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._task = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now

    def stop(self) -> float:
        self._task.cancel()
        return self.longest


async def _longest_hold(exporter: Served) -> float:
    """Seconds the loop was held at the longest, from a scrape that fetches to its answer packed."""
    exposition = exporter.app.registry.exposition("acme", None)
    exporter.advance(301)
    ticker = _Ticker()
    await exposition.refresh(120)
    await exposition.body("openmetrics").gzip(b"")
    held = ticker.stop()
    assert exposition.accounts[0].status.up
    return held


async def _scraped_meanwhile(exporter: Served) -> int:
    """Scrapes answered from memory while a refresh runs, each without waiting for it."""
    exporter.advance(301)
    answered = 0
    waiting = asyncio.create_task(exporter.http.get("/metrics", headers=PROMETHEUS, timeout=120))
    while not waiting.done():
        at_once = PROMETHEUS | {"X-Prometheus-Scrape-Timeout-Seconds": "0.1"}
        response = await exporter.http.get("/metrics", headers=at_once)
        assert response.status_code == httpx.codes.OK
        answered += 1
    return answered


async def _measure(base_url: str, rounds: int) -> tuple[float, int]:
    config = configuration(base_url, timeout=120)
    config = replace(config, api=replace(config.api, max_response_size=1024**3))
    async with served(config) as exporter:
        await exporter.scrape()
        holds = [await _longest_hold(exporter) for _ in range(rounds)]
        return min(holds), await _scraped_meanwhile(exporter)


def rows(sizes: tuple[int, ...], rounds: int) -> Iterator[Row]:
    """Measure refreshes of so many campaigns: the least of the rounds counts, what is more being the machine's noise."""
    for size in sizes:
        with answering(answer_of(size)) as api:
            hold, scrapes = asyncio.run(_measure(api, rounds))
        goal = 50 if size == LARGE else 20
        yield at_most(f"refresh of {size} campaigns: longest hold of the event loop", 1000 * hold, goal, " ms", 0)
        yield Row(f"refresh of {size} campaigns: scrapes answered from memory meanwhile", str(scrapes))
