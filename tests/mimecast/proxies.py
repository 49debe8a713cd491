"""A proxy that tunnels (CONNECT) to this machine, whatever host it is asked for."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.rawserver import http


@dataclass
class Proxy:
    """Where the proxy listens, and what it was asked."""

    url: str = ""
    tunnels: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxy(
    credentials: str = "", context: ssl.SSLContext | None = None, refusal: bytes = b""
) -> AsyncIterator[Proxy]:
    started = Proxy()
    expected = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        given = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        started.authorizations.append(given.get("proxy-authorization", ""))
        started.tunnels.append(first.split(" ")[1])
        if refusal or started.authorizations[-1] != expected:
            writer.write(refusal or http(407))
            writer.close()
            return
        port = int(started.tunnels[-1].rpartition(":")[2])
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(_pump(reader, to_writer), _pump(to_reader, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    scheme = "https" if context else "http"
    started.url = f"{scheme}://{credentials + '@' if credentials else ''}127.0.0.1:{port}"
    try:
        yield started
    finally:
        listening.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
