"""Many who want new data at the same time: the API is asked no more than it must be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from exporter.http.handlers.state import HandlerOptions
from tests.load.sizes import SIZES
from tests.rawserver import Received, http, json_answer, raw_server
from tests.serving import configuration, served
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

GOOD = json_answer(answer(OLDER, NEWER))
CONCURRENCY = 20
SCRAPERS = 100
OPTIONS = HandlerOptions()


class Api:
    """An API that answers once it is let, and counts how many calls it has at the same time."""

    def __init__(self) -> None:
        self.body = GOOD
        self.open = asyncio.Event()
        self.open.set()
        self.now = 0
        self.most = 0

    async def __call__(self, _: Received, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        await self.open.wait()
        self.now -= 1
        writer.write(self.body)


async def test_scrapes_that_come_together_cost_one_call_a_wave(
    record_property: Callable[[str, object], None],
) -> None:
    api, waves = Api(), 5
    async with raw_server(api) as server, served(configuration(server.base_url, ttl=0), OPTIONS) as exporter:
        for wave in range(1, waves + 1):
            api.open.clear()
            scrapes = [asyncio.create_task(exporter.scrape()) for _ in range(SCRAPERS)]
            statistics = exporter.app.registry.lookups["campaigns"]
            async with asyncio.timeout(30):
                while statistics.requests < wave * SCRAPERS:
                    await asyncio.sleep(0.01)
            api.open.set()
            assert all(one.value("mimecast_up") == 1 for one in await asyncio.gather(*scrapes))
            assert len(server.requests) == wave
    record_property(f"calls for {waves} waves of {SCRAPERS} scrapes, without a cache", waves)


async def test_accounts_that_expire_together_are_fetched_a_few_at_a_time_and_once(
    record_property: Callable[[str, object], None],
) -> None:
    api = Api()
    async with raw_server(api) as server:
        config = configuration(server.base_url, *(f"customer-{n}" for n in range(SIZES.accounts)), timeout=120)
        config = replace(config, api=replace(config.api, concurrency=CONCURRENCY))
        async with served(config, OPTIONS) as exporter:
            for round_number in (1, 2):
                scrapes = (exporter.scrape(X_Prometheus_Scrape_Timeout_Seconds="110") for _ in range(5))
                for exposition in await asyncio.gather(*scrapes):
                    assert exposition.values("mimecast_up") == [1.0] * SIZES.accounts
                assert len(server.requests) == round_number * SIZES.accounts
                exporter.advance(301)
    assert api.most <= CONCURRENCY
    record_property(f"{SIZES.accounts} accounts that expire together: most calls at the same time", api.most)


async def test_an_api_that_fails_is_left_alone_however_many_scrape() -> None:
    api = Api()
    api.body = http(503)
    async with raw_server(api) as server, served(configuration(server.base_url, ttl=0), OPTIONS) as exporter:
        calls = []
        for pause in (0, 1, 5, 1, 11, 1, 25):
            exporter.advance(pause)
            await asyncio.gather(*(exporter.scrape() for _ in range(SCRAPERS // 4)))
            calls.append(len(server.requests))
    assert calls == [1, 1, 2, 2, 3, 3, 4]


async def test_an_api_that_hangs_keeps_no_scrape_beyond_its_deadline() -> None:
    api, deadline = Api(), 1.5
    async with raw_server(api) as server, served(configuration(server.base_url, timeout=60), OPTIONS) as exporter:
        await exporter.scrape()
        exporter.advance(301)
        api.open.clear()
        headers = {"X_Prometheus_Scrape_Timeout_Seconds": f"{deadline}"}
        stale = await asyncio.gather(*(exporter.scrape(**headers) for _ in range(SCRAPERS // 2)))
        api.open.set()
    assert all(len(one.values("mimecast_awareness_campaign_info")) == 2 for one in stale)
    assert len(server.requests) == 2
