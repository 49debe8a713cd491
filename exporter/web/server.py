"""The HTTP server: generations of listeners with one TLS context each, signals, a way out within a second.

Knows sockets, uvicorn's protocol and signals; knows nothing of routes or metrics: any ASGI application does.
uvicorn's own server is not used: it ends in status 143 on SIGTERM, bounds no TLS handshake and cannot change
its TLS settings. A new TLS context serves the same sockets, duplicated; `sni_callback` would exchange the
certificate alone and leave the demands on clients' certificates as they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from exporter.web.accept import Acceptor
from exporter.web.limits import Limits
from exporter.web.listen import ListenAddress, ListenError, address_of, bind, parse_listen_address, release
from exporter.web.maxrequests import MaxRequests
from exporter.web.protocol import HttpProtocol, PeerCertificate

__all__ = [
    "Limits",
    "ListenAddress",
    "ListenError",
    "MaxRequests",
    "Server",
    "Tls",
    "bind",
    "parse_listen_address",
    "serve",
]

_LOGGER = logging.getLogger(__name__)

#: What `on_stop` and `on_reload` may be: plain functions or coroutine functions without arguments.
Hook = Callable[[], Awaitable[None] | None]

_POLL = 0.01
#: Of the time to stop, what `on_stop` may take of it at most.
_HOOK_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Tls:
    """What a generation demands: its context, and which verified client certificates it admits (default: all)."""

    context: ssl.SSLContext
    admits: Callable[[PeerCertificate], bool] | None = None


class _State(ServerState):
    """What uvicorn's connections share: each other, their tasks, and the headers of every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.retired = False

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """The date, and that the connection closes once its generation is retired."""
        date = (b"date", formatdate(usegmt=True).encode())
        return [date, (b"connection", b"close")] if self.retired else [date]

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """Accept the empty list of uvicorn's constructor, and drop it."""


