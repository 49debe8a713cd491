"""Thousands of idle connections: they keep nobody from scraping, cut no answer short, and are closed in time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.commands import Running, running
from tests.rawserver import json_answer, raw_server, sends

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

#: Seconds in which the scraper wants its answer, each time.
DEADLINE = 5.0
IDLE = 2_500
SLOW_READERS = 20
SCRAPES = 10
#: Enough for an exposition that no socket's buffers take in whole.
CAMPAIGNS = 2_000
LARGE = 5_000_000
GET = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture
async def exporter(many_files: None, tmp_path: Path) -> AsyncIterator[Running]:
    options = {f"option-{number}": number for number in range(1, 5)}
    common = {"numSent": 5, "numCompleted": 4, "locked": True, "optionSpread": options, "launchDate": "2026-01-01"}
    items = [common | {"id": f"{n}", "title": {"title": f"{n:05d}".ljust(200, "x")}} for n in range(CAMPAIGNS)]
    async with raw_server(sends(json_answer({"meta": {"status": 200}, "fail": [], "data": items}))) as api:
        hmac = {"app_id": "a", "app_key": "b", "access_key": "c", "secret_key": "YQ=="}
        config = {"accounts": [{"name": "acme", "base_url": api.base_url, "hmac": hmac}], "cache": {"ttl": "1h"}}
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        with running("serve", f"--config.file={tmp_path}/config.yaml", "--web.listen-address=127.0.0.1:0") as process:
            await asyncio.to_thread(process.wait_for, "msg=listening")
            yield process


async def connect(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


async def body(reader: asyncio.StreamReader) -> bytes:
    """The body of an answer whose status was read, whole; raises IncompleteReadError where it is not."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.split(b":")[1]))


async def scrape(port: int) -> float:
    """Seconds one scrape took, on a connection of its own."""
    began = time.monotonic()
    async with asyncio.timeout(DEADLINE):
        reader, writer = await connect(port)
        writer.write(GET + b"Accept-Encoding: gzip\r\n\r\n")
        await reader.readuntil(b"HTTP/1.1 200")
        assert await body(reader)
    writer.transport.abort()
    return time.monotonic() - began


async def slow_reader(port: int) -> Streams:
    """A connection that is being answered, and reads no further than the answer's first bytes."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    writer.write(GET + b"\r\n")
    await reader.readuntil(b"HTTP/1.1 200")
    return reader, writer


async def closed(idle: list[Streams]) -> None:
    """Wait until the server has closed all of these."""
    async with asyncio.timeout(60):
        for reader, _ in idle:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""


async def test_thousands_of_idle_connections_delay_no_scrape_and_are_closed_in_time(
    exporter: Running, record_property: Callable[[str, object], None]
) -> None:
    port = httpx.URL(exporter.base_url).port
    assert port
    await scrape(port)
    slow = [await slow_reader(port) for _ in range(SLOW_READERS)]
    idle = [await connect(port) for _ in range(IDLE)]
    try:
        longest = max([await scrape(port) for _ in range(SCRAPES)])
        for reader, _ in slow:
            async with asyncio.timeout(60):
                text = await body(reader)
            assert len(text) > LARGE
            assert text.endswith(b"\n")
        await closed(idle)
    finally:
        for _, writer in (*slow, *idle):
            writer.transport.abort()
    record_property("longest scrape beside so many idle connections", f"{longest:.2f} s of {DEADLINE:g} s, {IDLE}")
