"""TCP and TLS connections for httpcore: own lookups, addresses tried side by side, failures that keep their cause."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpcore

from . import errors
from .lookups import Lookups
from .tls import tls_failure

#: Seconds until the next address of a host is tried beside the last one (RFC 8305).
_ATTEMPT_DELAY = 0.25


class Network(httpcore.AsyncNetworkBackend):
    """Connects to hosts by name.

    Args:
        lookups: resolves names.
        is_proxy: whether the hosts are proxies, as messages say then.

    """

    def __init__(self, lookups: Lookups, *, is_proxy: bool = False) -> None:
        self._lookups = lookups
        self._what = "the proxy " if is_proxy else ""
        self._check = "api.proxy_url" if is_proxy else "base_url (or region)"
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to one of the host's addresses; see `httpcore.AsyncNetworkBackend`.

        Raises:
            CannotConnect: the name has no address, or no address accepts the connection.

        """
        place = f"{self._what}[{host}]:{port}" if ":" in host else f"{self._what}{host}:{port}"
        with waiting_for(f"resolving {self._what}{host}"):
            addresses = await self._addresses(host)
        attempts = [
            partial(self._backend.connect_tcp, address, port, timeout, local_address, socket_options)
            for address in addresses
        ]
        with waiting_for(f"connecting to {place}"):
            connected = await first_connected(attempts)
        if isinstance(connected, httpcore.AsyncNetworkStream):
            return Stream(connected, host, place)
        causes = ", ".join(dict.fromkeys(map(cause_of, connected))) or "no address"
        raise errors.CannotConnect(f"no connection to {place} ({causes}): check {self._check}, firewall and routes")

    async def _addresses(self, host: str) -> list[str]:
        try:
            return await self._lookups.addresses(host)
        except (OSError, UnicodeError) as error:
            cause = cause_of(error)
        raise errors.CannotConnect(f"{self._what}{host} cannot be resolved ({cause}): check {self._check} and DNS")


class Stream(httpcore.AsyncNetworkStream):
    """A connection that knows whether an answer has begun on it, and whether there was one before."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, host: str, place: str) -> None:
        self._stream = stream
        self._host = host
        self._place = place
        self._answering = False
        self._reused = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes next; see `httpcore.AsyncNetworkStream`.

        Raises:
            CannotConnect: the connection ended before any byte of the answer.

        """
        cause = "the other side closed it"
        data = b""
        try:
            data = await self._stream.read(max_bytes, timeout)
        except httpcore.ReadError as error:
            if self._answering:
                raise
            cause = cause_of(error)
        if not data and not self._answering:
            kind = errors.StaleConnection if self._reused else errors.CannotConnect
            raise kind(f"the connection to {self._place} ended before an answer began ({cause})")
        self._answering = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes of a request; see `httpcore.AsyncNetworkStream`."""
        self._reused = self._reused or self._answering
        self._answering = False
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return the same connection under TLS; see `httpcore.AsyncNetworkStream`.

        Raises:
            TlsFailed: the certificate is not trusted, or the handshake failed.
            CannotConnect: the connection ended during the handshake.

        """
        host = server_hostname or self._host
        try:
            with waiting_for(f"in the TLS handshake with {host}"):
                stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except (httpcore.ConnectError, OSError) as error:
            failure = _handshake_failure(error, host)
        except BaseException:
            await self._stream.aclose()  # httpcore leaves it open where the handshake is cancelled
            raise
        else:
            return Stream(stream, host, self._place if host == self._host else host)
        raise failure

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself; see `httpcore.AsyncNetworkStream`."""
        return self._stream.get_extra_info(info)


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Note on a cancellation what it interrupted, for whoever set the time limit to say so."""
    try:
        yield
    except asyncio.CancelledError as error:
        error.add_note(what)
        raise


async def first_connected(
    attempts: Sequence[Callable[[], Awaitable[httpcore.AsyncNetworkStream]]],
) -> httpcore.AsyncNetworkStream | list[BaseException]:
    """Return the first connection that is made, or why none is; each starts when the last one fails or is slow."""
    waiting = list(attempts)
    tasks: list[asyncio.Future[httpcore.AsyncNetworkStream]] = []
    winner: asyncio.Future[httpcore.AsyncNetworkStream] | None = None
    try:
        while winner is None and (waiting or not all(task.done() for task in tasks)):
            if waiting:
                tasks.append(asyncio.ensure_future(waiting.pop(0)()))
            running = [task for task in tasks if not task.done()]
            delay = _ATTEMPT_DELAY if waiting else None
            done, _ = await asyncio.wait(running, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            winner = next((task for task in done if not task.exception()), None)
    finally:
        await _abandon([task for task in tasks if task is not winner])
    return winner.result() if winner else [error for task in tasks if (error := task.exception())]


async def _abandon(tasks: Sequence[asyncio.Future[httpcore.AsyncNetworkStream]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, httpcore.AsyncNetworkStream):
            await outcome.aclose()


def cause_of(error: BaseException) -> str:
    """Return the resolver's or the socket's own words for a failure; they hold neither secrets nor addresses."""
    for one in _chain(error):
        if isinstance(one, socket.gaierror):
            return str(one.strerror)
        if isinstance(one, OSError) and one.errno:
            return os.strerror(one.errno)
    return "not a host name" if isinstance(error, UnicodeError) else "the other side closed it"


def _handshake_failure(error: BaseException, host: str) -> errors.MimecastError:
    for one in _chain(error):
        if isinstance(one, ssl.SSLError):
            return tls_failure(one, host)
    return errors.CannotConnect(f"the connection to {host} ended during the TLS handshake ({cause_of(error)})")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and those that led to it."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
