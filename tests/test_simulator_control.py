"""Faults and the clock of the simulator can be switched over HTTP, and bad input is refused with the reason."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.simulator import Fault, Simulator, fleet, refusal, running, serve
from tests.apicalls import BODY, NOW, OAUTH2, PATHS, QUEUE, SCORES, SIGNED, TOKEN, credentials, signed
from tests.clocks import Clock

DOCUMENT = (Path(__file__).parent.parent / "docs/simulator.md").read_text()
ENDPOINTS = {path.rpartition("/")[2]: path for path in (*PATHS, TOKEN)}


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(fleet(3), clock=Clock(NOW), rate_limit=10**6)


@pytest.fixture
async def api(simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(simulator) as base_url, httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield client


@pytest.mark.anyio
async def test_a_fault_applies_to_its_account_and_a_number_of_requests(api: httpx.AsyncClient) -> None:
    fault = {"account": SIGNED.name, "times": 2, "status": 503, "body": refusal("err_busy", "Busy", shape="flat")}
    assert (await api.put("/simulator/faults", json=fault)).json()[0]["status"] == 503
    codes = [(await api.post(QUEUE, content=BODY, headers=signed())).status_code for _ in range(3)]
    assert codes == [503, 503, 200]
    assert [recorded["status"] for recorded in (await api.get("/simulator/requests")).json()] == codes


@pytest.mark.anyio
async def test_deleting_the_faults_restores_the_answers(simulator: Simulator, api: httpx.AsyncClient) -> None:
    simulator.faults.add(Fault(endpoint="token", body="<html>"))
    assert (await api.post(TOKEN, data=credentials())).text == "<html>"
    assert (await api.delete("/simulator/faults")).json() == []
    assert (await api.post(TOKEN, data=credentials())).json()["access_token"]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_that_has_no_body_leaves_the_connection_usable(api: httpx.AsyncClient, status: int) -> None:
    await api.put("/simulator/faults", json={"status": status, "body": "text", "filler": 9, "times": 1})
    answers = [await api.post(QUEUE, content=BODY, headers=signed()) for _ in range(2)]
    assert [(answer.status_code, bool(answer.content)) for answer in answers] == [(status, False), (200, True)]


@pytest.mark.anyio
async def test_a_fault_can_replace_fields_of_a_regular_answer(api: httpx.AsyncClient) -> None:
    await api.put("/simulator/faults", json={"replace": {"numSent": "many"}})
    await api.put(
        "/simulator/faults", json={"endpoint": "get-safe-score-summary", "replace": {"scoreCounts": {"f": 9}}}
    )
    queue = (await api.post(QUEUE, content=BODY, headers=signed())).json()["data"]
    scores = (await api.post(SCORES, content=BODY, headers=signed(SCORES))).json()["data"]
    assert {item["numSent"] for item in queue} == {"many"}
    assert scores == [{"scoreCounts": {"f": 9}}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{'status': 503}", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "."),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"endpoint": "get-cue"}', "the endpoints are get-queue, get-campaign, .*, token"),
        (b'{"account": "nobody"}', "the accounts are acme, globex, initech"),
        (b'{"stauts": 503}', "unknown field `stauts`"),
        (b'{"status": "503"}', r"Expected `int`, got `str` - at `\$.status`"),
        (b'{"status": 99}', r">= 200 - at `\$.status`"),
        (b'{"times": 0}', r">= 1 - at `\$.times`"),
        (b'{"delay": -1}', r">= 0.0 - at `\$.delay`"),
        (b'{"delay": NaN}', "not JSON"),
        (b'{"filler": 1000000000000}', r"<= 268435456 - at `\$.filler`"),
        (b'{"headers": {"a b": "c"}}', "headers"),
        (b'{"headers": {"a": "b\\r\\nc: d"}}', "headers"),
        (b'{"headers": {"Content-Length": "3"}}', "header content-length itself"),
        (b'{"endless": true}', "endless"),
    ],
)
async def test_a_fault_that_is_not_understood_is_refused_with_the_reason(
    api: httpx.AsyncClient, body: bytes, reason: str
) -> None:
    response = await api.put("/simulator/faults", content=body)
    assert response.status_code == 400
    assert re.search(reason, response.json()["error"])
    assert (await api.get("/simulator/faults")).json() == []


@pytest.mark.anyio
async def test_the_clock_moves_the_data(simulator: Simulator, api: httpx.AsyncClient) -> None:
    assert (await api.post("/simulator/clock", json={"advance": 7 * 86400})).json()["campaign_time"] == NOW + 7 * 86400
    assert simulator.campaign_time == NOW + 7 * 86400


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"5", "Expected `object`"),
        (b"{}", "missing required field `advance`"),
        (b'{"advance": "5"}', "Expected `float`, got `str`"),
        (b'{"advance": -5}', ">= 0.0"),
        (b'{"advance": 1e400}', "."),
        (b'{"advance": 1e12}', "ten years"),
        (b'{"advance": 5, "by": 3}', "unknown field `by`"),
    ],
)
async def test_a_move_of_the_clock_that_is_not_understood_is_refused_with_the_reason(
    simulator: Simulator, api: httpx.AsyncClient, body: bytes, reason: str
) -> None:
    response = await api.post("/simulator/clock", content=body)
    assert response.status_code == 400
    assert re.search(reason, response.json()["error"])
    assert simulator.campaign_time == NOW


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with (
        running(Simulator(fleet(3), clock=Clock(NOW), rate_limit=10**9)) as base_url,
        httpx.Client(base_url=base_url, trust_env=False) as client,
    ):
        yield client


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
bodies_of_faults = st.fixed_dictionaries(
    {},
    optional={
        "endpoint": st.sampled_from(sorted(ENDPOINTS)) | json_values,
        "account": st.sampled_from([None, SIGNED.name, OAUTH2.name]) | json_values,
        "times": st.none() | st.integers(-1, 3) | json_values,
        "status": st.integers(150, 650) | st.sampled_from([200, 204, 304]) | json_values,
        "headers": st.dictionaries(st.from_regex(r"[xX]-[a-z]{1,5}"), st.text(max_size=5)) | json_values,
        "body": json_values,
        "filler": st.integers(-1, 100),
        "replace": json_values,
        "endless": st.sampled_from(["", "same", "other"]) | json_values,
        "unknown": json_values,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies_of_faults | json_values)
def test_any_fault_is_either_refused_or_answered_as_described(client: httpx.Client, body: Any) -> None:
    client.delete("/simulator/faults")
    response = client.put("/simulator/faults", content=json.dumps(body))
    if response.status_code == 400:
        assert response.json()["error"]
        assert client.get("/simulator/faults").json() == []
        return
    (fault,) = response.json()
    assert {name: fault[name] for name in body} == body
    if fault["endpoint"] == "token":
        answer = client.post(TOKEN, data=credentials())
        applies = fault["account"] in (None, OAUTH2.name)
    else:
        path = ENDPOINTS[fault["endpoint"]]
        answer = client.post(path, content=BODY, headers=signed(path))
        applies = fault["account"] in (None, SIGNED.name)
    assert answer.status_code == (fault["status"] if applies else 200)


def documented_calls() -> list[tuple[str, str, bytes | None]]:
    calls = []
    for line in re.findall(r"^curl .*", DOCUMENT, re.MULTILINE):
        words = shlex.split(line)
        method = words[words.index("-X") + 1] if "-X" in words else "GET"
        url = next(word for word in words if word.startswith("http"))
        calls.append((method, httpx.URL(url).path, words[words.index("-d") + 1].encode() if "-d" in words else None))
    return calls


def test_every_documented_call_is_understood(client: httpx.Client) -> None:
    calls = documented_calls()
    assert {path for _, path, _ in calls} == {"/simulator/faults", "/simulator/clock", "/simulator/requests"}
    for method, path, body in calls:
        response = client.request(method, path, content=body)
        assert response.status_code == 200, (path, body, response.text)


def test_every_field_of_a_fault_and_every_endpoint_is_documented() -> None:
    table = DOCUMENT.partition("| field | default |")[2].partition("\n\n")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE)) == {
        name: f"{value:g}" if isinstance(value, float) else json.dumps(value)
        for name, value in msgspec.to_builtins(Fault()).items()
    }
    assert all(f"`{path}` | `{name}`" in DOCUMENT for name, path in ENDPOINTS.items())
