"""The HTTP server: one generation of listeners after the other, and a way out within a second.

Knows sockets and signals; knows nothing of routes or metrics: any ASGI application does. uvicorn's own server is
not used: it ends in status 143 on SIGTERM, bounds no TLS handshake and cannot change its TLS settings. Here a new
TLS context serves the same sockets, duplicated; an `sni_callback` would exchange the certificate alone and leave
the demands on clients' certificates as they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.http.middleware.max_requests import MaxRequests
from exporter.http.server.generation import Generation
from exporter.http.server.limits import Limits
from exporter.http.server.listen import ListenAddress, ListenError, address_of, bind, parse_listen_address, release
from exporter.http.server.signals import Hook, background, call, signals
from exporter.http.server.systemd import notify
from exporter.http.server.tls import Tls
from exporter.http.webconfig.loading import WebConfig
from exporter.http.webconfig.watching import WatchedWebConfig

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

_POLL = 0.01
#: Of the time to stop, what `on_stop` may take of it at most.
_HOOK_SHARE = 0.5


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
        self._generations: list[Generation] = []
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
        generation = Generation(self._app, self._limits, self._tls)
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
    web: WatchedWebConfig | None = None,
    on_stop: Hook | None = None,
    on_reload: Hook | None = None,
    ready: Callable[[Sequence[ListenAddress]], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then return with everything closed, within `limits.stop_time` and a bit.

    `web` says under which TLS, and is watched for changes. `on_stop` is called first on the way out, for the
    application to answer waiting requests at once; `on_reload` on each SIGHUP, one at a time; `ready` once
    connections are accepted, with the addresses as bound. Only the main thread may call this, for the signals.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    web = web or WatchedWebConfig(None)
    server = Server(app, sockets, limits=limits, tls=web.current.server_tls())
    async with signals(on_reload) as stopping, background(web.watch(follow(server, web.current))):
        try:
            await server.start()
            if ready is not None:
                ready(server.addresses)
            notify("READY=1")
            name = await stopping
            notify("STOPPING=1")
            _LOGGER.info("stopping", extra={"signal": name})
        finally:
            await server.stop(on_stop)


def follow(server: Server, config: WebConfig) -> Callable[[WebConfig], Awaitable[None]]:
    """What gives the server the TLS settings of each new configuration, where they differ."""
    in_force = config.tls

    async def changed(config: WebConfig) -> None:
        nonlocal in_force
        if config.tls != in_force:
            in_force = config.tls
            await server.replace_tls(config.server_tls())

    return changed


async def _call_bounded(hook: Hook, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await call(hook)
    except TimeoutError:
        _LOGGER.warning("stopping without waiting longer for answers in preparation")
