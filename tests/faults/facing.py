"""An exporter that faces a fault: cold, or after one good answer; and whatever the fault needs around it."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from msgspec.structs import replace

from exporter.config import ApiSettings, Config, OAuth2, Secret, TlsSettings
from tests.faults.fault import GOOD, OTHER_HOST, PLANTED, TIMEOUT, TOKEN, Fault
from tests.rawserver import Answer, Received, raw_server, sends
from tests.serving import Served, configuration, served


@dataclass
class Facing:
    """The exporter, and the API it faces.

    Attributes:
        exporter: what is scraped.
        strangers: connections that another host got, to which the API redirects.

    """

    exporter: Served
    fault: Fault
    strangers: int = 0
    at_fault: bool = False
    elsewhere: str = ""
    here: str = ""

    def begin(self) -> None:
        """From now on the API is at fault."""
        self._lead_to(self.elsewhere or self.here, at_fault=True)

    def end(self) -> None:
        """From now on it is good again."""
        self._lead_to(self.here, at_fault=False)

    def _lead_to(self, base_url: str, *, at_fault: bool) -> None:
        """Let the name of the API lead to another place, as a change of DNS or of routes does."""
        self.at_fault = at_fault
        client = self.exporter.app.registry.accounts["acme"].collectors["campaigns"]._client
        client.base_url = base_url


@asynccontextmanager
async def facing(fault: Fault, folder: Path, *, warm: bool) -> AsyncIterator[Facing]:
    """An exporter whose API is at fault; a `warm` one had one good answer, which has expired."""
    async with AsyncExitStack() as stack:
        authority = trustme.CA() if fault.place in ("an expired certificate", "an unknown authority") else None
        faced = Facing(None, fault)  # type: ignore[arg-type] # it comes below
        other = await stack.enter_async_context(_another_host(faced))
        api = await stack.enter_async_context(
            raw_server(_respond(faced, other), _context(authority) if authority else None)
        )
        faced.here, faced.elsewhere = api.base_url, await _elsewhere(stack, fault, authority)
        config = _configuration(fault, api.base_url)
        if authority:
            authority.cert_pem.write_to_path(str(folder / "ca.pem"))
            config = replace(config, api=replace(config.api, tls_config=TlsSettings(ca_file=str(folder / "ca.pem"))))
        faced.exporter = await stack.enter_async_context(served(config))
        if warm:
            await faced.exporter.scrape()
            faced.exporter.advance(301)
        faced.begin()
        yield faced


def _configuration(fault: Fault, base_url: str) -> Config:
    config = configuration(base_url)
    config = replace(config, api=replace(ApiSettings(timeout=TIMEOUT), **fault.settings))
    if fault.token is None:
        return config
    account = replace(config.accounts[0], hmac=None, oauth2=OAuth2(client_id="id", client_secret=Secret(PLANTED)))
    return replace(config, accounts=(account,))


def _respond(faced: Facing, other: str) -> Answer:
    def answer(of_fault: Answer | bytes, good: bytes) -> Answer:
        given = of_fault if faced.at_fault else good
        return given if callable(given) else sends(given.replace(OTHER_HOST, other.encode()))

    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.path == "/oauth/token":
            await answer(faced.fault.token or TOKEN, TOKEN)(request, writer)
        else:
            await answer(faced.fault.answer, GOOD)(request, writer)

    return respond


@asynccontextmanager
async def _another_host(faced: Facing) -> AsyncIterator[str]:
    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        faced.strangers += 1
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _elsewhere(stack: AsyncExitStack, fault: Fault, authority: trustme.CA | None) -> str:
    """Where the API's name leads under the fault; empty where it leads to the API."""
    if fault.place == "an unknown name":
        return "http://api.mimecast.invalid"
    if fault.place == "a closed port":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            return f"http://127.0.0.1:{closed.getsockname()[1]}"
    if fault.place == "a plain port":
        plain = await stack.enter_async_context(await asyncio.start_server(_speak_plainly, "127.0.0.1", 0))
        return f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
    if fault.place == "an unknown authority":
        return (await stack.enter_async_context(raw_server(sends(GOOD), _context(trustme.CA())))).base_url
    if authority is not None:
        past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        return (await stack.enter_async_context(raw_server(sends(GOOD), _context(authority, past)))).base_url
    return ""


async def _speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    writer.close()


def _context(authority: trustme.CA, not_after: datetime.datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=not_after).configure_cert(context)
    return context
