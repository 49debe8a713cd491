"""Text that is kept between scrapes says what would be said if nothing were kept, and is made when it must be."""

from __future__ import annotations

import asyncio
import random

import pytest

from exporter.accounts.status import ACCOUNT_FAMILIES, COLLECTOR_FAMILIES, count_families
from exporter.exposition.compression import CachedBody
from exporter.exposition.text import Format, format_labels, render_record
from tests.rawserver import Received, http, json_answer, raw_server
from tests.serving import Served, configuration, served
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

ACCEPT: dict[Format, str] = {"text": "text/plain", "openmetrics": "application/openmetrics-text"}
ANSWERS = (
    json_answer(answer(OLDER)),
    json_answer(answer(OLDER, NEWER)),
    json_answer(answer(NEWER | {"numSent": 99}), headers={"x-ratelimit-limit": "50", "x-ratelimit-remaining": "49"}),
    http(503),
    http(429, headers={"retry-after": "20"}),
    b"",
)


async def assert_nothing_is_out_of_date(exporter: Served, form: Format, *, probe: bool) -> None:
    path = "/probe?target=acme" if probe else "/metrics"
    text = (await exporter.http.get(path, headers={"accept": ACCEPT[form]})).text
    accounts = exporter.app.registry.accounts
    statuses = [accounts["acme"].status] if probe else [account.status for account in accounts.values()]
    for status in statuses:
        (campaigns,) = status.collectors
        account = format_labels(("account",), (status.account,))
        both = format_labels(("account", "collector"), (status.account, "campaigns"))
        rendered = [
            *render_record(ACCOUNT_FAMILIES, status, account).values(),
            *render_record(COLLECTOR_FAMILIES, campaigns, both).values(),
            *render_record(count_families(campaigns.counted_as), campaigns, account).values(),
        ]
        for chunk in rendered:
            assert b"".join(chunk).decode() in text
        assert f"mimecast_cache_requests_total{{{both}}} {campaigns.cache.requests}\n" in text
        assert text.count(f"mimecast_awareness_campaign_info{{{account}") == (campaigns.records or 0)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_a_scrape_says_how_things_stand(seed: int) -> None:
    chance = random.Random(seed)

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(chance.choice(ANSWERS))

    async with raw_server(respond) as api, served(configuration(api.base_url, "acme", "globex")) as exporter:
        for _ in range(40):
            exporter.advance(chance.choice([0, 1, 60, 301, 301, 4000]))
            form: Format = chance.choice(["text", "openmetrics"])
            await assert_nothing_is_out_of_date(exporter, form, probe=chance.random() < 0.3)


async def test_text_is_kept_as_long_as_nothing_changes() -> None:
    given = [ANSWERS[0]]

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(given[0])

    async with raw_server(respond) as api, served(configuration(api.base_url, "acme", "globex")) as exporter:
        exposition = exporter.app.registry.exposition(None, None)

        async def records() -> CachedBody:
            await exposition.refresh(5)
            return exposition.body("text")

        first = await records()
        assert await records() is first
        exporter.advance(301)
        second = await records()
        assert second.parts[: len(first.parts) - 1] == first.parts[:-1]
        assert {account.status.traffic.requests["get-queue", 200] for account in exposition.accounts} == {2}
        given[0] = ANSWERS[1]
        exporter.advance(301)
        third = await records()
        assert third.parts[: len(first.parts) - 1] != first.parts[:-1]
        assert await records() is third
