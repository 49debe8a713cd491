from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import trustme

from exporter.mimecast import (
    ClientCredentials,
    MimecastClient,
    MimecastError,
    Outbound,
    SignedRequests,
    errors,
    open_http_client,
)
from exporter.mimecast.auth import TOKEN_PATH
from exporter.mimecast.client import QUEUE_PATH
from exporter.mimecast.transport import Budget, _gunzip
from tests.clocks import Clock
from tests.rawserver import Answer, RawServer, Received, http, json_answer, raw_server, sends
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio

TOKEN = json_answer({"access_token": "planted-token", "token_type": "Bearer", "expires_in": 1799, "scope": ""})
GOOD = json_answer(answer(OLDER, NEWER))


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http_client(Outbound()) as client:
        yield client


def signed() -> SignedRequests:
    return SignedRequests(
        app_id="app",
        app_key=lambda: "planted-key",
        access_key=lambda: "planted-access",
        secret_key=lambda: "cGxhbnRlZA==",
    )


def client_of(web: httpx.AsyncClient, base_url: str, **settings: Any) -> MimecastClient:
    given: dict[str, Any] = {"base_url": base_url, "auth": signed(), "timeout": 5.0} | settings
    return MimecastClient(web, **given)


async def failure(web: httpx.AsyncClient, answering: Answer, **settings: Any) -> tuple[MimecastError, MimecastClient]:
    async with raw_server(answering) as server:
        client = client_of(web, server.base_url, **settings)
        with pytest.raises(MimecastError) as caught:
            await client.get_queue()
        assert "planted" not in str(caught.value)
        assert len(str(caught.value)) > 20, "it neither names the place nor the cure"
        return caught.value, client


async def test_the_request_is_the_vendors(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(GOOD)) as server:
        queue = await client_of(web, server.base_url).get_queue()
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", QUEUE_PATH)
    assert json.loads(request.body) == {"data": []}
    assert request.headers["content-type"] == "application/json"
    assert (request.headers["accept"], request.headers["accept-encoding"]) == ("application/json", "gzip")
    assert [campaign.title for campaign in queue.campaigns] == ["Older sample", "Newer fields"]
    assert (queue.invalid, queue.duplicate) == (0, 0)


async def test_what_is_no_campaign_is_counted_and_the_others_live(web: httpx.AsyncClient) -> None:
    items: tuple[Any, ...] = (OLDER, None, 5, {}, OLDER | {"numSent": 99}, NEWER, NEWER)
    async with raw_server(sends(json_answer(answer(*items)))) as server:
        queue = await client_of(web, server.base_url).get_queue()
    assert [campaign.emails_sent for campaign in queue.campaigns] == [5, 120]
    assert (queue.invalid, queue.duplicate) == (3, 2)


async def test_correct_answers_are_read_as_the_account_says(web: httpx.AsyncClient) -> None:
    title = {"title": "t", "correctAnswers": {"forQuestion1": 1}}
    async with raw_server(sends(json_answer(answer(NEWER | {"title": title})))) as server:
        counts = await client_of(web, server.base_url).get_queue()
        options = await client_of(web, server.base_url, meaning="option").get_queue()
    assert [queue.campaigns[0].answers.by_question for queue in (counts, options)] == [{1: 1}, {1: 80}]


async def test_a_refresh_is_timed(web: httpx.AsyncClient) -> None:
    clock = Clock(1000.0)

    async def slow(_: Received, writer: asyncio.StreamWriter) -> None:
        clock.advance(3)
        writer.write(GOOD)

    async with raw_server(slow) as server:
        client = client_of(web, server.base_url, clock=clock)
        await client.get_queue()
    assert client.traffic.last_duration == 3


async def test_no_time_limit_is_httpx_s_own(web: httpx.AsyncClient) -> None:
    assert web.timeout == httpx.Timeout(None)