class _Generation:
    """Listeners on duplicates of the sockets, under one TLS context, and the connections they accepted."""

    def __init__(self, app: ASGIApp, limits: Limits, tls: Tls | None) -> None:
        self._config = Config(
            app,
            interface="asgi3",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        self._config.load()
        self._limits = limits
        self._tls = tls
        self._acceptors: list[Acceptor] = []
        self.state = _State()

    def start(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections."""
        factory = functools.partial(
            HttpProtocol,
            self._config,
            self.state,
            loop=asyncio.get_running_loop(),
            limits=self._limits,
            admits=self._tls.admits if self._tls else None,
        )
        self._acceptors = [Acceptor(sock.dup(), factory, self._limits, self._tls_arguments()) for sock in sockets]
        for acceptor in self._acceptors:
            acceptor.start()

    def _tls_arguments(self) -> dict[str, Any]:
        if self._tls is None:
            return {}
        return {
            "ssl": self._tls.context,
            "ssl_handshake_timeout": self._limits.handshake_time,
            "ssl_shutdown_timeout": self._limits.stall_time,
        }

    def stop_accepting(self) -> None:
        """Close the listeners; the sockets they are duplicates of stay open, and queue what connects."""
        for acceptor in self._acceptors:
            acceptor.close()

    def retire(self) -> None:
        """Stop accepting; each connection answers what it was asked and closes."""
        self.stop_accepting()
        self.state.retired = True
        for connection in self.connections:
            connection.retire()

    def shutdown(self) -> None:
        """Stop accepting and close all connections that are not being answered."""
        self.stop_accepting()
        self.state.retired = True
        for connection in self.connections:
            connection.shutdown()

    async def abort_handshakes(self) -> None:
        """Drop the connections that have not got as far as a request."""
        for acceptor in self._acceptors:
            acceptor.abort()
            await acceptor.aborted()

    def abort(self) -> None:
        """Drop all connections, answered or not."""
        for connection in self.connections:
            connection.transport.abort()

    @property
    def connections(self) -> list[HttpProtocol]:
        """The connections whose TLS handshake, if any, is done."""
        return [connection for connection in self.state.connections if isinstance(connection, HttpProtocol)]

    @property
    def is_over(self) -> bool:
        """Whether nothing is connected and no answer is being prepared."""
        opening = any(acceptor.is_opening for acceptor in self._acceptors)
        return not (opening or self.state.connections or self.state.tasks)


class Server:
    """Serves one ASGI application on listening sockets, until stopped."""

    def __init__(
        self,
        app: ASGIApp,
        sockets: Sequence[socket.socket],
        *,
        limits: Limits | None = None,
        tls: Tls | None = None,
    ) -> None:
        self._app = _Contained(app)
        self._sockets = sockets
        self._limits = limits or Limits()
        self._tls = tls
        self._generations: list[_Generation] = []
        self._stopping = False

    @property
    def addresses(self) -> list[ListenAddress]:
        """Where it listens: a port 0 has become the real one."""
        return [address_of(sock) for sock in self._sockets]

    async def start(self) -> None:
        """Accept connections from now on."""
        self._start_generation()

    async def replace_tls(self, tls: Tls | None) -> None:
        """Serve every connection from now on under `tls`; open ones finish the answer they are at."""
        if self._stopping:
            return
        self._tls = tls
        # First the old, then the new: in between, the kernel queues connections on the sockets themselves.
        for generation in self._generations:
            generation.retire()
        self._generations = [generation for generation in self._generations if not generation.is_over]
        self._start_generation()

    def _start_generation(self) -> None:
        generation = _Generation(self._app, self._limits, self._tls)
        self._generations.append(generation)
        generation.start(self._sockets)

    async def stop(self, on_stop: Hook | None = None) -> None:
        """Close everything within `stop_time`: `on_stop` first, so that waiting answers come out."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.stop_time
        for generation in self._generations:
            generation.stop_accepting()
            await generation.abort_handshakes()
        release(self._sockets)
        if on_stop is not None:
            await _call_bounded(on_stop, self._limits.stop_time * _HOOK_SHARE)
        for generation in self._generations:
            generation.shutdown()
        while loop.time() < deadline and not self.is_over:  # noqa: ASYNC110 - uvicorn's sets raise no event
            await asyncio.sleep(_POLL)
        await self._abort()

    @property
    def is_over(self) -> bool:
        """Whether nothing is connected and no answer is being prepared."""
        return all(generation.is_over for generation in self._generations)

    async def _abort(self) -> None:
        tasks = [task for generation in self._generations for task in generation.state.tasks]
        for generation in self._generations:
            generation.abort()
        # Let the connections learn that they are lost before their applications are cancelled.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.stop_time / 4)
        self._generations.clear()


class _Contained:
    """The application, whose cancellation when the server stops is no error to be logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._app(scope, receive, send)


async def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    *,
    limits: Limits | None = None,
    tls: Tls | None = None,
    on_stop: Hook | None = None,
    on_reload: Hook | None = None,
    ready: Callable[[Sequence[ListenAddress]], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then return with everything closed, within `limits.stop_time` and a bit.

    `on_stop` is called first, for the application to answer waiting requests at once; `on_reload` on each
    SIGHUP, one at a time; `ready` once connections are accepted, with the addresses as bound.
    Only the main thread may call this, for the signals.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server = Server(app, sockets, limits=limits, tls=tls)
    async with _signals(on_reload) as stopping:
        try:
            await server.start()
            if ready is not None:
                ready(server.addresses)
            name = await stopping
            _LOGGER.info("stopping on %s", name)
        finally:
            await server.stop(on_stop)


@contextlib.asynccontextmanager
async def _signals(on_reload: Hook | None) -> AsyncIterator[asyncio.Future[str]]:
    """While inside: SIGTERM and SIGINT resolve the future with their name, SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[str] = loop.create_future()
    reloading = asyncio.Event()

    def stop(name: str) -> None:
        if not stopping.done():
            stopping.set_result(name)

    reloader = asyncio.create_task(_reload_on(reloading, on_reload))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, reloading.set)
    try:
        yield stopping
    finally:
        reloader.cancel()
        await asyncio.wait([reloader], timeout=_POLL)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _reload_on(event: asyncio.Event, on_reload: Hook | None) -> None:
    """One reload after the other: a signal during a reload makes one more follow, however many came."""
    while True:
        await event.wait()
        event.clear()
        if on_reload is None:
            _LOGGER.info("SIGHUP ignored: there is nothing to reload")
            continue
        await _call(on_reload)


async def _call(hook: Hook) -> None:
    try:
        result = hook()
        if inspect.isawaitable(result):
            await result
    except Exception:
        _LOGGER.exception("a hook of the server failed")


async def _call_bounded(hook: Hook, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _call(hook)
    except TimeoutError:
        _LOGGER.warning("stopping without waiting longer for answers in preparation")
