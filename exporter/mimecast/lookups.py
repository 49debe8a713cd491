"""Name lookups that never wait for each other: at most one per host at a time, each in a thread of its own.

The event loop's own lookups share a handful of threads, so a few names that never resolve would stop all others.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress


class Lookups:
    """The lookups that are under way, for all who need them."""

    def __init__(self) -> None:
        self._running: dict[str, Future[list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a host, in the order in which to try them; an address is its own.

        Whoever stops waiting leaves the lookup to the next that asks for the same host.

        Raises:
            OSError: the resolver's own error.
            UnicodeError: the name cannot be one.

        """
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        return await asyncio.wrap_future(self._running.get(host) or self._start(host))

    def _start(self, host: str) -> Future[list[str]]:
        lookup = self._running[host] = Future()
        lookup.set_running_or_notify_cancel()  # from here on nobody can cancel it for the others
        lookup.add_done_callback(lambda _: self._running.pop(host))
        threading.Thread(target=_look_up, args=(host, lookup), name=f"lookup of {host}", daemon=True).start()
        return lookup


def _look_up(host: str, lookup: Future[list[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        lookup.set_exception(error)
    else:
        lookup.set_result(list(dict.fromkeys(str(address[0]) for *_, address in found)))
