"""One HTTP connection: validates each request, passes it to uvicorn's protocol, and limits every wait for the client.

uvicorn's protocol is created for the first complete request. The ASGI scope's state holds the connection.
"""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exporter.http.server.limits import Limits
from exporter.http.server.requests import RefusedError, RequestReader
from exporter.http.server.tls import Tls

#: Bytes of a body written at a time, and bytes buffered for a slow reader.
CHUNK_SIZE = 128 * 1024
_STATE_KEY = "connection"


@dataclass(slots=True)
class Connections:
    """The open connections of one listener, the tasks that answer them, and what they share."""

    limits: Limits
    tls: Tls | None = None
    open: set[Connection] = field(default_factory=set)
    answers: set[asyncio.Task[Any]] = field(default_factory=set)
    #: Whether the listener has stopped accepting; each response then closes its connection.
    retired: bool = False


class Connection(asyncio.Protocol):
    """One connection. uvicorn creates it with the arguments for its own protocol."""

    transport: asyncio.Transport

    def __init__(self, *, connections: Connections, app_state: dict[str, Any], **uvicorn_arguments: Any) -> None:
        # A weak reference, so that the memory of a closed connection is freed at once.
        self._uvicorn_arguments = uvicorn_arguments | {"app_state": {**app_state, _STATE_KEY: weakref.ref(self)}}
        self._connections = connections
        self._limits = connections.limits
        self._requests = RequestReader(connections.limits)
        self._http: HttpToolsProtocol | None = None
        self._clock: asyncio.TimerHandle | None = None
        self.answering = False
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer of the first request, or drop a client whose certificate is not allowed."""
        self.transport = transport  # type: ignore[assignment] # asyncio declares the base class
        self._connections.open.add(self)
        self.transport.set_write_buffer_limits(high=CHUNK_SIZE)
        sock = transport.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._limits.stall_time * 1000))
        self._start_clock()
        tls = self._connections.tls
        if tls is not None and not tls.admits(transport.get_extra_info("peercert")):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Pass on the next complete request, unless one is being answered."""
        if self._refused:
            return
        self._requests.receive(data)
        if not self.answering:
            self._pass_request()
        elif self._requests.buffered > self._limits.header_bytes:
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the loss to the application."""
        self._connections.open.discard(self)
        self._stop_clock()
        if self._http is not None:
            # With an exception uvicorn would keep its keep-alive timer, and with it the connection's memory.
            self._http.connection_lost(None)

    def _pass_request(self) -> None:
        try:
            request = self._requests.next_request(close=self._connections.retired)
        except RefusedError as error:
            self._refuse(error.status)
            return
        if request is None:
            self._start_clock()
            if self._requests.continue_due:
                self._requests.continue_due = False
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self._stop_clock()
        self.answering = True
        if self._http is None:
            self._http = HttpToolsProtocol(**self._uvicorn_arguments)
            self._http.connection_made(self.transport)
        self._http.data_received(request)

    def answered(self) -> None:
        """Continue with the next request; called once uvicorn has completed this answer."""
        self.answering = False
        if self._requests.buffered and not self.transport.is_closing():
            self.transport.resume_reading()
            self._pass_request()

    def _refuse(self, status: int) -> None:
        """Answer with `status`, and discard further data until the client closes or `linger_time` has passed."""
        self._refused = True
        lines = (f"HTTP/1.1 {status:d} {HTTPStatus(status).phrase}", f"date: {formatdate(usegmt=True)}")
        self.transport.write("\r\n".join([*lines, "content-length: 0", "connection: close", "", ""]).encode())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._stop_clock()
        self._clock = asyncio.get_running_loop().call_later(self._limits.linger_time, self.transport.abort)

    def _start_clock(self) -> None:
        if self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(self._limits.request_time, self._overdue)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _overdue(self) -> None:
        if self._requests.buffered:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()


class BoundedApp:
    """Calls the application for one request of a connection at a time, and limits the time of the response."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; stop silently if the client disconnects or the server stops."""
        connection: Connection | None = scope["state"].pop(_STATE_KEY)()
        task = asyncio.current_task()
        if connection is None or task is None:
            return
        self._connections.answers.add(task)
        try:
            await self._answer(connection.transport, scope, receive, send)
        except asyncio.CancelledError:
            connection.transport.abort()
        finally:
            self._connections.answers.discard(task)
            asyncio.get_running_loop().call_soon(connection.answered)
        # uvicorn logs an incomplete response as an error unless it knows that the client has disconnected.
        while connection.transport.is_closing() and (await receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, transport: asyncio.Transport, scope: Scope, receive: Receive, send: Send) -> None:
        loop, time_limit = asyncio.get_running_loop(), asyncio.timeout(None)

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                time_limit.reschedule(loop.time() + self._connections.limits.response_time)
                headers = [*message.get("headers", ()), (b"date", formatdate(usegmt=True).encode())]
                if self._connections.retired:
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            for part in _split(message) if len(message.get("body", b"")) > CHUNK_SIZE else (message,):
                if not transport.is_closing():
                    await send(part)

        try:
            async with time_limit:
                await self._app(scope, receive, send_in_time)
        except TimeoutError:
            if not time_limit.expired():
                raise
            transport.abort()


def _split(message: Message) -> Iterator[Message]:
    """Split a large body into parts; each is sent when the reader has accepted the previous one."""
    view = memoryview(message["body"])
    for begin in range(0, len(view), CHUNK_SIZE):
        end = begin + CHUNK_SIZE
        yield {**message, "body": view[begin:end], "more_body": end < len(view) or message.get("more_body", False)}
