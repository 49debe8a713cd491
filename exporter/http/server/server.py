"""Serve an ASGI application with uvicorn on given sockets, until a signal stops it.

When the TLS settings change, a new uvicorn server takes over the sockets, and the old one finishes its responses.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from exporter.http.server.connection import BoundedApp, Connection, Connections
from exporter.http.server.limits import Limits
from exporter.http.server.listen import ListenAddress, Listeners, address_of
from exporter.http.server.systemd import notify
from exporter.http.server.tls import Tls

_LOGGER = logging.getLogger(__name__)
_POLL_INTERVAL = 0.01

Hook = Callable[[], Awaitable[object]]
ReplaceTls = Callable[[Tls | None], Awaitable[None]]


def uvicorn_config(app: ASGIApp, connections: Connections) -> uvicorn.Config:
    """Return uvicorn's settings for one listener."""
    tls = connections.tls
    return uvicorn.Config(
        BoundedApp(app, connections),
        http=functools.partial(Connection, connections=connections),  # type: ignore[arg-type] # uvicorn only calls it
        interface="asgi3",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,  # it warns about invalid requests
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # BoundedApp adds it
        timeout_keep_alive=connections.limits.idle_time,  # type: ignore[arg-type] # given to the event loop's call_later
        ssl_context_factory=(lambda *_: tls.context) if tls else None,
    )


class _Listener(uvicorn.Server):
    """uvicorn's server without its wake-ups: ten a second, for the date and for `should_exit`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._retired = asyncio.Event()

    def retire(self) -> None:
        self.should_exit = True
        self._retired.set()

    async def main_loop(self) -> None:
        await self._retired.wait()


class Server:
    """A server for one ASGI application."""

    def __init__(
        self, app: ASGIApp, sockets: Listeners, *, limits: Limits | None = None, tls: Tls | None = None
    ) -> None:
        self._app = app
        self._sockets = sockets
        self._limits = limits or Limits()
        self._tls = tls
        self._open: set[Connection] = set()
        self._answers: set[asyncio.Task[Any]] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        self._listener: tuple[_Listener, Connections, list[socket.socket]] | None = None

    @property
    def addresses(self) -> list[ListenAddress]:
        """The bound addresses, with the real port in place of port 0."""
        return [address_of(sock) for sock in self._sockets]

    @property
    def is_over(self) -> bool:
        """Whether no connection is open and no request is being answered."""
        return not self._open and not self._answers

    async def start(self) -> None:
        """Accept connections."""
        await self.replace_tls(self._tls)

    async def replace_tls(self, tls: Tls | None) -> None:
        """Use `tls` for new connections; open connections finish their current request and close."""
        async with self._changing:
            connections = Connections(self._limits, tls, self._open, self._answers)
            listener = _Listener(uvicorn_config(self._app, connections))
            # First, because this can fail for lack of file descriptors; the old listener then continues.
            duplicates = [sock.dup() for sock in self._sockets]
            # The kernel queues connections on the sockets themselves until the new listener accepts them.
            await self._retire()
            self._listener = listener, connections, duplicates
            serving = asyncio.create_task(listener.serve(sockets=duplicates))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)
            while not listener.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0)
            if serving.done():
                for sock in duplicates:
                    sock.close()
                serving.result()

    async def _retire(self) -> None:
        """Stop accepting connections. Open ones finish their current request and close."""
        if self._listener is not None:
            listener, connections, duplicates = self._listener
            connections.retired = True
            listener.retire()
            while any(sock.fileno() >= 0 for sock in duplicates):  # noqa: ASYNC110 - likewise
                await asyncio.sleep(_POLL_INTERVAL)

    async def stop(self, on_stop: Hook | None = None) -> None:
        """Stop accepting, call `on_stop`, which ends waiting requests, and drop what is left after `stop_time`."""
        self._sockets.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.stop_time), self._changing:
                await self._retire()
                if on_stop is not None:
                    await _call(on_stop)
                for connection in [one for one in self._open if not one.answering]:
                    connection.transport.close()
                while not self.is_over:  # noqa: ASYNC110 - two sets, no event
                    await asyncio.sleep(_POLL_INTERVAL)
        await self._drop()

    async def _drop(self) -> None:
        for connection in list(self._open):
            connection.transport.abort()
        # Let the connections notice the loss before their tasks are cancelled.
        for _ in range(3):
            await asyncio.sleep(0)
        tasks = [*self._answers, *self._serving]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_POLL_INTERVAL)


async def serve(
    app: ASGIApp,
    sockets: Listeners,
    *,
    tls: Tls | None,
    watch_tls: Callable[[ReplaceTls], Coroutine[Any, Any, None]],
    on_stop: Hook,
    on_reload: Hook,
    ready: Callable[[Sequence[ListenAddress]], None],
) -> None:
    """Serve until SIGTERM or SIGINT, and close everything. Only the main thread may call this.

    Args:
        app: any ASGI application.
        sockets: listening sockets, which are closed at the end.
        tls: the initial TLS settings, None for plain HTTP.
        watch_tls: runs in the background, and calls its argument with changed TLS settings.
        on_stop: called first in the shutdown, so that the application can answer waiting requests.
        on_reload: called for SIGHUP, never concurrently.
        ready: called with the bound addresses once connections are accepted.
    """
    stopping, reload = asyncio.Event(), asyncio.Event()
    _handle_signals(stopping, reload)
    server = Server(app, sockets, tls=tls)
    background: list[asyncio.Task[None]] = []
    try:
        await server.start()
        background = [
            asyncio.create_task(task) for task in (_reload_on(reload, on_reload), watch_tls(server.replace_tls))
        ]
        ready(server.addresses)
        notify("READY=1")
        await stopping.wait()
        notify("STOPPING=1")
        _LOGGER.info("stopping")
    finally:
        for task in background:
            task.cancel()
        await server.stop(on_stop)


def _handle_signals(stopping: asyncio.Event, reload: asyncio.Event) -> None:
    """Set the events on signals, including a SIGHUP that was blocked until now.

    uvicorn replaces these handlers in Python while it serves, but the event loop still calls them, because it reads
    signals from its wake-up descriptor.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])


async def _reload_on(requested: asyncio.Event, on_reload: Hook) -> None:
    """Reload for each signal; signals during a reload cause one more."""
    while True:
        await requested.wait()
        requested.clear()
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        await _call(on_reload)
        notify("READY=1")


async def _call(hook: Hook) -> None:
    """Call a hook, and log its exception."""
    try:
        await hook()
    except Exception:
        _LOGGER.exception("a hook of the server failed")
