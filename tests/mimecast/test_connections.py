"""Connections: kept ones that ended are replaced, names that never resolve hinder nobody, failures keep their cause."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx
import pytest

from exporter.mimecast import ClientCredentials, HttpSettings, MimecastError, errors, open_http_client
from exporter.mimecast.auth import TOKEN_PATH
from exporter.mimecast.network import first_connected
from tests.clocks import Clock
from tests.mimecast.calls import client_of, fetch
from tests.rawserver import json_answer, raw_server, sends
from tests.vendor_samples import OLDER, answer

pytestmark = pytest.mark.anyio

KEPT = json_answer(answer(OLDER), headers={"connection": "keep-alive"})


@dataclass
class Keeping:
    """A server that keeps connections; `ending` says what becomes of the next request on a kept one."""

    base_url: str = ""
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    ending: Callable[[asyncio.StreamWriter], None] | None = None


@asynccontextmanager
async def keeping(token: bytes = b"") -> AsyncIterator[Keeping]:
    server, writers = Keeping(), list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        server.connections += 1
        for number in range(1000):
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
            await reader.readexactly(int(length.split(":")[1]))
            server.requests.append(head)
            if number and server.ending:
                server.ending(writer)
                break
            writer.write(token if TOKEN_PATH in head else KEPT)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.base_url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def begun(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nconte")


@pytest.mark.parametrize("ending", [closed, reset])
@pytest.mark.parametrize("kept", [1, 3])
async def test_a_kept_connection_that_ended_before_the_answer_costs_one_more_request_on_a_new_one(
    web: httpx.AsyncClient, ending: Callable[[asyncio.StreamWriter], None], kept: int
) -> None:
    async with keeping() as server:
        client = client_of(web, server.base_url)
        await asyncio.gather(*(fetch(client) for _ in range(kept)))
        assert server.connections == kept
        server.ending = ending
        assert len((await fetch(client)).items) == 1
        assert (server.connections, len(server.requests)) == (kept + 1, kept + 2)
        ids = {head.lower().partition("x-mc-req-id:")[2].partition("\r\n")[0] for head in server.requests}
        assert len(ids) == kept + 2, "each attempt is signed afresh"
    assert client.traffic.requests == {("get-queue", 200): kept + 1, ("get-queue", None): 1}


async def test_a_request_whose_answer_has_begun_is_not_repeated(web: httpx.AsyncClient) -> None:
    async with keeping() as server:
        client = client_of(web, server.base_url)
        await fetch(client)
        server.ending = begun
        with pytest.raises(errors.InvalidResponse):
            await fetch(client)
        assert len(server.requests) == 2


async def test_a_new_connection_that_ends_before_the_answer_is_not_tried_again(web: httpx.AsyncClient) -> None:
    async with raw_server(sends(b"")) as server:
        with pytest.raises(errors.CannotConnect, match="ended before an answer began"):
            await fetch(client_of(web, server.base_url))
        assert len(server.requests) == 1


async def test_a_token_request_is_repeated_on_a_new_connection_as_well(web: httpx.AsyncClient) -> None:
    clock = Clock()
    token = json_answer({"access_token": "planted", "expires_in": 100}, headers={"connection": "keep-alive"})
    async with keeping(token) as server:
        auth = ClientCredentials(
            token_url=server.base_url + TOKEN_PATH, client_id="id", client_secret=lambda: "planted", clock=clock
        )
        client = client_of(web, server.base_url, auth=auth)
        await fetch(client)
        clock.advance(100)

        def once(writer: asyncio.StreamWriter) -> None:
            server.ending = None
            closed(writer)

        server.ending = once
        assert len((await fetch(client)).items) == 1
    assert client.traffic.requests == {("token", 200): 2, ("token", None): 1, ("get-queue", 200): 2}


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    given = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", given.getaddrinfo)
    yield given
    given.gate.set()


class Resolver:
    """Resolves names that begin with `hangs` when the gate opens, `good` to loopback, and no others."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("hangs"):
            self.gate.wait(60)
        if not host.startswith(("good", "hangs")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port or 0))]


async def test_names_that_never_resolve_do_not_delay_the_others(web: httpx.AsyncClient, resolver: Resolver) -> None:
    async with raw_server(sends(KEPT)) as server:
        port = server.base_url.rpartition(":")[2]
        hanging = [
            asyncio.create_task(fetch(client_of(web, f"http://hangs-{number}.test:{port}", timeout=60)))
            for number in range(100)
        ]
        for number in range(10):
            assert len((await fetch(client_of(web, f"http://good-{number}.test:{port}", timeout=60))).items) == 1
        assert not any(task.done() for task in hanging)
        resolver.gate.set()
        assert [len((await task).items) for task in hanging] == [1] * 100


async def test_one_host_is_looked_up_once_for_all_who_wait_even_where_some_give_up(
    web: httpx.AsyncClient, resolver: Resolver
) -> None:
    async with raw_server(sends(KEPT)) as server:
        base_url = server.base_url.replace("127.0.0.1", "hangs.test")
        impatient = [fetch(client_of(web, base_url, timeout=0.05)) for _ in range(5)]
        outcomes = await asyncio.gather(*impatient, return_exceptions=True)
        assert all(isinstance(outcome, errors.TimedOut) for outcome in outcomes)
        assert all("still resolving hangs.test:" in str(outcome) for outcome in outcomes)
        patient = asyncio.create_task(fetch(client_of(web, base_url, timeout=60)))
        for _ in range(50):  # turns of the event loop; it waits for the lookup after fewer
            await asyncio.sleep(0)
        resolver.gate.set()
        assert len((await patient).items) == 1
    assert resolver.asked == ["hangs.test"]


