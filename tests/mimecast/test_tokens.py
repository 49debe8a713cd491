"""Tokens of API 2.0: fetched once, kept while they are good, refused once for all who wait."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.mimecast import ClientCredentials, MimecastError, SignedRequests, errors
from exporter.mimecast.auth import TOKEN_PATH, read_token
from exporter.mimecast.refusals import Call, accept
from tests.clocks import Clock
from tests.mimecast.calls import GOOD, LOCATION, client_of, fetch
from tests.mimecast.test_envelope import JSON
from tests.rawserver import Answer, RawServer, Received, http, json_answer, raw_server, sends

pytestmark = pytest.mark.anyio

TOKEN = json_answer({"access_token": "planted-token", "token_type": "Bearer", "expires_in": 1799, "scope": ""})


def bearer(
    server: RawServer, clock: Callable[[], float], secret: Callable[[], str] = lambda: "planted"
) -> ClientCredentials:
    return ClientCredentials(token_url=server.base_url + TOKEN_PATH, client_id="id", client_secret=secret, clock=clock)


def two_endpoints(token: Answer, queue: Answer) -> Answer:
    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        await (token if request.path == TOKEN_PATH else queue)(request, writer)

    return respond


async def test_a_token_is_fetched_once_and_kept_until_shortly_before_it_expires(web: httpx.AsyncClient) -> None:
    clock = Clock()
    async with raw_server(two_endpoints(sends(TOKEN), sends(GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, clock))
        await fetch(client)
        clock.advance(1738)
        await fetch(client)
        assert client.traffic.requests == {("token", 200): 1, ("get-queue", 200): 2}
        clock.advance(2)
        await fetch(client)
        assert client.traffic.requests == {("token", 200): 2, ("get-queue", 200): 3}
    token_request = server.requests[0]
    assert (token_request.method, token_request.path) == ("POST", TOKEN_PATH)
    assert (token_request.headers["accept"], token_request.headers["accept-encoding"]) == ("application/json", "gzip")
    assert token_request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert token_request.body == b"grant_type=client_credentials&client_id=id&client_secret=planted"
    assert server.requests[1].headers["authorization"] == "Bearer planted-token"


@pytest.mark.parametrize(
    ("expires_in", "good_for"),
    [
        (1799, 1739),
        ("1799", 1739),
        (100, 90),
        (1, 0.9),
        (0.5, 0.45),
        (999_999_999, 999_999_939),
        *((nonsense, 270) for nonsense in (None, "", "soon", 0, -5, True, [5], 1_000_000_000, 1e300)),
    ],
)
async def test_a_token_is_used_until_it_expires(web: httpx.AsyncClient, expires_in: object, good_for: float) -> None:
    clock = Clock()
    token = json_answer({"access_token": "planted-token", "expires_in": expires_in})
    async with raw_server(two_endpoints(sends(token), sends(GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, clock))
        await fetch(client)
        clock.advance(good_for * 0.999)
        await fetch(client)
        assert client.traffic.requests["token", 200] == 1
        clock.advance(good_for * 0.001)
        await fetch(client)
        assert client.traffic.requests["token", 200] == 2


async def test_many_who_want_a_token_fetch_it_once(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(TOKEN), sends(GOOD))) as server:
        auth = bearer(server, Clock())
        await asyncio.gather(*(fetch(client_of(web, server.base_url, auth=auth)) for _ in range(10)))
    assert [request.path for request in server.requests].count(TOKEN_PATH) == 1


async def test_many_who_are_refused_a_token_ask_once(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(http(401)), sends(GOOD))) as server:
        auth = bearer(server, Clock())
        asked = [fetch(client_of(web, server.base_url, auth=auth)) for _ in range(10)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(outcome, errors.CredentialsRefused) for outcome in outcomes)
        assert len(server.requests) == 1
        again = [fetch(client_of(web, server.base_url, auth=auth)) for _ in range(10)]
        outcomes = await asyncio.gather(*again, return_exceptions=True)
        assert all(isinstance(outcome, errors.CredentialsRefused) for outcome in outcomes)
        assert len(server.requests) == 2


async def test_many_whose_token_endpoint_hangs_up_ask_once(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(b"")) as server:
        auth = bearer(server, Clock())
        asked = [fetch(client_of(web, server.base_url, auth=auth)) for _ in range(10)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(outcome, errors.CannotConnect) for outcome in outcomes)
        assert len(server.requests) == 1


async def test_one_who_was_refused_may_ask_again(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(http(503), TOKEN), sends(GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        with pytest.raises(errors.ServerError):
            await fetch(client)
        assert len((await fetch(client)).items) == 2


async def test_a_401_fetches_a_new_token_once(web: httpx.AsyncClient) -> None:
    refused = json_answer({"fail": [{"errors": [{"code": "token_expired"}]}]}, 401)
    async with raw_server(two_endpoints(sends(TOKEN), sends(refused, GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        assert len((await fetch(client)).items) == 2
    assert client.traffic.requests == {("token", 200): 2, ("get-queue", 401): 1, ("get-queue", 200): 1}


async def test_a_401_that_stays_ends_after_the_second_token(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(TOKEN), sends(http(401)))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        with pytest.raises(errors.CredentialsRefused):
            await fetch(client)
    assert client.traffic.requests == {("token", 200): 2, ("get-queue", 401): 2}


async def test_who_gives_up_while_fetching_a_token_leaves_it_to_the_next(web: httpx.AsyncClient) -> None:
    asked, gate = asyncio.Event(), asyncio.Event()

    async def gated(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await gate.wait()
        await sends(TOKEN)(request, writer)

    async with raw_server(two_endpoints(gated, sends(GOOD))) as server:
        auth = bearer(server, Clock())
        first = asyncio.create_task(fetch(client_of(web, server.base_url, auth=auth)))
        await asked.wait()
        second = asyncio.create_task(fetch(client_of(web, server.base_url, auth=auth)))
        first.cancel()
        gate.set()
        assert len((await second).items) == 2


@pytest.mark.parametrize(
    ("answering", "reason"),
    [
        (http(400, b'{"error": "invalid_client", "client_secret": "planted"}'), "auth"),
        (http(401), "auth"),
        (http(403), "permission"),
        (http(429, headers={"retry-after": "4"}), "rate_limited"),
        (http(500), "server_error"),
        (http(404), "api_error"),
        (http(302, headers=LOCATION), "invalid_response"),
        (http(200, b"<html>planted</html>"), "invalid_response"),
        (http(200, b"{}"), "invalid_response"),
        (http(200, b"[]"), "invalid_response"),
        (json_answer({"access_token": ""}), "invalid_response"),
        (json_answer({"access_token": 5}), "invalid_response"),
        (json_answer({"access_token": "plantéd"}), "invalid_response"),
        (http(503, headers={"retry-after": "4"}), "server_error"),
        (json_answer({"access_token": "planted\nheader: injected"}), "invalid_response"),
        (http(200, b" " * 2_000_000), "too_large"),
        (b"", "connect"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_the_token_endpoint_is_judged_by_the_same_table(
    web: httpx.AsyncClient, answering: bytes, reason: str
) -> None:
    async with raw_server(sends(answering)) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        with pytest.raises(MimecastError) as caught:
            await fetch(client)
    assert caught.value.reason == reason
    assert "planted" not in str(caught.value)
    assert len(str(caught.value)) > 20
    obeys = reason == "rate_limited" or b" 503 " in answering
    assert caught.value.retry_after == (4.0 if obeys else None)
    assert {endpoint for endpoint, _ in client.traffic.requests} == {"token"}


def unreadable() -> str:
    raise FileNotFoundError(2, "No such file or directory", "/run/secrets/gone")


def unusable() -> str:
    raise ValueError("planted")


@pytest.mark.parametrize("reader", [unreadable, unusable, lambda: "", lambda: "planted\x00", lambda: "plan\nted"])
async def test_a_secret_that_cannot_be_used_sends_nothing_and_is_not_shown(
    web: httpx.AsyncClient, reader: Callable[[], str]
) -> None:
    async with raw_server(sends(GOOD)) as server:
        for auth in (
            bearer(server, Clock(), reader),
            SignedRequests(app_id="app", app_key=reader, access_key=lambda: "a", secret_key=lambda: "YQ=="),
        ):
            with pytest.raises(errors.SecretUnreadable, match=r"client_secret|app_key") as caught:
                await fetch(client_of(web, server.base_url, auth=auth))
            assert "plant" not in str(caught.value)
    assert server.requests == []


#: Refusals that concern the token, in the shapes and under the statuses that were seen or can be.
TOKEN_REFUSALS = [
    json_answer(shape | {"meta": {"status": meta}}, status)
    for shape in (
        {"fail": [{"errors": [{"code": "token_expired"}]}], "data": []},
        {"fail": [{"code": "token_expired", "message": "planted"}]},
        {"error": {"code": "token_expired"}},
        {"error": "invalid_token", "error_description": "planted"},
        {"errors": [{"code": "err_xdk_binding_expired"}]},
    )
    for status in (200, 400, 401, 403, 418, 500)
    for meta in (200, "401")
] + [
    http(401),
    http(418),
    json_answer({"meta": {"status": 401}, "data": []}),
    json_answer({"meta": {"status": "418 Expired"}, "data": []}),
    json_answer({"meta": {"status": 401.0}}, 400),
]


@pytest.mark.parametrize("refusal", TOKEN_REFUSALS, ids=lambda value: repr(value)[:10])
async def test_a_token_that_is_refused_in_any_shape_is_dropped_and_a_new_one_tried_once(
    web: httpx.AsyncClient, refusal: bytes
) -> None:
    tokens = [json_answer({"access_token": f"planted-{number}", "expires_in": 1799}) for number in range(3)]
    async with raw_server(two_endpoints(sends(*tokens), sends(GOOD, refusal, GOOD, refusal))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        await fetch(client)
        assert len((await fetch(client)).items) == 2
        with pytest.raises(MimecastError) as caught:
            await fetch(client)
        assert caught.value.reason == "auth"
        assert "client_id and client_secret" in str(caught.value)
        assert not re.search(r"planted|access key|app_key", str(caught.value))
    used = [request.headers["authorization"] for request in server.requests if request.path != TOKEN_PATH]
    assert used == [f"Bearer planted-{number}" for number in (0, 0, 1, 1, 2)]


@pytest.mark.parametrize("refusal", [http(403), http(429), http(500), json_answer({"fail": [{"code": "x_y"}]})])
async def test_a_refusal_that_does_not_concern_the_token_keeps_it(web: httpx.AsyncClient, refusal: bytes) -> None:
    async with raw_server(two_endpoints(sends(TOKEN), sends(refusal, GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        with pytest.raises(MimecastError):
            await fetch(client)
        await fetch(client)
    assert client.traffic.requests["token", 200] == 1


async def test_many_whose_token_is_refused_together_fetch_one_new_token(web: httpx.AsyncClient) -> None:
    async def revoked(request: Received, writer: asyncio.StreamWriter) -> None:
        await sends(http(401) if request.headers["authorization"] == "Bearer planted-0" else GOOD)(request, writer)

    tokens = [json_answer({"access_token": f"planted-{number}", "expires_in": 1799}) for number in range(3)]
    async with raw_server(two_endpoints(sends(*tokens), revoked)) as server:
        auth = bearer(server, Clock())
        answers = await asyncio.gather(*(fetch(client_of(web, server.base_url, auth=auth)) for _ in range(10)))
        assert [len(answer.items) for answer in answers] == [2] * 10
    assert [request.path for request in server.requests].count(TOKEN_PATH) == 2


@pytest.mark.parametrize("around", [" {} ", "{}\n", "\t{}", "\r\n{}\r\n"])
async def test_spaces_around_a_token_are_no_part_of_it(web: httpx.AsyncClient, around: str) -> None:
    token = json_answer({"access_token": around.format("planted-token")})
    async with raw_server(two_endpoints(sends(token), sends(GOOD))) as server:
        await fetch(client_of(web, server.base_url, auth=bearer(server, Clock())))
    assert server.requests[1].headers["authorization"] == "Bearer planted-token"


@pytest.mark.parametrize("secret", ["\ufeffplanted", " planted ", "plantéd", "planted=&%+ x", "\ufeffplantéd \t"])
async def test_a_client_secret_of_any_printable_characters_is_sent_as_it_is(
    web: httpx.AsyncClient, secret: str
) -> None:
    async with raw_server(two_endpoints(sends(TOKEN), sends(GOOD))) as server:
        await fetch(client_of(web, server.base_url, auth=bearer(server, Clock(), lambda: secret)))
    sent = parse_qs(server.requests[0].body.decode(), strict_parsing=True)
    assert sent["client_secret"] == [secret.strip("\ufeff \t")]


@given(status=st.sampled_from([200, 400, 401, 403]), token=st.text() | st.none() | st.integers(), lifetime=JSON)
def test_an_answer_of_the_token_endpoint_gives_a_token_that_can_be_sent_or_a_failure(
    status: int, token: object, lifetime: object
) -> None:
    body = json.dumps({"access_token": token, "expires_in": lifetime}).encode()
    try:
        found, seconds = read_token(accept(status, body, Call("token", "", "", ""), {}, 0.0))
    except MimecastError:
        return
    assert status == 200
    assert found == str(token).strip()
    assert found.isascii()
    assert found.isprintable()
    assert " " not in found
    assert 0 < seconds < 10**9


async def test_api_1_0_names_its_four_keys_and_a_clock_that_is_off(web: httpx.AsyncClient) -> None:
    refusal = http(401, headers={"date": "Tue, 24 Nov 2015 12:50:11 GMT"})
    async with raw_server(sends(refusal)) as server:
        with pytest.raises(MimecastError) as caught:
            await fetch(client_of(web, server.base_url))
        assert len(server.requests) == 1
        assert "check app_id, app_key, access_key and secret_key" in str(caught.value)
        assert re.search(r"clock of this machine is \d+ s ahead of the API's", str(caught.value))
        assert "client" not in str(caught.value)
        with pytest.raises(MimecastError) as caught:
            await fetch(client_of(web, server.base_url, auth=bearer(server, Clock())))
        assert "clock" not in str(caught.value), "tokens have no dates"
