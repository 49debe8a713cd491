"""Real servers and raw clients for the tests of serving: small applications, sockets, and TLS by trustme."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trustme
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.http.server.limits import Limits
from exporter.http.server.listen import bind, parse_listen_address
from exporter.http.server.server import Server
from exporter.http.server.tls import Tls

#: Short enough for a test to reach, long enough for a busy machine not to.
BRIEF = 0.3
SLICE = 256 * 1024


@dataclass
class SampleApp:
    """Answers by path; `requests` holds method and path of each, `waiting` opens `/wait`."""

    requests: list[str] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    slices: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append(f"{scope['method']} {scope['path']}")
        self.begun.set()
        if scope["path"] == "/wait":
            await self.waiting.wait()
        if scope["path"] == "/large":
            await self._large(send)
            return
        status = 200 if scope["path"] in ("/", "/wait") else 404
        body = f"{scope['method']} {scope['path']}\n".encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _large(self, send: Send, count: int = 100) -> None:
        headers = [(b"content-length", str(count * SLICE).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for number in range(count):
            await send({"type": "http.response.body", "body": bytes(SLICE), "more_body": number < count - 1})
            self.slices += 1


@asynccontextmanager
async def serving(
    app: ASGIApp,
    addresses: Sequence[str] = ("127.0.0.1:0",),
    *,
    limits: Limits | None = None,
    tls: Tls | None = None,
    stop: Callable[[], None] | None = None,
) -> AsyncIterator[Server]:
    """A server of the application, stopped at the end; `stop` is called first."""
    server = Server(app, bind(map(parse_listen_address, addresses)), limits=limits, tls=tls)
    await server.start()
    try:
        yield server
    finally:
        release = app.waiting.set if isinstance(app, SampleApp) else stop

        async def on_stop() -> None:
            if release is not None:
                release()

        await server.stop(on_stop)


@dataclass
class Wire:
    """One raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer with a Content-Length: status, headers in lower case, body."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        await self.send(data)
        return await self.answer()

    async def rest(self) -> bytes:
        """What comes until the server closes; a reset ends it too."""
        data = b""
        try:
            while chunk := await self.reader.read(65536):
                data += chunk
        except ConnectionError:
            pass
        return data


def target(server: Server) -> tuple[str, int]:
    """Host and port of the first address."""
    address = server.addresses[0]
    return address.host, address.port


@asynccontextmanager
async def connected(server: Server, *, tls: ssl.SSLContext | None = None, slow: bool = False) -> AsyncIterator[Wire]:
    """A raw connection to the first address; with `tls`, to the name `localhost`.

    A `slow` one takes in hardly more than the test reads.
    """
    host, port = target(server)
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if slow:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, port))
    reader, writer = await asyncio.open_connection(
        sock=sock, ssl=tls, server_hostname="localhost" if tls else None, limit=1024 if slow else 65536
    )
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def request(path: str = "/", *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A well-formed request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's TLS context for `localhost` and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    """A client's TLS context that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


class HealthyApp:
    """Answers `/-/healthy` with 200, everything else with 404."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 200 if scope["path"] == "/-/healthy" else 404
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
