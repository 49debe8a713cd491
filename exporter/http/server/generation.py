"""One generation of the server: listeners under one TLS context, and the connections they accepted.

Knows uvicorn's configuration and the acceptors; knows nothing of signals or of other generations.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from exporter.http.server.accept import Acceptor
from exporter.http.server.limits import Limits
from exporter.http.server.protocol import HttpProtocol
from exporter.http.server.tls import Tls


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


class Generation:
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
