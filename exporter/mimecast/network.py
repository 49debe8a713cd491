"""TCP and TLS connections for httpcore, with lookups in threads, Happy Eyeballs, and errors that keep their cause."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import httpcore

from . import errors

#: Seconds until the next address of a host is tried concurrently (Happy Eyeballs, RFC 8305).
_ATTEMPT_DELAY = 0.25
#: OpenSSL's errors (X509_V_ERR_*) for certificates that only strict checks refuse.
_STRICT_CHECKS = range(80, 94)
_NOT_YET_VALID, _EXPIRED = 9, 10


class Network(httpcore.AsyncNetworkBackend):
    """Connects to hosts by name; `is_proxy` affects error messages."""

    def __init__(self, *, is_proxy: bool = False) -> None:
        self._lookups: dict[str, Future[list[str]]] = {}
        self._what = "the proxy " if is_proxy else ""
        self._check = "api.proxy_url" if is_proxy else "base_url (or region)"
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        """Connect to one of the host's addresses; raise CannotConnect with the causes of all."""
        place = f"{self._what}[{host}]:{port}" if ":" in host else f"{self._what}{host}:{port}"
        with waiting_for(f"resolving {self._what}{host}"):
            addresses = await self._addresses(host)
        with waiting_for(f"connecting to {place}"):
            connected = await first_connected(
                partial(self._backend.connect_tcp, address, port, *args, **kwargs) for address in addresses
            )
        if isinstance(connected, httpcore.AsyncNetworkStream):
            return Stream(connected, host, place)
        causes = ", ".join(dict.fromkeys(map(cause_of, connected))) or "no address"
        raise errors.CannotConnect(f"no connection to {place} ({causes}): check {self._check}, firewall and routes")

    async def _addresses(self, host: str) -> list[str]:
        """Return the addresses of a host; concurrent calls share a lookup, which outlives a cancelled call."""
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        lookup = self._lookups.get(host)
        if lookup is None:
            lookup = self._lookups[host] = start_lookup(host)
            lookup.add_done_callback(lambda _: self._lookups.pop(host))
        try:
            return await asyncio.wrap_future(lookup)
        except (OSError, UnicodeError) as error:
            cause = cause_of(error)
        raise errors.CannotConnect(f"{self._what}{host} cannot be resolved ({cause}): check {self._check} and DNS")


@dataclass(eq=False)
class Stream(httpcore.AsyncNetworkStream):
    """A connection that records whether an answer has begun, and whether it carried an earlier one."""

    stream: httpcore.AsyncNetworkStream
    host: str
    place: str
    answering: bool = False
    reused: bool = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the next bytes; raise CannotConnect if the connection ended before the answer began."""
        cause = "the other side closed it"
        try:
            data = await self.stream.read(max_bytes, timeout)
        except httpcore.ReadError as error:
            if self.answering:
                raise
            data, cause = b"", cause_of(error)
        if not data and not self.answering:
            kind = errors.StaleConnection if self.reused else errors.CannotConnect
            raise kind(f"the connection to {self.place} ended before an answer began ({cause})")
        self.answering = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.reused = self.reused or self.answering
        self.answering = False
        await self.stream.write(buffer, timeout)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Return the connection with TLS; raise TlsFailed, or CannotConnect if the connection ended."""
        host = server_hostname or self.host
        try:
            with waiting_for(f"in the TLS handshake with {host}"):
                stream = await self.stream.start_tls(ssl_context, server_hostname, timeout)
        except (httpcore.ConnectError, OSError) as error:
            failure = handshake_failure(error, host)
        except BaseException:
            await self.stream.aclose()  # httpcore leaves it open if the handshake is cancelled
            raise
        else:
            return Stream(stream, host, self.place if host == self.host else host)
        raise failure

    async def aclose(self) -> None:
        await self.stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


def start_lookup(host: str) -> Future[list[str]]:
    """Look up the addresses of a host in a new thread.

    The event loop's thread pool is small: a few names that do not resolve would block all other lookups.
    """
    lookup: Future[list[str]] = Future()
    lookup.set_running_or_notify_cancel()  # so that no caller can cancel it for the others

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            lookup.set_exception(error)
        else:
            lookup.set_result(list(dict.fromkeys(str(address[0]) for *_, address in found)))

    threading.Thread(target=look_up, name=f"lookup of {host}", daemon=True).start()
    return lookup


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """Add a note to a cancellation about what it interrupted, for the message about the time limit."""
    try:
        yield
    except asyncio.CancelledError as error:
        error.add_note(what)
        raise


async def first_connected(
    attempts: Iterable[Callable[[], Awaitable[httpcore.AsyncNetworkStream]]],
) -> httpcore.AsyncNetworkStream | list[Exception]:
    """Return the first connection that succeeds, or all errors; an attempt starts when the last fails or is slow."""
    connected: list[httpcore.AsyncNetworkStream] = []
    failures: list[Exception] = []
    unused = connected

    async def attempt(connect: Callable[[], Awaitable[httpcore.AsyncNetworkStream]], ended: anyio.Event) -> None:
        try:
            connected.append(await connect())
            group.cancel_scope.cancel()
        except Exception as error:
            failures.append(error)
        ended.set()

    try:
        async with anyio.create_task_group() as group:
            for connect in attempts:
                ended = anyio.Event()
                group.start_soon(attempt, connect, ended)
                with anyio.move_on_after(_ATTEMPT_DELAY):
                    await ended.wait()
        unused = connected[1:]
    finally:
        for stream in unused:
            await stream.aclose()
    return connected[0] if connected else failures


def cause_of(error: BaseException) -> str:
    """Return the message of the resolver or the socket, which contains neither secrets nor addresses."""
    for one in _chain(error):
        if isinstance(one, socket.gaierror):
            return str(one.strerror)
        if isinstance(one, OSError) and one.errno:
            return os.strerror(one.errno)
    return "not a host name" if isinstance(error, UnicodeError) else "the other side closed it"


def handshake_failure(error: BaseException, host: str) -> errors.MimecastError:
    """Return the error of a failed TLS handshake, with the message of OpenSSL or the socket."""
    cause = next((one for one in _chain(error) if isinstance(one, ssl.SSLError)), None)
    if cause is None:
        return errors.CannotConnect(f"the connection to {host} ended during the TLS handshake ({cause_of(error)})")
    if not isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.reason or "handshake failed"
        return errors.TlsFailed(
            f"no TLS connection to {host} ({reason}): check base_url (or region) and api.tls_config"
        )
    advice = "check the host, or name its CA in api.tls_config.ca_file"
    if cause.verify_code in _STRICT_CHECKS:
        advice = (
            "this version of Python requires certificates that follow RFC 5280 in full, unlike those of many company "
            "CAs; name the CA in api.tls_config.ca_file, for which the requirement does not apply"
        )
    elif cause.verify_code in (_NOT_YET_VALID, _EXPIRED):
        advice = "check the clock of this machine, and the certificate"
    return errors.TlsFailed(f"the certificate of {host} is not trusted ({cause.verify_message}): {advice}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
