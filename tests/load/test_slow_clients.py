"""Clients that hold on to the server: idle ones and slow readers, plain and TLS, beside a scraper with a deadline."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.commands import ALLOCATOR, Running, running
from tests.load.clients import GZIP, Target, drop, open_files, request, resident_megabytes, target
from tests.load.sizes import SIZES
from tests.rawserver import json_answer, raw_server, sends

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

#: Seconds in which the scraper wants its answer, each time.
DEADLINE = 5.0
#: Campaigns whose titles are as long as they may be: their text is more than 20 MB.
CAMPAIGNS = 7_000
#: Accounts among which a fleet's campaigns are divided, so that its text has many small parts.
FLEET = 500
#: What a reader that stalls may cost: a slice under way, the transport's buffer, and TLS records of both.
MEGABYTES_A_READER = 0.5
#: What an idle connection may cost, under TLS.
MEGABYTES_AN_IDLE_ONE = 0.1
#: What a third wave of such clients may take beyond the second, whose memory the allocator keeps for it.
MEGABYTES_MORE_A_READER = 0.2


def large_answer(campaigns: int) -> bytes:
    options = {f"option-{number}": number for number in range(1, 5)}
    common = {"numSent": 5, "numCompleted": 4, "locked": True, "optionSpread": options, "launchDate": "2026-01-01"}
    items = [common | {"id": f"{n}", "title": {"title": f"{n:05d}".ljust(200, "x")}} for n in range(campaigns)]
    return json_answer({"meta": {"status": 200}, "fail": [], "data": items})


@pytest.fixture(params=["plain", "tls", "fleet"])
async def served(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Running, Target]]:
    """An exporter with a large exposition, and where it listens."""
    flags, tls = [f"--config.file={tmp_path}/config.yaml", "--web.listen-address=127.0.0.1:0"], None
    if request.param == "tls":
        authority, tls = trustme.CA(), ssl.create_default_context()
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
        authority.configure_trust(tls)
        (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: server.pem, key_file: server.pem}")
        flags.append(f"--web.config.file={tmp_path}/web.yml")
    accounts = FLEET if request.param == "fleet" else 1
    async with raw_server(sends(large_answer(CAMPAIGNS // accounts))) as api:
        hmac = {"app_id": "a", "app_key": "b", "access_key": "c", "secret_key": "YQ=="}
        names = [f"account-{number}" for number in range(accounts)]
        listed = [{"name": name, "base_url": api.base_url, "hmac": hmac} for name in names]
        config = {"accounts": listed, "cache": {"ttl": "1h"}}
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        with running("serve", *flags, environ=ALLOCATOR) as process:
            server = target(await asyncio.to_thread(lambda: process.base_url), tls)
            assert len((await server.ask(request_plain())).body) > 20_000_000
            yield process, server


def request_plain() -> bytes:
    return request(deadline=60)


async def scraper(server: Target, scrapes: int) -> float:
    """The longest of so many scrapes, in seconds; each is within its deadline, and so is a question for its health."""
    longest = 0.0
    for _ in range(scrapes):
        began = time.monotonic()
        async with asyncio.timeout(DEADLINE):
            assert (await server.ask(request(headers=GZIP, deadline=DEADLINE))).status == 200
        longest = max(longest, time.monotonic() - began)
        async with asyncio.timeout(DEADLINE):
            assert (await server.ask(request("/-/healthy"))).status == 200
    return longest


@asynccontextmanager
async def idle_clients(server: Target) -> AsyncIterator[None]:
    """Connections on which nothing is said, half a request is, or one was; under TLS some never shake hands."""
    async with AsyncExitStack() as stack:
        for number in range(SIZES.idle_clients):
            if number % 2:
                stack.callback((await server.dial()).close)
                continue
            _, writer = await server.connect()
            stack.callback(drop, writer)
            if number % 4:
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: loc")
            else:
                writer.write(request("/-/healthy"))
        yield


@asynccontextmanager
async def slow_readers(server: Target) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Connections that asked for the whole exposition and take it in a few bytes at a time, or not at all."""
    readers, trickles = [], []
    async with AsyncExitStack() as stack:
        for number in range(SIZES.slow_readers):
            reader, writer = await server.connect(receive_buffer=4096)
            stack.callback(drop, writer)
            writer.write(request_plain())
            readers.append(reader)
            if number % 2:
                trickles.append(asyncio.create_task(_trickle(reader)))
        yield readers
        for trickle in trickles:
            trickle.cancel()
        await asyncio.gather(*trickles, return_exceptions=True)


async def _trickle(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while await reader.read(512):
            await asyncio.sleep(0.2)


async def test_slow_clients_delay_no_scrape_and_cost_little(
    served: tuple[Running, Target], request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    (process, server), kind = served, request.node.callspec.params["served"]
    pid = process.process.pid
    await scraper(server, 3)
    files, memory = open_files(pid), resident_megabytes(pid)
    held, after, longest = [], [], 0.0
    for _ in range(3):
        async with idle_clients(server), slow_readers(server):
            longest = max(longest, await scraper(server, SIZES.scrapes_beside_them // 3))
            assert open_files(pid) - files <= SIZES.idle_clients + SIZES.slow_readers + 5
            held.append(resident_megabytes(pid) - memory)
        async with asyncio.timeout(30):
            while open_files(pid) > files:
                await asyncio.sleep(0.05)
        assert (await server.ask(request_plain())).status == 200
        after.append(resident_megabytes(pid) - memory)
    assert held[0] < SIZES.slow_readers * MEGABYTES_A_READER + SIZES.idle_clients * MEGABYTES_AN_IDLE_ONE
    # What the allocator keeps of the first waves serves the next.
    assert after[2] - after[1] < SIZES.slow_readers * MEGABYTES_MORE_A_READER
    clients = f"{SIZES.idle_clients} idle clients and {SIZES.slow_readers} slow readers, {kind}"
    record_property(f"{clients}: longest scrape beside them", f"{longest:.2f} s of {DEADLINE:g} s")
    waves = ", ".join(f"{megabytes:+.1f} MB" for megabytes in after)
    record_property(f"{clients}: memory while they hold on", f"{held[0]:+.1f} MB")
    record_property(f"{clients}: memory after the first, second and third of such waves", waves)
