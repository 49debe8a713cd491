"""Text that is kept between scrapes says what would be said if nothing were kept, and is made when it must be."""

from __future__ import annotations

import asyncio
import random

import pytest

from exporter.exposition.text import Format, merge_accounts, render_account
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
    accounts = exporter.service.fleet.collection.accounts
    statuses = [accounts["acme"].status] if probe else [account.status for account in accounts.values()]
    anew = b"".join(merge_accounts(map(render_account, statuses), form)).decode()
    assert anew in text
    for status in statuses:
        assert f'mimecast_cache_requests_total{{account="{status.account}"}} {status.cache.requests}\n' in text
        series = text.count(f'mimecast_awareness_campaign_info{{account="{status.account}"')
        assert series == (status.campaigns or 0)


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


async def test_an_answer_that_changes_nothing_makes_no_text_anew() -> None:
    given = [ANSWERS[0]]

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(given[0])

    async with raw_server(respond) as api, served(configuration(api.base_url, "acme", "globex")) as exporter:
        collection = exporter.service.fleet.collection
        first = (await collection.collect(None, 5)).campaigns
        exporter.advance(301)
        second = await collection.collect(None, 5)
        assert second.campaigns is first
        assert {status.traffic.requests["get-queue", 200] for status in second.statuses} == {2}
        given[0] = ANSWERS[1]
        exporter.advance(301)
        third = await collection.collect(None, 5)
        assert third.campaigns is not first
        assert third.text("text") is third.text("text")
        assert (await collection.collect(None, 5)).text("text") is third.text("text")
