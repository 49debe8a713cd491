"""Name lookups that never wait for each other: at most one per host at a time, each in a thread of its own.

The event loop's own lookups share a handful of threads, so a few names that never resolve would stop all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading


class Lookups:
    """The lookups of one event loop."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[list[str] | Exception]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host, in the order in which to try them; an address is its own.

        Whoever stops waiting leaves the lookup to the next that asks for the same host.

        Raises:
            OSError: the resolver's own error.
            UnicodeError: the name cannot be one.

        """
        if is_address(host):
            return [host]
        outcome = await asyncio.shield(self._running.get(host) or self._start(host))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _start(self, host: str) -> asyncio.Future[list[str] | Exception]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str] | Exception] = loop.create_future()

        def finish(outcome: list[str] | Exception) -> None:
            del self._running[host]
            future.set_result(outcome)

        def look_up() -> None:
            outcome = _resolve(host)
            with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
                loop.call_soon_threadsafe(finish, outcome)

        threading.Thread(target=look_up, name=f"lookup of {host}", daemon=True).start()
        self._running[host] = future
        return future


def is_address(host: str) -> bool:
    """Return whether a host is an IP address and needs no lookup."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve(host: str) -> list[str] | Exception:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
