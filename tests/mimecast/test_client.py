"""Calls of get-queue: what is asked, what is read, and what becomes of everything that is no answer."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest

from exporter.mimecast import MimecastError, errors
from tests.mimecast.calls import GOOD, LOCATION, client_of, failure, fetch
from tests.rawserver import Received, http, json_answer, raw_server, sends
from tests.vendor_samples import NEWER, OLDER, answer

pytestmark = pytest.mark.anyio


async def test_the_request_is_the_vendors(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(GOOD)) as server:
        queue = await fetch(client_of(web, server.base_url))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/awareness-training/queue/get-queue")
    assert json.loads(request.body) == {"data": []}
    assert request.headers["content-type"] == "application/json"
    assert (request.headers["accept"], request.headers["accept-encoding"]) == ("application/json", "gzip")
    assert [item["title"]["title"] for item in queue.items] == ["Older sample", "Newer fields"]
    assert queue.invalid == 0


async def test_items_that_are_not_understood_are_counted_and_the_others_are_returned(web: httpx.AsyncClient) -> None:
    items: tuple[Any, ...] = (OLDER, None, 5, {}, NEWER, NEWER)
    async with raw_server(sends(json_answer(answer(*items)))) as server:
        queue = await fetch(client_of(web, server.base_url))
    assert [item["numSent"] for item in queue.items] == [5, 120, 120]
    assert queue.invalid == 3


@pytest.mark.parametrize(("total", "complete"), [(1, True), (2, True), (0, True), (3, False), (100, False)])
async def test_an_answer_with_fewer_items_than_its_total_is_never_a_whole_one(
    web: httpx.AsyncClient, total: int, complete: bool
) -> None:
    meta = {"status": 200, "pagination": {"pageSize": 2, "totalCount": total}}
    async with raw_server(sends(json_answer(answer(OLDER, 5, meta=meta)))) as server:
        client = client_of(web, server.base_url)
        if complete:
            assert len((await fetch(client)).items) == 1
        else:
            with pytest.raises(errors.InvalidResponse, match="incomplete"):
                await fetch(client)


async def test_no_time_limit_is_httpx_s_own(web: httpx.AsyncClient) -> None:
    assert web.timeout == httpx.Timeout(None)


async def test_traffic_tells_what_the_answers_said(web: httpx.AsyncClient) -> None:
    headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "99", "x-ratelimit-reset": "30000"}
    async with raw_server(sends(json_answer(answer(), headers=headers))) as server:
        client = client_of(web, server.base_url)
        queue = await fetch(client)
    traffic = client.traffic
    assert traffic.requests == {("get-queue", 200): 1}
    assert (traffic.rate_limit, traffic.rate_limit_remaining) == (100, 99)
    assert traffic.rate_limit_reset_time is not None
    assert queue.size == len(json.dumps(answer()))


def pages(*tokens: str | None) -> list[bytes]:
    return [
        json_answer(
            answer(NEWER | {"id": f"page {n}"}, meta={"status": 200, "pagination": {"pageSize": 1, "next": token}})
        )
        for n, token in enumerate(tokens)
    ]


async def test_pages_are_followed_and_each_is_signed_afresh(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(*pages("two", "three", None))) as server:
        queue = await fetch(client_of(web, server.base_url))
    assert len(queue.items) == 3
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
    monkeypatch.setattr("exporter.mimecast.client.MAX_PAGES", 7)
    numbers = iter(range(1000))

    async def ever_another(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(pages(str(next(numbers)))[0])

    error, client = await failure(web, ever_another)
    assert isinstance(error, errors.ResponseTooLarge)
    assert client.traffic.requests == {("get-queue", 200): 7}


async def test_an_answer_of_just_the_largest_size_is_taken(web: httpx.AsyncClient) -> None:
    size = len(json.dumps(answer(OLDER, NEWER)))
    async with raw_server(sends(GOOD)) as server:
        assert (await fetch(client_of(web, server.base_url, max_response_size=size))).size == size
    error, _ = await failure(web, sends(GOOD), max_response_size=size - 1)
    assert f"larger than {size - 1} bytes: raise api.max_response_size" in str(error)


async def test_the_size_bound_holds_over_all_pages(web: httpx.AsyncClient) -> None:
    some = pages("a", "b", "c", None)
    error, client = await failure(web, sends(*some), max_response_size=len(some[0]) * 2)
    assert isinstance(error, errors.ResponseTooLarge)
    assert client.traffic.requests == {("get-queue", 200): 3}


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


@pytest.mark.parametrize(
    "body",
    [
        b"content-encoding: br\r\ncontent-length: 3\r\n\r\nxyz",
        b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nxyz",
        b"content-length: 500\r\n\r\ncut short",
        b"content-length: 2000\r\n\r\n" + b"x" * 2000,
    ],
    ids=["unknown encoding", "damaged", "cut short", "too large"],
)
@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "auth"), (403, "permission"), (404, "api_error"), (429, "rate_limited"), (503, "server_error")],
)
async def test_a_status_has_its_reason_though_the_body_cannot_be_read(
    web: httpx.AsyncClient, status: int, reason: str, body: bytes
) -> None:
    answering = b"HTTP/1.1 %d X\r\nretry-after: 7\r\n" % status + body
    error, _ = await failure(web, sends(answering), max_response_size=1000)
    assert (error.reason, error.retry_after) == (reason, 7.0 if status in (429, 503) else None)


async def test_a_rate_limit_tells_for_how_long(web: httpx.AsyncClient) -> None:
    error, _ = await failure(web, sends(http(429, headers={"x-ratelimit-reset": "3000"})))
    assert error.retry_after == 3.0


@pytest.mark.parametrize("status", [401, 403, 404, 500, 502])
async def test_other_refusals_ask_for_no_pause(web: httpx.AsyncClient, status: int) -> None:
    error, _ = await failure(web, sends(http(status, headers={"retry-after": "7", "x-ratelimit-reset": "3000"})))
    assert error.retry_after is None


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


async def test_a_port_without_a_listener_is_a_connection_error(web: httpx.AsyncClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = client_of(web, f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(errors.CannotConnect):
            await fetch(client)
    assert client.traffic.requests == {("get-queue", None): 1}


async def test_a_name_that_does_not_resolve_is_no_connection(web: httpx.AsyncClient) -> None:
    with pytest.raises(errors.CannotConnect):
        await fetch(client_of(web, "http://api.mimecast.invalid"))


async def test_cookies_of_one_account_are_not_sent_for_another(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(json_answer(answer(), headers={"set-cookie": "session=acme"}))) as server:
        await fetch(client_of(web, server.base_url))
        await fetch(client_of(web, server.base_url))
    assert all("cookie" not in request.headers for request in server.requests)
