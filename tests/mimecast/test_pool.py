"""No connection is lost by a call that is cancelled, at whatever moment; seen from the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpcore
import httpx
import pytest

from exporter.mimecast import errors
from exporter.mimecast.network import Network
from exporter.mimecast.transport import CancellablePool

pytestmark = pytest.mark.anyio

#: Turns of the event loop after which a call is cancelled: a whole call on a new connection takes fewer.
MOMENTS = range(60)


def connections() -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(network_backend=Network())


@dataclass
class Server:
    """What is connected to it now, and how often something was."""

    url: str = ""
    open: int = 0
    accepted: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    async def none_is_open(self) -> None:
        async with asyncio.timeout(20):
            while self.open:
                await asyncio.sleep(0.01)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Answers each request: the body's second half once `hold` is set."""
    started = Server()
    started.hold.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        started.open += 1
        started.accepted += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhe")
                await asyncio.wait_for(started.hold.wait(), 60)
                if writer.is_closing():
                    break  # the client has hung up meanwhile
                writer.write(b"re")
                await writer.drain()
        started.open -= 1
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        started.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield started


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=CancellablePool(connections), trust_env=False) as made:
        yield made


async def cancelled_after(turns: int, client: httpx.AsyncClient, url: str) -> None:
    call = asyncio.create_task(client.get(url))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def test_a_call_cancelled_at_any_moment_leaves_no_connection(server: Server, client: httpx.AsyncClient) -> None:
    for _ in range(5):
        for turns in MOMENTS:
            await asyncio.gather(*(cancelled_after(turns, client, server.url) for _ in range(3)))
    # The last calls may have ended well, on connections that are kept for the next.
    await cancelled_after(1, client, server.url)
    await server.none_is_open()
    assert (await client.get(server.url)).text == "here"


async def test_calls_beside_a_cancelled_one_are_answered_whole(server: Server, client: httpx.AsyncClient) -> None:
    server.hold.clear()
    calls = [asyncio.create_task(client.get(server.url)) for _ in range(3)]
    cancelled = asyncio.create_task(client.get(server.url))
    async with asyncio.timeout(20):
        while server.open < 4:
            await asyncio.sleep(0.01)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    server.hold.set()
    assert [(await call).text for call in calls] == ["here"] * 3
    await server.none_is_open()


async def test_calls_that_end_well_share_a_connection(server: Server, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await client.get(server.url)).text == "here"
    assert server.accepted == 1


async def test_a_call_that_fails_does_not_part_the_others_from_their_connections(
    server: Server, client: httpx.AsyncClient
) -> None:
    assert (await client.get(server.url)).text == "here"
    with pytest.raises(errors.CannotConnect):
        await client.get("http://127.0.0.1:1")
    assert (await client.get(server.url)).text == "here"
    assert server.accepted == 1


async def test_a_response_that_is_closed_twice_counts_once(server: Server, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", server.url) as response:
        pass
    assert isinstance(response.stream, httpx.AsyncByteStream)
    await response.stream.aclose()
    server.hold.clear()
    beside = asyncio.create_task(client.get(server.url))
    async with asyncio.timeout(20):
        while server.accepted < 2:
            await asyncio.sleep(0.01)
    await cancelled_after(1, client, server.url)
    server.hold.set()
    assert (await beside).text == "here"


async def test_a_cancellation_while_a_response_closes_retires_its_pool() -> None:
    class Cancelled(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"here"

        async def aclose(self) -> None:
            raise asyncio.CancelledError

    class Connections(httpcore.AsyncConnectionPool):
        async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
            return httpcore.Response(200, content=Cancelled())

    made: list[Connections] = []

    def make() -> Connections:
        made.append(Connections())
        return made[-1]

    pool = CancellablePool(make)
    response = await pool.handle_async_request(httpx.Request("GET", "http://api.test"))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    with pytest.raises(asyncio.CancelledError):
        await response.stream.aclose()
    assert len(made) == 2
    await pool.aclose()


async def test_closing_closes_what_is_under_way(server: Server) -> None:
    pool = CancellablePool(connections)
    client = httpx.AsyncClient(transport=pool, trust_env=False)
    server.hold.clear()
    async with client.stream("GET", server.url), client.stream("GET", server.url):
        await cancelled_after(30, client, server.url)
        async with asyncio.timeout(20):
            while server.open < 2:
                await asyncio.sleep(0.01)
        await client.aclose()
        server.hold.set()
        await server.none_is_open()
