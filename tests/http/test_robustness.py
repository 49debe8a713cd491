"""The server under input nobody sends by accident, and what readers that stall cost it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme

from exporter.http.server.limits import Limits
from exporter.http.server.server import Server
from exporter.http.server.tls import Tls
from tests.http.serving import SampleApp, Wire, client_context, connected, request, server_context, serving

pytestmark = pytest.mark.anyio

_PARTS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /wait HTTP/1.1\r\n",
    b"HEAD / HTTP/1.0\r\n",
    b"CONNECT localhost:1 HTTP/1.1\r\n",
    b"Host: localhost\r\n",
    b"Host : localhost\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n",
    b"Connection: close\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\n",
    b"5\r\nhello\r\n",
    b"ffffffffffffffffff\r\n",
    b"0\r\n\r\n",
    b"hello",
    b"\0\xff\x80",
    b"\x16\x03\x01",
]


async def _drop(wire: Wire) -> None:
    """Send nonsense, put together from parts of requests and cut at any place, and go."""
    for _ in range(random.randint(1, 12)):
        if wire.writer.is_closing():
            return
        part = random.choice(_PARTS)
        wire.writer.write(part[: random.randint(1, len(part))] if random.random() < 0.2 else part)
        if random.random() < 0.3:
            await asyncio.sleep(0)
    if random.random() < 0.5 and wire.writer.can_write_eof():
        wire.writer.write_eof()
    await asyncio.sleep(random.choice([0, 0.002]))


@pytest.mark.parametrize("seed", range(6))
async def test_an_invalid_event_is_ignored(
    app: SampleApp, authority: trustme.CA, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    random.seed(seed)
    app.waiting.set()
    tls = Tls(server_context(authority)) if seed % 2 else None
    client = client_context(authority) if seed % 2 else None
    limits = Limits(request_time=0.2, idle_time=0.2, linger_time=0.05, stall_time=0.5)
    with caplog.at_level(logging.INFO):
        async with serving(app, limits=limits, tls=tls) as server:
            for _ in range(100):
                async with connected(server, tls=client) as wire:
                    await _drop(wire)
            async with connected(server, tls=client) as wire:
                assert (await wire.ask(request()))[0] == 200
            await _quiet(server)
    assert caplog.records == []


async def _quiet(server: Server) -> None:
    """Every connection ends within the limits."""
    async with asyncio.timeout(10):
        while not server.is_over:
            await asyncio.sleep(0.01)


async def test_websocket_handshakes_are_plain_requests(app: SampleApp) -> None:
    async with serving(app) as server, connected(server) as wire:
        upgrade = ["Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: a"]
        assert (await wire.ask(request("/", *upgrade)))[0] == 200


def _resident() -> int:
    """Bytes of memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_readers_that_stall_under_tls_cost_little_memory_each(app: SampleApp, authority: trustme.CA) -> None:
    stalled = 20
    async with serving(app, tls=Tls(server_context(authority))) as server, AsyncExitStack() as stack:
        clients = [connected(server, tls=client_context(authority), slow=True) for _ in range(stalled)]
        wires = [await stack.enter_async_context(client) for client in clients]
        before = _resident()
        for wire in wires:
            await wire.send(request("/large"))
        await asyncio.sleep(0.5)
        grown = _resident() - before
    # Each answer has 25 MiB; the clients' own buffers are in this number too.
    assert grown / stalled < 2.5 * 1024 * 1024