async def test_a_name_is_looked_up_again_for_the_next_connection(web: httpx.AsyncClient, resolver: Resolver) -> None:
    async with raw_server(sends(json_answer(answer()))) as server:
        client = client_of(web, server.base_url.replace("127.0.0.1", "good.test"))
        await fetch(client)
        await fetch(client)
    assert resolver.asked == ["good.test", "good.test"]


@pytest.mark.parametrize("host", ["unknown.test", "user:planted@unknown.test"])
async def test_a_name_that_does_not_resolve_keeps_the_resolvers_words(
    web: httpx.AsyncClient, resolver: Resolver, host: str
) -> None:
    with pytest.raises(errors.CannotConnect) as caught:
        await fetch(client_of(web, f"https://{host}:8443"))
    assert str(caught.value) == (
        "unknown.test cannot be resolved (Name or service not known): check base_url (or region) and DNS"
    )


@pytest.mark.parametrize("host", ["xn--a", "a" * 64 + ".test", "..", "a..test"])
async def test_a_name_that_cannot_be_one_is_no_connection(web: httpx.AsyncClient, host: str) -> None:
    with pytest.raises(MimecastError, match="cannot be resolved") as caught:
        await fetch(client_of(web, f"https://{host}"))
    assert caught.value.reason == "connect"


async def test_a_port_that_refuses_keeps_the_sockets_words(web: httpx.AsyncClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    client = client_of(web, f"http://127.0.0.1:{port}")
    with pytest.raises(errors.CannotConnect) as caught:
        await fetch(client)
    assert f"no connection to 127.0.0.1:{port} (Connection refused): check base_url (or region)" in str(caught.value)
    assert client.traffic.requests == {("get-queue", None): 1}


async def test_each_address_of_a_name_is_tried_and_the_error_has_all_causes(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def addresses(*hosts: str) -> Callable[..., list[Any]]:
        return lambda *_, **__: [(0, 0, 0, "", (host, 0)) for host in hosts]

    async with raw_server(sends(KEPT)) as server:
        named = server.base_url.replace("127.0.0.1", "many.test")
        monkeypatch.setattr(socket, "getaddrinfo", addresses("127.0.0.2", "0100::1", "127.0.0.1"))
        assert len((await fetch(client_of(web, named))).items) == 1
    monkeypatch.setattr(socket, "getaddrinfo", addresses("127.0.0.2", "127.0.0.1"))
    with pytest.raises(errors.CannotConnect, match=r"many\.test:\d+ \(Connection refused\)"):
        await fetch(client_of(web, named))
    monkeypatch.setattr(socket, "getaddrinfo", addresses())
    with pytest.raises(errors.CannotConnect, match=r"many\.test:\d+ \(no address\)"):
        await fetch(client_of(web, named))


class Connection(httpcore.AsyncMockStream):
    """A connection that tells whether it was closed."""

    closed = False

    async def aclose(self) -> None:
        self.closed = True


async def test_an_address_that_stays_silent_does_not_keep_the_next_from_being_tried() -> None:
    cancelled, good = asyncio.Event(), Connection([])

    async def silent() -> httpcore.AsyncNetworkStream:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async def answers() -> httpcore.AsyncNetworkStream:
        return good

    assert await first_connected([silent, answers]) is good
    assert cancelled.is_set()
    assert not good.closed


async def test_whoever_gives_up_leaves_no_connection_open() -> None:
    late, started = Connection([]), asyncio.Event()

    async def stubborn() -> httpcore.AsyncNetworkStream:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return late
        raise AssertionError

    call = asyncio.create_task(first_connected([stubborn]))
    await started.wait()
    call.cancel()
    await asyncio.wait([call])
    assert late.closed


async def test_a_time_limit_says_what_was_still_waited_for(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: object, **__: object) -> Any:
        await asyncio.Event().wait()
        raise AssertionError

    async with raw_server(silent) as server:
        with pytest.raises(errors.TimedOut, match=r"within 0\.1 s, still waiting for the answer"):
            await fetch(client_of(web, server.base_url, timeout=0.1))
        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", silent)
        with pytest.raises(errors.TimedOut, match=r"within 0\.1 s, still connecting to 127\.0\.0\.1:\d+"):
            await fetch(client_of(web, server.base_url, timeout=0.1))


async def test_closing_a_client_closes_what_is_kept() -> None:
    async with keeping() as server:
        async with open_http_client(HttpSettings()) as web:
            await fetch(client_of(web, server.base_url))
        assert web.is_closed


async def test_a_server_that_ends_the_handshake_differs_from_one_that_is_not_there(
    web: httpx.AsyncClient,
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(MimecastError, match=r"to 127\.0\.0\.1.* \(.+\)") as caught:
            await fetch(client_of(web, f"https://127.0.0.1:{port}"))
    assert caught.value.reason in ("tls", "connect")  # as OpenSSL or the socket notices first


async def test_a_handshake_that_is_given_up_leaves_no_connection_open(web: httpx.AsyncClient) -> None:
    ended = asyncio.Event()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()
        writer.close()

    async with await asyncio.start_server(stay_silent, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(errors.TimedOut, match=r"still in the TLS handshake with 127\.0\.0\.1"):
            await fetch(client_of(web, f"https://127.0.0.1:{port}", timeout=0.1))
        async with asyncio.timeout(20):
            await ended.wait()
