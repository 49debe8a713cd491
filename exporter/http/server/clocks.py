"""The clocks of a connection. Knows event loops and limits; knows neither HTTP nor transports.

A clock and the connection that it calls know each other. The end of a clock parts them, so that the connection, and
the quarter of a megabyte that TLS holds for it, is freed at once and not when the garbage collector comes by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from exporter.http.server.limits import Limits

_LOOKS_PER_DEADLINE = 4


def _nothing() -> None:
    """What a clock calls that has ended."""


def _never() -> bool:
    return False


class Deadline:
    """Calls `overdue` so many seconds after it was started, unless it was stopped."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, overdue: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._overdue = overdue
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Run, if it does not run already."""
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._ring)

    def stop(self) -> None:
        """Run no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def end(self) -> None:
        """Run never again."""
        self.stop()
        self._overdue = _nothing

    def _ring(self) -> None:
        self._handle = None
        self._overdue()


class SendClock:
    """Whether bytes move to a reader, and whether a whole answer takes too long.

    It looks a few times a deadline, rather than wait for events, because a small answer to a peer that reads nothing
    causes none: not when it is written, not when it is complete, not when the connection is closed.

    Args:
        loop: the event loop, whose clock counts.
        limits: `stall_time` and `response_time`.
        held: whether bytes wait for the peer, or the connection is to close once they are gone.
        answering: whether an answer has begun and is not complete.
        overdue: called once, when either time is over.

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        *,
        held: Callable[[], bool],
        answering: Callable[[], bool],
        overdue: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._held = held
        self._answering = answering
        self._overdue = overdue
        self._progress_at = 0.0
        self._sending_since: float | None = None
        self._next_look: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look from now on."""
        self.progressed()
        self._look()

    def end(self) -> None:
        """Look no more."""
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        self._held = self._answering = _never
        self._overdue = _nothing

    def progressed(self) -> None:
        """Take note that bytes went out."""
        self._progress_at = self._loop.time()

    def _look(self) -> None:
        if self._is_overdue(self._loop.time()):
            self._overdue()
            return
        deadline = min(self._limits.stall_time, self._limits.response_time)
        self._next_look = self._loop.call_later(deadline / _LOOKS_PER_DEADLINE, self._look)

    def _is_overdue(self, now: float) -> bool:
        held = self._held()
        if not held:
            self._progress_at = now
        if not held and not self._answering():
            self._sending_since = None
        elif self._sending_since is None:
            self._sending_since = now
        too_long = self._sending_since is not None and now - self._sending_since >= self._limits.response_time
        return too_long or now - self._progress_at >= self._limits.stall_time
