"""Text that is kept between scrapes says what would be said if nothing were kept, and is made when it must be."""

from __future__ import annotations

import asyncio
import random

import pytest

from exporter.accounts.status import ACCOUNT_FAMILIES, COLLECTOR_FAMILIES, count_families
from exporter.collectors import COLLECTORS
from exporter.exposition.compression import CachedBody
from exporter.exposition.text import Format, format_labels, render_record
from tests.rawserver import Received, http, json_answer, raw_server
from tests.serving import Served, configuration, served
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

ACCEPT: dict[Format, str] = {"text": "text/plain", "openmetrics": "application/openmetrics-text"}
PATHS = ("/metrics", "/metrics?collect[]=campaigns", "/metrics?collect[]=phishing", "/probe?target=acme")
ANSWERS = (
    json_answer(answer(OLDER)),
    json_answer(answer(OLDER, NEWER)),
    json_answer(answer(NEWER | {"numSent": 99}), headers={"x-ratelimit-limit": "50", "x-ratelimit-remaining": "49"}),
    http(503),
    http(429, headers={"retry-after": "20"}),
    b"",
)


async def assert_nothing_is_out_of_date(exporter: Served, form: Format, path: str) -> None:
    text = (await exporter.http.get(path, headers={"accept": ACCEPT[form]})).text
    accounts = exporter.app.registry.accounts
    statuses = [accounts["acme"].status] if "acme" in path else [account.status for account in accounts.values()]
    for status in statuses:
        account = format_labels(("account",), (status.account,))
        rendered = [*render_record(ACCOUNT_FAMILIES, status, account).values()]
        shown = [one for one in status.collectors if "collect[]" not in path or path.endswith(one.collector)]
        for one in shown:
            both = format_labels(("account", "collector"), (status.account, one.collector))
            rendered += render_record(COLLECTOR_FAMILIES, one, both).values()
            rendered += render_record(count_families(one.counted_as), one, account).values()
        for chunk in rendered:
            assert b"".join(chunk).decode() in text
        records = sum(one.records or 0 for one in shown if one.collector == "campaigns")
        assert text.count(f"mimecast_awareness_campaign_info{{{account}") == records


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_a_scrape_says_how_things_stand(seed: int) -> None:
    chance = random.Random(seed)

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(chance.choice(ANSWERS))

    async with raw_server(respond) as api:
        config = configuration(api.base_url, "acme", "globex", collectors=("campaigns", "phishing"))
        async with served(config) as exporter:
            for _ in range(40):
                exporter.advance(chance.choice([0, 1, 60, 301, 301, 4000]))
                form: Format = chance.choice(["text", "openmetrics"])
                await assert_nothing_is_out_of_date(exporter, form, chance.choice(PATHS))


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


async def test_an_account_without_data_does_not_change_the_text() -> None:
    async def respond(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(500) if received.headers["x-mc-app-id"] == "globex" else ANSWERS[0])

    async with raw_server(respond) as api, served(configuration(api.base_url, "acme", "globex")) as exporter:
        exposition = exporter.app.registry.exposition(None, None)
        bodies = []
        for _ in range(3):
            await exposition.refresh(5)
            bodies.append(exposition.body("text"))
    assert bodies[0] is bodies[1] is bodies[2]


async def test_selections_of_the_same_collectors_share_their_text() -> None:
    async with served(configuration("http://127.0.0.1:1", "acme")) as exporter:
        select = exporter.app.registry.exposition
        assert select(None, frozenset({"campaigns"})) is select(None, frozenset({"campaigns", "exporter"}))
        assert select(None, frozenset(COLLECTORS)) is select(None, None) is not select(None, frozenset({"campaigns"}))