async def test_traffic_tells_what_the_answers_said(web: httpx.AsyncClient) -> None:
    headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "99", "x-ratelimit-reset": "30000"}
    async with raw_server(sends(json_answer(answer(), headers=headers))) as server:
        client = client_of(web, server.base_url)
        queue = await client.get_queue()
    traffic = client.traffic
    assert traffic.requests == {("get-queue", 200): 1}
    assert (traffic.rate_limit, traffic.rate_limit_remaining) == (100, 99)
    assert traffic.rate_limit_reset_time is not None
    assert traffic.last_bytes == queue.size == len(json.dumps(answer()))
    assert traffic.last_duration is not None


def pages(*tokens: str | None) -> list[bytes]:
    return [
        json_answer(
            answer(NEWER | {"id": f"page {n}"}, meta={"status": 200, "pagination": {"pageSize": 1, "next": token}})
        )
        for n, token in enumerate(tokens)
    ]


async def test_pages_are_followed_and_each_is_signed_afresh(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(*pages("two", "three", None))) as server:
        queue = await client_of(web, server.base_url).get_queue()
    assert len(queue.campaigns) == 3
    bodies = [json.loads(request.body) for request in server.requests]
    assert bodies == [
        {"data": []},
        {"meta": {"pagination": {"pageToken": "two"}}, "data": []},
        {"meta": {"pagination": {"pageToken": "three"}}, "data": []},
    ]
    assert len({request.headers["x-mc-req-id"] for request in server.requests}) == 3


async def test_the_same_page_named_twice_ends_the_refresh(web: httpx.AsyncClient) -> None:
    error, client = await failure(web, sends(*pages("again")))
    assert isinstance(error, errors.InvalidResponse)
    assert client.traffic.requests == {("get-queue", 200): 2}


