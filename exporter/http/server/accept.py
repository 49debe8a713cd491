"""Accepting connections on one listening socket, and TLS handshakes in each connection's own time.

Knows listening sockets and TLS contexts; knows nothing of HTTP. The event loop's own servers keep connections in
the middle of a handshake to themselves: they can be neither counted nor closed, and hold up the way out. They also
drop the alert that says why a handshake failed, so that a client without a certificate would see an end of file.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import errno
import functools
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from exporter.http.server.limits import Limits

_LOGGER = logging.getLogger("exporter.http.http")

#: How many connections to accept before other work gets its turn.
_BATCH = 32
#: How long to leave the listener alone when the process has no more files or memory.
_PAUSE = 1.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

#: How long a connection whose handshake failed stays open for its alert to go out.
_ALERT_TIME = 0.1
_PLAIN_REQUEST = b"HTTP/1.0 400 Bad Request\r\n\r\nThis is an HTTPS server, and the request was plain HTTP.\n"

#: Whom to tell that the handshake of the connection at hand failed.
_failed: contextvars.ContextVar[Callable[[ssl.SSLError], None]] = contextvars.ContextVar("failed")


class _SpeakingSSLObject(ssl.SSLObject):
    """One handshake, whose failure goes out to the peer before it closes the connection."""

    def do_handshake(self) -> None:
        """Go on with the handshake. After a failure it seems to wait, which makes the event loop send the alert."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            _failed.get()(error)
            raise ssl.SSLWantReadError from error


class Acceptor:
    """Accepts on `sock`, which it owns, and gives each connection a protocol once its handshake is done.

    `tls` are the keyword arguments of `loop.connect_accepted_socket` that concern TLS.
    """

    def __init__(
        self, sock: socket.socket, protocol: Callable[[], asyncio.Protocol], limits: Limits, tls: dict[str, Any]
    ) -> None:
        self._sock = sock
        self._protocol = protocol
        self._limits = limits
        self._tls = tls
        if "ssl" in tls:
            tls["ssl"].sslobject_class = _SpeakingSSLObject
        self._loop = asyncio.get_running_loop()
        self._resume: asyncio.TimerHandle | None = None
        #: Connections on their way to a protocol, the oldest first (a set would not know which that is).
        self._opening: dict[asyncio.Task[None], None] = {}

    @property
    def is_opening(self) -> bool:
        """Whether a handshake is under way."""
        return bool(self._opening)

    def start(self) -> None:
        """Accept from now on."""
        self._resume = None
        self._loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more; handshakes under way go on."""
        if self._resume is not None:
            self._resume.cancel()
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def abort(self) -> None:
        """Drop the handshakes under way."""
        for task in list(self._opening):
            task.cancel()

    async def aborted(self) -> None:
        """Wait until the dropped handshakes are gone."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_BATCH):
            try:
                connection, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(error)
                    return
                # The peer gave up while it queued.
                continue
            self._open(connection)

    def _pause(self, error: OSError) -> None:
        # The connection stays queued, so the listener would wake us up without end.
        _LOGGER.warning("cannot accept connections: %s", error.strerror)
        self._loop.remove_reader(self._sock.fileno())
        self._resume = self._loop.call_later(_PAUSE, self.start)

    def _open(self, connection: socket.socket) -> None:
        if len(self._opening) >= self._limits.connections:
            next(iter(self._opening)).cancel()
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = self._loop.create_task(self._connect(connection))
        self._opening[task] = None
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.pop(task, None)

    async def _connect(self, connection: socket.socket) -> None:
        _failed.set(functools.partial(self._handshake_failed, connection, asyncio.current_task()))
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, **self._tls)
        except OSError as error:
            # Includes handshakes that took too long.
            _LOGGER.debug("connection not opened: %s", error)
            connection.close()

    def _handshake_failed(
        self, connection: socket.socket, opening: asyncio.Task[None] | None, error: ssl.SSLError
    ) -> None:
        _LOGGER.debug("TLS handshake failed: %s", error.reason)
        if error.reason == "HTTP_REQUEST":
            with contextlib.suppress(OSError):
                connection.send(_PLAIN_REQUEST)
        if opening is not None:
            self._loop.call_later(_ALERT_TIME, opening.cancel)
