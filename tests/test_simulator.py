"""The simulator behaves as the API is documented; these tests sign and authorise requests with code of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from exporter.simulator import Fault, Simulator, configuration, fleet, serve
from tests.apicalls import (
    BODY,
    NOW,
    OAUTH2,
    PATHS,
    PERFORMANCE,
    PHISHING,
    QUEUE,
    SCORES,
    SIGNED,
    TOKEN,
    bearer,
    credentials,
    signed,
)
from tests.clocks import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def simulator(clock: Clock) -> Simulator:
    return Simulator(fleet(3), clock=clock)


@pytest.fixture
async def api(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(simulator) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield client


async def data_of(api: httpx.AsyncClient, path: str, headers: dict[str, str]) -> list[dict[str, Any]]:
    response = await api.post(path, content=BODY, headers=headers)
    assert response.status_code == 200
    assert response.json() | {"data": []} == {"fail": [], "meta": {"status": 200}, "data": []}
    data: list[dict[str, Any]] = response.json()["data"]
    return data


@pytest.mark.parametrize("path", PATHS)
async def test_a_signed_request_and_a_token_get_every_endpoint(api: httpx.AsyncClient, path: str) -> None:
    assert await data_of(api, path, signed(path))
    assert await data_of(api, path, await bearer(api))


async def test_each_endpoint_answers_with_the_documented_fields(api: httpx.AsyncClient) -> None:
    phishing, scores, performance = [
        (await data_of(api, path, signed(path)))[0] for path in (PHISHING, SCORES, PERFORMANCE)
    ]
    assert phishing.keys() == {
        "id", "name", "launchDate", "locked", "locale", "timeSlotSelected", "numSent", "numOpened", "numClicked",
        "numSubmitted", "sender", "group", "templates",
    }  # fmt: skip
    assert scores.keys() == {"scoreCounts"}
    assert list(scores["scoreCounts"]) == ["a", "b", "c", "d", "f"]
    assert performance.keys() == {
        "numParticipating", "numZeroIncorrect", "numOneIncorrect", "numTwoIncorrect", "numThreeIncorrect",
        "numFourOrMoreIncorrect", "numVideosSent", "numVideosNotWatched", "departmentCompletionStats",
    }  # fmt: skip


async def test_answers_hold_the_fields_that_name_people(api: httpx.AsyncClient) -> None:
    phishing = (await data_of(api, PHISHING, signed(PHISHING)))[0]
    performance = (await data_of(api, PERFORMANCE, signed(PERFORMANCE)))[0]
    assert "@" in phishing["sender"]["email"]
    assert " " in phishing["sender"]["name"]
    assert phishing["group"]["description"]
    assert phishing["templates"][0]["displayTitle"]
    assert performance["departmentCompletionStats"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "change",
    [
        {"authorization": f"MC {SIGNED.access_key}:AAAA"},
        {"authorization": "MC other:AAAA"},
        {"authorization": ""},
        {"x_mc_req_id": "another"},
        {"x_mc_date": "Tue, 24 Nov 2015 12:50:11 UTC"},
        {"x_mc_date": "24.11.2026"},
    ],
    ids=str,
)
async def test_a_wrong_signature_gets_the_error_the_api_gives(
    api: httpx.AsyncClient, path: str, change: dict[str, str]
) -> None:
    response = await api.post(path, content=BODY, headers=signed(path, SIGNED, **change))
    assert response.status_code == 401
    assert response.json()["fail"][0]["errors"][0]["code"] == "err_xdk_invalid_signature"


async def test_a_signature_is_valid_for_its_own_path_only(api: httpx.AsyncClient) -> None:
    assert (await api.post(SCORES, content=BODY, headers=signed(QUEUE))).status_code == 401


async def test_a_request_id_can_be_used_once(api: httpx.AsyncClient) -> None:
    headers = signed()
    assert (await api.post(QUEUE, content=BODY, headers=headers)).status_code == 200
    assert (await api.post(QUEUE, content=BODY, headers=headers)).status_code == 401


async def test_a_wrong_application_fails_on_status_200(api: httpx.AsyncClient) -> None:
    response = await api.post(QUEUE, content=BODY, headers=signed(QUEUE, x_mc_app_id="other"))
    assert response.status_code == 200
    assert response.json()["data"] == []
    assert response.json()["fail"][0]["errors"][0]["code"] == "err_developer_key"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"{'data': []}", b"", b"{}", b'{"data": {}}', b"[]", b"[" * 100_000], ids=range(6))
async def test_an_invalid_body_is_refused(api: httpx.AsyncClient, path: str, body: bytes) -> None:
    assert (await api.post(path, content=body, headers=signed(path))).status_code == 400


@pytest.mark.parametrize("meta", [None, 1, [], {"pagination": 1}, {"pagination": {"pageToken": "page-x"}}], ids=str)
async def test_a_page_token_that_was_not_issued_gets_the_first_page(api: httpx.AsyncClient, meta: object) -> None:
    response = await api.post(QUEUE, json={"meta": meta, "data": []}, headers=signed())
    assert len(response.json()["data"]) == 16


async def test_a_wrong_client_secret_is_refused_and_echoed_as_the_api_is_reported_to(api: httpx.AsyncClient) -> None:
    response = await api.post(TOKEN, data=credentials() | {"client_secret": "wrong"})
    assert response.status_code == 401
    assert "wrong" in response.text


async def test_a_token_expires(clock: Clock, api: httpx.AsyncClient) -> None:
    headers = await bearer(api)
    clock.advance(1800)
    response = await api.post(QUEUE, content=BODY, headers=headers)
    assert response.status_code == 401
    assert response.json()["fail"][0]["errors"][0]["code"] == "token_expired"


async def test_all_endpoints_of_an_account_share_its_rate_limit_and_report_it() -> None:
    clock = Clock(NOW - NOW % 60 + 20)
    limited = Simulator(fleet(1), clock=clock, rate_limit=2)
    async with serve(limited) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as api:
        headers = await bearer(api)
        answers = [await api.post(path, content=BODY, headers=headers) for path in PATHS[:3]]
        clock.advance(40)
        answers.append(await api.post(QUEUE, content=BODY, headers=headers))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0", "1"]
    assert answers[2].headers["x-ratelimit-reset"] == "40000"
    assert answers[0].headers["x-ratelimit-limit"] == "2"


@pytest.mark.parametrize(("path", "count"), [(QUEUE, 16), (PHISHING, 13)])
async def test_a_page_names_the_next(path: str, count: int) -> None:
    paged = Simulator(fleet(1), clock=Clock(NOW), page_size=7)
    async with serve(paged) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as api:
        headers, seen, pagination = await bearer(api), [], {"next": ""}
        while "next" in pagination:
            meta = {"pagination": {"pageToken": pagination["next"]}} if pagination["next"] else {}
            answer = (await api.post(path, json={"meta": meta, "data": []}, headers=headers)).json()
            seen += [item["id"] for item in answer["data"]]
            pagination = answer["meta"]["pagination"]
    assert len(set(seen)) == len(seen) == count


async def test_numbers_of_every_endpoint_move_as_time_passes(simulator: Simulator, api: httpx.AsyncClient) -> None:
    before = [await data_of(api, path, signed(path)) for path in PATHS]
    simulator.advanced = 30 * 86400
    after = [await data_of(api, path, signed(path)) for path in PATHS]
    assert all(earlier != later for earlier, later in zip(before, after, strict=True))


async def test_requests_are_recorded_by_endpoint(simulator: Simulator, api: httpx.AsyncClient) -> None:
    headers = await bearer(api)
    for path in PATHS:
        await api.post(path, content=BODY, headers=headers)
    recorded = (await api.get("/simulator/requests")).json()
    assert [(one["endpoint"], one["account"], one["status"]) for one in recorded] == [
        (endpoint, OAUTH2.name, 200)
        for endpoint in ("token", "get-queue", "get-campaign", "get-safe-score-summary", "get-performance-summary")
    ]
    assert [one.endpoint for one in simulator.requests] == [one["endpoint"] for one in recorded]


async def test_a_fault_of_one_endpoint_leaves_the_others_alone(simulator: Simulator, api: httpx.AsyncClient) -> None:
    simulator.faults.add(Fault(endpoint="get-campaign", account=SIGNED.name, status=403))
    statuses = [(await api.post(path, content=BODY, headers=signed(path))).status_code for path in PATHS]
    assert statuses == [200, 403, 200, 200]


async def test_a_certificate_that_cannot_be_read_is_reported_at_once(simulator: Simulator, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        async with serve(simulator, certificate=tmp_path / "key.pem"):
            pass


def test_a_configuration_gives_each_account_its_kind_of_credentials() -> None:
    text = configuration(fleet(12), "http://127.0.0.1:1")
    assert text.count("oauth2:") == 8
    assert text.count("hmac:") == 4
    assert "customer-0008" in text


def test_a_configuration_enables_the_collectors_given() -> None:
    text = configuration(fleet(1), "http://127.0.0.1:1", ["campaigns", "phishing"])
    assert yaml.safe_load(text)["collectors"] == ["campaigns", "phishing"]
    assert "collectors" not in configuration(fleet(1), "http://127.0.0.1:1")


async def test_a_client_that_leaves_is_no_error(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    async with serve(simulator) as base_url:
        _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(base_url).port)
        writer.write(f"POST {TOKEN} HTTP/1.1\r\nhost: api\r\ncontent-length: 100\r\n\r\nhalf".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
            assert (await client.get("/simulator/requests")).json() == []
    assert caplog.records == []
