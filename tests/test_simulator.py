"""The simulator is an independent statement of what the API does; these tests sign requests with code of their own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator
from email.utils import formatdate
from itertools import pairwise
from typing import Any

import httpx
import pytest

from exporter.simulator import Fault, SimulatedAccount, Simulator, configuration, fleet, refusal, serve
from exporter.simulator.api import QUEUE_PATH, TOKEN_PATH
from exporter.simulator.campaigns import DAY, Queue
from tests.clocks import Clock

pytestmark = pytest.mark.anyio

OAUTH2, _, SIGNED = fleet(3)
BODY = b'{"data": []}'


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(fleet(3), clock=Clock(1_790_000_000.0))


@pytest.fixture
async def api(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(simulator) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield client


def signature(account: SimulatedAccount, date: str, request_id: str) -> str:
    message = f"{date}:{request_id}:{QUEUE_PATH}:{account.key}".encode()
    key = base64.b64decode(account.secret_key)
    return base64.b64encode(hmac.new(key, message, hashlib.sha1).digest()).decode()


def signed(account: SimulatedAccount, **changes: str) -> dict[str, str]:
    date, request_id = formatdate(1_790_000_000, usegmt=True).replace("GMT", "UTC"), str(uuid.uuid4())
    headers = {
        "authorization": f"MC {account.access_key}:{signature(account, date, request_id)}",
        "x-mc-app-id": account.application,
        "x-mc-date": date,
        "x-mc-req-id": request_id,
        "content-type": "application/json",
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


async def token(api: httpx.AsyncClient, account: SimulatedAccount = OAUTH2) -> str:
    form = {"grant_type": "client_credentials", "client_id": account.application, "client_secret": account.key}
    answer = (await api.post(TOKEN_PATH, data=form)).json()
    assert answer["expires_in"] == 1799
    return str(answer["access_token"])


async def bearer(api: httpx.AsyncClient) -> dict[str, str]:
    return {"authorization": f"Bearer {await token(api)}"}


async def queue_of(api: httpx.AsyncClient, headers: dict[str, str]) -> list[dict[str, Any]]:
    response = await api.post(QUEUE_PATH, content=BODY, headers=headers)
    assert (response.status_code, response.json()["fail"]) == (200, [])
    data: list[dict[str, Any]] = response.json()["data"]
    return data


async def test_a_signed_request_gets_the_queue(api: httpx.AsyncClient) -> None:
    assert len(await queue_of(api, signed(SIGNED))) == 16


async def test_a_token_gets_the_queue(api: httpx.AsyncClient) -> None:
    assert len(await queue_of(api, await bearer(api))) == 16


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
async def test_a_wrong_signature_gets_the_error_the_api_gives(api: httpx.AsyncClient, change: dict[str, str]) -> None:
    response = await api.post(QUEUE_PATH, content=BODY, headers=signed(SIGNED, **change))
    assert response.status_code == 401
    assert response.json()["fail"][0]["errors"][0]["code"] == "err_xdk_invalid_signature"


async def test_a_request_id_can_be_used_once(api: httpx.AsyncClient) -> None:
    headers = signed(SIGNED)
    assert (await api.post(QUEUE_PATH, content=BODY, headers=headers)).status_code == 200
    assert (await api.post(QUEUE_PATH, content=BODY, headers=headers)).status_code == 401


async def test_a_wrong_application_fails_on_status_200(api: httpx.AsyncClient) -> None:
    response = await api.post(QUEUE_PATH, content=BODY, headers=signed(SIGNED, x_mc_app_id="other"))
    assert response.status_code == 200
    assert response.json()["data"] == []
    assert response.json()["fail"][0]["errors"][0]["code"] == "err_developer_key"


@pytest.mark.parametrize("body", [b"{'data': []}", b"", b"{}", b'{"data": {}}', b"[]"])
async def test_a_body_that_is_not_valid_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    assert (await api.post(QUEUE_PATH, content=body, headers=signed(SIGNED))).status_code == 400


async def test_a_wrong_client_secret_is_refused_and_echoed_as_the_api_was_reported_to(api: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": OAUTH2.application, "client_secret": "wrong"}
    response = await api.post(TOKEN_PATH, data=form)
    assert response.status_code == 401
    assert "wrong" in response.text


async def test_a_token_expires(simulator: Simulator, api: httpx.AsyncClient) -> None:
    headers = await bearer(api)
    assert isinstance(simulator._clock, Clock)
    simulator._clock.advance(1800)
    response = await api.post(QUEUE_PATH, content=BODY, headers=headers)
    assert response.status_code == 401
    assert response.json()["fail"][0]["errors"][0]["code"] == "token_expired"


async def test_the_rate_limit_is_told_and_held() -> None:
    clock = Clock(1_790_000_040.0 - 1_790_000_040.0 % 60 + 20)
    limited = Simulator(fleet(1), clock=clock, rate_limit=2)
    async with serve(limited) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as api:
        headers = await bearer(api)
        answers = [await api.post(QUEUE_PATH, content=BODY, headers=headers) for _ in range(3)]
        clock.advance(40)
        answers.append(await api.post(QUEUE_PATH, content=BODY, headers=headers))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["1", "0", "0", "1"]
    assert answers[2].headers["x-ratelimit-reset"] == "40000"
    assert answers[0].headers["x-ratelimit-limit"] == "2"


async def test_pages_are_named_and_followed() -> None:
    paged = Simulator(fleet(1), clock=Clock(), page_size=7)
    async with serve(paged) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as api:
        headers, seen, pagination = await bearer(api), [], {"next": ""}
        while "next" in pagination:
            meta = {"pagination": {"pageToken": pagination["next"]}} if pagination["next"] else {}
            answer = (await api.post(QUEUE_PATH, json={"meta": meta, "data": []}, headers=headers)).json()
            seen += [item["id"] for item in answer["data"]]
            pagination = answer["meta"]["pagination"]
    assert len(set(seen)) == len(seen) == 16


async def test_faults_are_switched_on_for_an_account_and_a_number_of_requests(
    simulator: Simulator, api: httpx.AsyncClient
) -> None:
    fault = {"account": SIGNED.name, "times": 2, "status": 503, "body": refusal("err_busy", "Busy", shape="flat")}
    assert (await api.put("/simulator/faults", json=fault)).json()[0]["status"] == 503
    codes = [(await api.post(QUEUE_PATH, content=BODY, headers=signed(SIGNED))).status_code for _ in range(3)]
    assert codes == [503, 503, 200]
    simulator.faults.add(Fault(endpoint="token", body="<html>"))
    with pytest.raises(ValueError, match="Expecting value"):
        await token(api)
    assert (await api.delete("/simulator/faults")).json() == []
    assert await token(api)
    assert [recorded["status"] for recorded in (await api.get("/simulator/requests")).json()][:3] == [503, 503, 200]


async def test_a_fault_can_replace_fields_of_an_answer_that_is_otherwise_good(
    simulator: Simulator, api: httpx.AsyncClient
) -> None:
    simulator.faults.add(Fault(replace={"numSent": "many"}))
    assert {item["numSent"] for item in await queue_of(api, signed(SIGNED))} == {"many"}


async def test_campaigns_move_as_time_passes(api: httpx.AsyncClient) -> None:
    headers = await bearer(api)
    before = sum(item["numCompleted"] for item in await queue_of(api, headers))
    await api.post("/simulator/clock", json={"advance": 7 * DAY})
    assert sum(item["numCompleted"] for item in await queue_of(api, headers)) > before


def days(count: int = 60, **settings: Any) -> list[list[dict[str, Any]]]:
    now = 1_790_000_000.0
    given: dict[str, Any] = {"seed": 1, "account": "acme", "size": 16, "began": now} | settings
    queue = Queue(**given)
    return [list(queue.items(now + day * DAY)) for day in range(count)]


def test_the_same_seed_gives_the_same_campaigns_and_another_gives_others() -> None:
    assert days(2) == days(2)
    assert days(2) != days(2, seed=2)
    assert days(2) != days(2, account="globex")


@pytest.mark.parametrize("older", [False, True])
def test_counts_agree_with_each_other_and_completions_never_fall(older: bool) -> None:
    history = days(older=older)
    for day in history:
        for item in day:
            assert sum(item["optionSpread"].values()) == item["numCompleted"] <= item["numSent"]
            correct = item["title"].get("correctAnswers", {}).get("forQuestion1", item.get("numCorrect"))
            assert correct in item["optionSpread"].values()
    for earlier, later in pairwise(history):
        for one, same in zip(earlier, later, strict=True):
            assert one["id"] == same["id"]
            assert one["numCompleted"] <= same["numCompleted"]


def test_there_is_one_of_each_kind_that_somebody_should_look_at() -> None:
    now = days(1)[0]
    pending = [item for item in now if item["launchDate"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1.79e9))]
    launched = [item for item in now if item not in pending]
    assert len(pending) == 2
    assert [item for item in launched if item["numSent"] == 0]
    assert [item for item in launched if item["locked"]]
    assert [item for item in launched if "customAnswer" in item]
    assert [item for item in launched if len(item["title"].get("correctAnswers", {})) == 3]
    assert len({item["title"]["title"] for item in now}) == len(now) - 1
    week = days(8)
    assert [
        one for one, later in zip(week[0], week[7], strict=True)
        if one in launched and 0 < one["numCompleted"] == later["numCompleted"] < 0.5 * one["numSent"]
    ]  # fmt: skip


def test_a_configuration_names_each_account_with_its_kind_of_credentials() -> None:
    text = configuration(fleet(12), "http://127.0.0.1:1")
    assert text.count("oauth2:") == 8
    assert text.count("hmac:") == 4
    assert "customer-0008" in text


async def test_a_client_that_leaves_is_no_error(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    async with serve(simulator) as base_url:
        _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(base_url).port)
        writer.write(f"POST {TOKEN_PATH} HTTP/1.1\r\nhost: api\r\ncontent-length: 100\r\n\r\nhalf".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
            assert (await client.get("/simulator/requests")).json() == []
    assert caplog.records == []