async def test_pages_without_end_are_bounded(web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.mimecast.client.MOST_PAGES", 7)
    numbers = iter(range(1000))

    async def ever_another(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(pages(str(next(numbers)))[0])

    error, client = await failure(web, ever_another)
    assert isinstance(error, errors.ResponseTooLarge)
    assert client.traffic.requests == {("get-queue", 200): 7}


async def test_an_answer_of_just_the_largest_size_is_taken(web: httpx.AsyncClient) -> None:
    size = len(json.dumps(answer(OLDER, NEWER)))
    async with raw_server(sends(GOOD)) as server:
        assert (await client_of(web, server.base_url, max_response_size=size).get_queue()).size == size
    error, _ = await failure(web, sends(GOOD), max_response_size=size - 1)
    assert f"larger than {size - 1} bytes: raise api.max_response_size" in str(error)


async def test_the_size_bound_holds_over_all_pages(web: httpx.AsyncClient) -> None:
    some = pages("a", "b", "c", None)
    error, client = await failure(web, sends(*some), max_response_size=len(some[0]) * 2)
    assert isinstance(error, errors.ResponseTooLarge)
    assert client.traffic.requests == {("get-queue", 200): 3}


async def test_a_packed_answer_is_unpacked(web: httpx.AsyncClient) -> None:
    members = gzip.compress(b'{"fail": [], "data"') + gzip.compress(b": []}")
    async with raw_server(sends(http(200, members, headers={"content-encoding": "gzip"}))) as server:
        queue = await client_of(web, server.base_url).get_queue()
    assert queue.campaigns == ()
    assert queue.size == len('{"fail": [], "data": []}')


@pytest.mark.parametrize("encoding", ["", " ", "identity", "Identity"])
async def test_an_answer_that_says_it_is_not_packed_is_taken_as_it_is(web: httpx.AsyncClient, encoding: str) -> None:
    body = json.dumps(answer()).encode()
    async with raw_server(sends(http(200, body, headers={"content-encoding": encoding}))) as server:
        assert (await client_of(web, server.base_url).get_queue()).campaigns == ()


@pytest.mark.parametrize("encoding", ["x-gzip", "GZip "])
async def test_gzip_has_an_older_name_and_no_case(web: httpx.AsyncClient, encoding: str) -> None:
    body = gzip.compress(json.dumps(answer()).encode())
    async with raw_server(sends(http(200, body, headers={"content-encoding": encoding}))) as server:
        assert (await client_of(web, server.base_url).get_queue()).campaigns == ()


async def test_nothing_at_all_is_not_cut_short_but_no_json(web: httpx.AsyncClient) -> None:
    error, _ = await failure(web, sends(http(200, b"", headers={"content-encoding": "gzip"})))
    assert "not JSON" in str(error)


@pytest.mark.parametrize(
    ("encoding", "body", "kind"),
    [
        ("gzip", gzip.compress(bytes(80_000_000)), errors.ResponseTooLarge),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}")), errors.InvalidResponse),
        ("br", b"xxxx", errors.InvalidResponse),
        ("gzip", gzip.compress(b'{"data": []}')[:-9], errors.InvalidResponse),
        ("gzip", gzip.compress(b'{"data": []}') + gzip.compress(b" ")[:-9], errors.InvalidResponse),
        ("gzip", b"no gzip at all", errors.InvalidResponse),
    ],
    ids=["bomb", "packed twice", "another coding", "cut short", "second part cut short", "not packed"],
)
async def test_a_badly_packed_answer_is_refused(
    web: httpx.AsyncClient, encoding: str, body: bytes, kind: type[MimecastError]
) -> None:
    error, _ = await failure(web, sends(http(200, body, headers={"content-encoding": encoding})))
    assert type(error) is kind


async def test_a_bomb_is_unpacked_a_piece_at_a_time() -> None:
    class Packed(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield gzip.compress(bytes(40_000_000))

    budget = Budget(50_000_000)
    sizes = [len(piece) async for piece in _gunzip(Packed(), budget)]
    assert (sum(sizes), budget.left) == (40_000_000, 10_000_000)
    assert max(sizes) <= 1024 * 1024


LOCATION = {"location": "https://elsewhere.test/login"}


@pytest.mark.parametrize(
    ("answering", "kind", "code"),
    [
        (http(200, b"<html>Sign in</html>", headers={"content-type": "text/html"}), errors.InvalidResponse, 200),
        (http(200), errors.InvalidResponse, 200),
        (http(302, headers=LOCATION), errors.InvalidResponse, 302),
        (http(307, headers=LOCATION), errors.InvalidResponse, 307),
        (http(401), errors.CredentialsRefused, 401),
        (http(403, b"<html>Forbidden</html>"), errors.PermissionMissing, 403),
        (http(404), errors.ApiError, 404),
        (http(418), errors.BindingExpired, 418),
        (http(429), errors.RateLimited, 429),
        (http(503), errors.ServerError, 503),
        (json_answer({"fail": [{"code": "app_forbidden"}]}, 401), errors.PermissionMissing, 401),
        (
            json_answer({"fail": [{"errors": [{"code": "err_developer_key"}]}], "data": []}),
            errors.CredentialsRefused,
            200,
        ),
        (b"HTTP/1.1 200 X\r\ncontent-length: 500\r\n\r\n" + b'{"data": [', errors.InvalidResponse, 200),
        (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", errors.InvalidResponse, 200),
        (b'HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"dat', errors.InvalidResponse, 200),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", errors.InvalidResponse, None),
        (b"", errors.CannotConnect, None),
    ],
    ids=repr,
)
async def test_each_answer_that_is_none_has_its_type(
    web: httpx.AsyncClient, answering: bytes, kind: type[MimecastError], code: int | None
) -> None:
    error, client = await failure(web, sends(answering))
    assert type(error) is kind
    assert client.traffic.requests == {("get-queue", code): 1}


async def test_a_rate_limit_tells_for_how_long(web: httpx.AsyncClient) -> None:
    error, _ = await failure(web, sends(http(429, headers={"x-ratelimit-reset": "3000"})))
    assert error.retry_after == 3.0


async def test_other_refusals_ask_for_no_pause(web: httpx.AsyncClient) -> None:
    error, _ = await failure(web, sends(http(503, headers={"retry-after": "7", "x-ratelimit-reset": "3000"})))
    assert error.retry_after is None


async def test_a_connection_that_the_system_gives_up_is_out_of_time() -> None:
    def gives_up(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("")

    async with httpx.AsyncClient(transport=httpx.MockTransport(gives_up)) as web:
        with pytest.raises(errors.TimedOut, match="no answer in time"):
            await client_of(web, "http://api.test").get_queue()


async def test_a_rate_limit_said_on_status_200_is_one(web: httpx.AsyncClient) -> None:
    error, _ = await failure(
        web, sends(json_answer(answer(meta={"status": 429}), headers={"x-ratelimit-reset": "3000"}))
    )
    assert (error.reason, error.retry_after) == ("rate_limited", 3.0)


async def test_one_byte_at_a_time_is_bounded_by_the_whole_time(web: httpx.AsyncClient) -> None:
    async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(http(200, headers={"content-length": "1000"}))
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    error, _ = await failure(web, drip, timeout=0.2)
    assert isinstance(error, errors.TimedOut)


async def test_silence_is_bounded_as_well(web: httpx.AsyncClient) -> None:
    async def silence(_: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    error, client = await failure(web, silence, timeout=0.1)
    assert isinstance(error, errors.TimedOut)
    assert client.traffic.requests == {("get-queue", None): 1}


async def test_a_port_nobody_listens_on_is_no_connection(web: httpx.AsyncClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = client_of(web, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(errors.CannotConnect):
            await client.get_queue()
    assert client.traffic.requests == {("get-queue", None): 1}


async def test_a_name_that_does_not_resolve_is_no_connection(web: httpx.AsyncClient) -> None:
    with pytest.raises(errors.CannotConnect):
        await client_of(web, "http://api.mimecast.invalid").get_queue()


def tls_server(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_certificate_that_is_not_trusted_is_said_to_be_so(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(GOOD), tls_server(trustme.CA())) as server:
        with pytest.raises(errors.TlsFailed, match="not trusted"):
            await client_of(web, server.base_url).get_queue()


async def test_a_private_authority_can_be_trusted() -> None:
    authority = trustme.CA()
    with authority.cert_pem.tempfile() as ca_file:
        async with (
            raw_server(sends(GOOD), tls_server(authority)) as server,
            open_http_client(Outbound(ca_file=ca_file)) as web,
        ):
            assert len((await client_of(web, server.base_url).get_queue()).campaigns) == 2


async def test_cookies_of_one_account_are_not_sent_for_another(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(json_answer(answer(), headers={"set-cookie": "session=acme"}))) as server:
        await client_of(web, server.base_url).get_queue()
        await client_of(web, server.base_url).get_queue()
    assert all("cookie" not in request.headers for request in server.requests)


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
        await client.get_queue()
        clock.advance(1738)
        await client.get_queue()
        assert client.traffic.requests == {("token", 200): 1, ("get-queue", 200): 2}
        clock.advance(2)
        await client.get_queue()
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
async def test_a_token_is_used_as_long_as_it_is_good(
    web: httpx.AsyncClient, expires_in: object, good_for: float
) -> None:
    clock = Clock()
    token = json_answer({"access_token": "planted-token", "expires_in": expires_in})
    async with raw_server(two_endpoints(sends(token), sends(GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, clock))
        await client.get_queue()
        clock.advance(good_for * 0.999)
        await client.get_queue()
        assert client.traffic.requests["token", 200] == 1
        clock.advance(good_for * 0.001)
        await client.get_queue()
        assert client.traffic.requests["token", 200] == 2


async def test_many_who_want_a_token_fetch_it_once(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(TOKEN), sends(GOOD))) as server:
        auth = bearer(server, Clock())
        await asyncio.gather(*(client_of(web, server.base_url, auth=auth).get_queue() for _ in range(10)))
    assert [request.path for request in server.requests].count(TOKEN_PATH) == 1


async def test_many_who_are_refused_a_token_ask_once(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(http(401)), sends(GOOD))) as server:
        auth = bearer(server, Clock())
        asked = [client_of(web, server.base_url, auth=auth).get_queue() for _ in range(10)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(outcome, errors.CredentialsRefused) for outcome in outcomes)
        assert len(server.requests) == 1
        again = [client_of(web, server.base_url, auth=auth).get_queue() for _ in range(10)]
        outcomes = await asyncio.gather(*again, return_exceptions=True)
        assert all(isinstance(outcome, errors.CredentialsRefused) for outcome in outcomes)
        assert len(server.requests) == 2


async def test_one_who_was_refused_may_ask_again(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(http(503), TOKEN), sends(GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        with pytest.raises(errors.ServerError):
            await client.get_queue()
        assert len((await client.get_queue()).campaigns) == 2


async def test_a_401_fetches_a_new_token_once(web: httpx.AsyncClient) -> None:
    refused = json_answer({"fail": [{"errors": [{"code": "token_expired"}]}]}, 401)
    async with raw_server(two_endpoints(sends(TOKEN), sends(refused, GOOD))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        assert len((await client.get_queue()).campaigns) == 2
    assert client.traffic.requests == {("token", 200): 2, ("get-queue", 401): 1, ("get-queue", 200): 1}


async def test_a_401_that_stays_ends_after_the_second_token(web: httpx.AsyncClient) -> None:
    async with raw_server(two_endpoints(sends(TOKEN), sends(http(401)))) as server:
        client = client_of(web, server.base_url, auth=bearer(server, Clock()))
        with pytest.raises(errors.CredentialsRefused):
            await client.get_queue()
    assert client.traffic.requests == {("token", 200): 2, ("get-queue", 401): 2}


async def test_who_gives_up_while_fetching_a_token_leaves_it_to_the_next(web: httpx.AsyncClient) -> None:
    asked, gate = asyncio.Event(), asyncio.Event()

    async def gated(request: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await gate.wait()
        await sends(TOKEN)(request, writer)

    async with raw_server(two_endpoints(gated, sends(GOOD))) as server:
        auth = bearer(server, Clock())
        first = asyncio.create_task(client_of(web, server.base_url, auth=auth).get_queue())
        await asked.wait()
        second = asyncio.create_task(client_of(web, server.base_url, auth=auth).get_queue())
        first.cancel()
        gate.set()
        assert len((await second).campaigns) == 2


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
            await client.get_queue()
    assert caught.value.reason == reason
    assert "planted" not in str(caught.value)
    assert len(str(caught.value)) > 20
    assert caught.value.retry_after == (4.0 if reason == "rate_limited" else None)
    assert {endpoint for endpoint, _ in client.traffic.requests} == {"token"}


def unreadable() -> str:
    raise FileNotFoundError(2, "No such file or directory", "/run/secrets/gone")


def unusable() -> str:
    raise ValueError("planted")


@pytest.mark.parametrize("reader", [unreadable, unusable, lambda: "", lambda: "planted\x00", lambda: "plantédd"])
async def test_a_secret_that_cannot_be_used_sends_nothing_and_is_not_shown(
    web: httpx.AsyncClient, reader: Callable[[], str]
) -> None:
    async with raw_server(sends(GOOD)) as server:
        for auth in (
            bearer(server, Clock(), reader),
            SignedRequests(app_id="app", app_key=reader, access_key=lambda: "a", secret_key=lambda: "YQ=="),
        ):
            with pytest.raises(errors.SecretUnreadable, match=r"client_secret|app_key") as caught:
                await client_of(web, server.base_url, auth=auth).get_queue()
            assert "plant" not in str(caught.value)
    assert server.requests == []
