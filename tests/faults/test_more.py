"""Faults that do not fit the matrix: a hundred thousand campaigns, pauses that are obeyed, clocks that jump."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.facing import facing
from tests.faults.fault import GOOD, Fault, raw_json
from tests.rawserver import Received, http, json_answer, raw_server, sends
from tests.serving import configuration, served
from tests.vendor_samples import OLDER, answer

pytestmark = pytest.mark.anyio


async def test_a_hundred_thousand_campaigns_are_read(tmp_path: Path) -> None:
    item = '{"id": "%d", "title": {"title": "Campaign %d"}, "numSent": 5}'
    body = raw_json('{"data": [' + ",".join(item % (number, number) for number in range(100_000)) + "]}")
    async with facing(Fault(body, settings={"timeout": 60.0}), tmp_path, warm=False) as faced:
        response = await faced.exporter.http.get("/metrics", timeout=90)
    assert response.text.count("\nmimecast_awareness_campaign_emails_sent{") == 100_000
    assert 'mimecast_awareness_campaigns{account="acme"} 100000\n' in response.text


HOUR = 3600
PAUSES = [
    ({"retry-after": "20"}, 20),
    ({"x-ratelimit-reset": "30000"}, 30),
    ({"retry-after": "20", "x-ratelimit-reset": "45000"}, 45),
    ({"retry-after": "50", "x-ratelimit-reset": "45000"}, 50),
    ({"retry-after": "99999999999999999999"}, HOUR),
    ({"retry-after": "Mon, 21 Sep 2026 14:13:50 GMT"}, 30),
    ({"retry-after": "Mon, 21 Sep 2026 14:13:50 GMT", "date": "Mon, 21 Sep 2026 14:13:00 GMT"}, 50),
    ({"x-ratelimit-reset": "99999999999999999999"}, HOUR),
]


@pytest.mark.parametrize(("headers", "pause"), PAUSES)
@pytest.mark.parametrize(("ttl", "status"), [(0, 429), (300, 429), (300, 503)])
async def test_a_requested_pause_lasts_to_the_second(
    headers: dict[str, str], pause: int, ttl: float, status: int
) -> None:
    answers = iter([http(status, headers=headers)])

    async def respond(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers, GOOD))

    async with raw_server(respond) as api, served(configuration(api.base_url, ttl=ttl)) as exporter:
        await exporter.scrape()
        exporter.advance(pause - 1)
        assert (await exporter.scrape()).value("mimecast_up") == 0
        exporter.wall_clock.advance(HOUR)
        await exporter.scrape()
        assert len(api.requests) == 1
        exporter.advance(1)
        assert (await exporter.scrape()).value("mimecast_up") == 1
        assert len(api.requests) == 2


@pytest.mark.parametrize("headers", [{}, {"retry-after": "planted"}, {"x-ratelimit-reset": "-1"}])
async def test_a_429_that_names_no_usable_pause_is_kept_away_from_as_from_any_failure(headers: dict[str, str]) -> None:
    async with (
        raw_server(sends(http(429, headers=headers), GOOD)) as api,
        served(configuration(api.base_url)) as exporter,
    ):
        await exporter.scrape()
        exporter.advance(4.9)
        await exporter.scrape()
        assert len(api.requests) == 1
        exporter.advance(1.2)
        assert (await exporter.scrape()).value("mimecast_up") == 1


@pytest.mark.parametrize("code", ["err_developer_key", "app_forbidden", "err_unheard_of"])
@pytest.mark.parametrize("reset", ["20", "3600000"])
async def test_a_refusal_that_is_no_rate_limit_is_kept_away_from_as_from_any_failure(code: str, reset: str) -> None:
    refusal = json_answer({"fail": [{"code": code}], "data": []}, headers={"x-ratelimit-reset": reset})
    async with raw_server(sends(refusal, GOOD)) as api, served(configuration(api.base_url)) as exporter:
        await exporter.scrape()
        exporter.advance(4.9)
        await exporter.scrape()
        assert len(api.requests) == 1
        exporter.advance(1.2)
        assert (await exporter.scrape()).value("mimecast_up") == 1


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, -400 * 86400.0, 400 * 86400.0])
async def test_a_wall_clock_that_jumps_changes_no_age(jump: float) -> None:
    async with raw_server(sends(GOOD)) as api, served(configuration(api.base_url)) as exporter:
        await exporter.scrape()
        exporter.wall_clock.advance(jump)
        exposition = await exporter.scrape()
        assert exposition.value("mimecast_cache_hits_total") == 1
        exporter.clock.advance(299)
        await exporter.scrape()
        assert len(api.requests) == 1
        exporter.clock.advance(2)
        await exporter.scrape()
        assert len(api.requests) == 2


async def test_the_clock_skew_is_exported() -> None:
    dated = json_answer(answer(OLDER), headers={"date": "Mon, 21 Sep 2026 15:13:20 GMT"})
    async with raw_server(sends(dated)) as api, served(configuration(api.base_url)) as exporter:
        exposition = await exporter.scrape()
    assert exposition.value("mimecast_api_clock_skew_seconds") == 1_790_003_600 - 1_790_000_000
