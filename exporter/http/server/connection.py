"""One HTTP connection: uvicorn's protocol behind checks of each request, and a limit to every wait for the client.

uvicorn's protocol is created for the first complete request. The application finds the connection that it answers
in the state that ASGI passes with each request.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exporter.http.server.limits import Limits
from exporter.http.server.requests import RefusedError, RequestReader

_LOGGER = logging.getLogger(__name__)

#: The largest part of a body that is written at once, and the bytes that may wait for a slow reader.
CHUNK_SIZE = 64 * 1024
_STATE_KEY = "connection"

#: A certificate as `ssl.SSLSocket.getpeercert` returns it, empty or None without one.
PeerCertificate = Mapping[str, Any] | None


@dataclass(slots=True)
class Connections:
    """The open connections of one listener, and the tasks that answer their requests.

    Attributes:
        admits: returns whether a client with this certificate may connect.
        retired: whether the listener accepts no more; every answer is then the last of its connection.

    """

    limits: Limits
    admits: Callable[[PeerCertificate], bool] | None = None
    open: set[Connection] = field(default_factory=set)
    answers: set[asyncio.Task[Any]] = field(default_factory=set)
    retired: bool = False


class Connection(asyncio.Protocol):
    """One connection. uvicorn creates it with the arguments of its own protocol, which it passes on."""

    def __init__(self, *, connections: Connections, app_state: dict[str, Any], **uvicorn_arguments: Any) -> None:
        # A weak reference, so that the memory of a closed connection is freed at once.
        self._uvicorn_arguments = uvicorn_arguments | {"app_state": {**app_state, _STATE_KEY: weakref.ref(self)}}
        self._connections = connections
        self._limits = connections.limits
        self._requests = RequestReader(connections.limits)
        self._http: HttpToolsProtocol | None = None
        self._transport: asyncio.Transport
        self._clock: asyncio.TimerHandle | None = None
        self._answering = False
        self._refused = False
        self._paused = False

    # Called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock for the first request, or drop a client whose certificate is not admitted."""
        self._transport = transport  # type: ignore[assignment] # asyncio declares the base class
        self._connections.open.add(self)
        self._transport.set_write_buffer_limits(high=CHUNK_SIZE)
        _set_socket_options(transport.get_extra_info("socket"), self._limits)
        admits = self._connections.admits
        if admits is not None and not admits(transport.get_extra_info("peercert")):
            self._transport.abort()
        else:
            self._start_clock()

    def data_received(self, data: bytes) -> None:
        """Pass the next complete request on, unless one is being answered."""
        if self._refused:
            return
        self._requests.receive(data)
        if not self._answering:
            self._pass_request()
        elif self._requests.buffered > self._limits.header_bytes:
            self._transport.pause_reading()
            self._paused = True

    def pause_writing(self) -> None:
        """Hold the application back."""
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """Let the application continue."""
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the loss to the application that answers."""
        self._connections.open.discard(self)
        self._stop_clock()
        if self._http is not None:
            # With an exception uvicorn would keep its keep-alive timer, and with it the connection's memory.
            self._http.connection_lost(None)

    # Requests

    def _pass_request(self) -> None:
        try:
            request = self._requests.next_request(close=self._connections.retired)
        except RefusedError as error:
            self._refuse(error.status)
            return
        if request is not None:
            self._stop_clock()
            self._answering = True
            self._give_to_uvicorn(request)
            return
        self._start_clock()
        if self._requests.take_continue():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _give_to_uvicorn(self, request: bytes) -> None:
        if self._http is None:
            self._http = HttpToolsProtocol(**self._uvicorn_arguments)
            self._http.connection_made(self._transport)
        self._http.data_received(request)

    def answered(self) -> None:
        """Continue with the next request once uvicorn has completed this answer."""
        asyncio.get_running_loop().call_soon(self._continue)

    def _continue(self) -> None:
        self._answering = False
        if self.is_closing:
            return
        if self._paused:
            self._transport.resume_reading()
            self._paused = False
        if self._requests.has_begun:
            self._pass_request()

    def _refuse(self, status: int) -> None:
        """Answer with `status`, and drop what follows until the client has closed or the time to linger is over."""
        self._refused = True
        self._transport.write(_refusal(status, with_body=not self._requests.is_head_request))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._stop_clock()
        self._clock = asyncio.get_running_loop().call_later(self._limits.linger_time, self._transport.abort)

    # The clock of the request

    def _start_clock(self) -> None:
        if self._clock is None:
            self._clock = asyncio.get_running_loop().call_later(self._limits.request_time, self._overdue)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _overdue(self) -> None:
        if self._requests.has_begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self._transport.close()

    # The end

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._transport.is_closing()

    def close_unless_answering(self) -> None:
        """Close a connection that waits for a request."""
        if not self._answering:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection, and what is still to be sent."""
        self._transport.abort()


class BoundedApp:
    """The application, called for one connection at a time and held to the time that an answer may take."""

    def __init__(self, app: ASGIApp, connections: Connections) -> None:
        self._app = app
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that is gone, or a server that stops, ends it quietly."""
        connection: Connection | None = scope["state"].pop(_STATE_KEY)()
        task = asyncio.current_task()
        if connection is None or task is None:
            return
        self._connections.answers.add(task)
        try:
            await self._answer(connection, scope, receive, send)
        except asyncio.CancelledError:
            connection.abort()
        finally:
            self._connections.answers.discard(task)
            connection.answered()
        # uvicorn logs an incomplete answer as an error, unless it knows already that the client is gone.
        while connection.is_closing and (await receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, connection: Connection, scope: Scope, receive: Receive, send: Send) -> None:
        loop, time_limit = asyncio.get_running_loop(), asyncio.timeout(None)

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                time_limit.reschedule(loop.time() + self._connections.limits.response_time)
            for part in _split(message) if len(message.get("body", b"")) > CHUNK_SIZE else (message,):
                if not connection.is_closing:
                    await send(part)

        try:
            async with time_limit:
                await self._app(scope, receive, send_in_time)
        except TimeoutError:
            if not time_limit.expired():
                raise
            connection.abort()


def _split(message: Message) -> list[Message]:
    """Split a large body, each part of which waits until the reader has taken in the one before."""
    view, more = memoryview(message["body"]), message.get("more_body", False)
    begins = range(0, len(view), CHUNK_SIZE)
    parts: list[Message] = [
        {**message, "body": view[begin : begin + CHUNK_SIZE], "more_body": True} for begin in begins
    ]
    parts[-1]["more_body"] = more
    return parts


def _refusal(status: int, *, with_body: bool) -> bytes:
    """Return the whole answer to a request that is not served."""
    phrase = HTTPStatus(status).phrase
    body = f"{status:d} {phrase}\n"
    fields = (
        f"date: {formatdate(usegmt=True)}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n"
    )
    return f"HTTP/1.1 {status:d} {phrase}\r\n{fields}\r\n{body if with_body else ''}".encode()


def _set_socket_options(sock: socket.socket, limits: Limits) -> None:
    if sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.stall_time * 1000))
