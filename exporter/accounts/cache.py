"""One value that is costly to fetch: time to live, single flight, bounded staleness, and pauses after failures.

Knows neither what the value is nor who serves it. There is no timer: nothing is fetched that nobody asks for. All times
are seconds of the clock given, which is monotonic.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")
Clock = Callable[[], float]

#: Seconds from the first failure to the next attempt; doubled by each further failure.
FIRST_PAUSE = 5.0
#: Seconds that doubling stops at.
LONGEST_PAUSE = 300.0
#: The part of a pause that chance may add to it, so that many who failed together do not return together.
JITTER = 0.2


class Backoff:
    """When the next attempt may be made. Shared by all that would be refused together.

    Args:
        clock: seconds, monotonic.
        chance: a number from 0 to 1 at each call.

    """

    def __init__(self, clock: Clock, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._failed_at = -math.inf
        self._pause_ends = -math.inf

    @property
    def remaining(self) -> float:
        """Seconds until the next attempt may be made, 0 where it may be made now."""
        return max(0.0, self._pause_ends - self._clock())

    def succeeded(self, begun: float) -> None:
        """Note that an attempt begun at that time succeeded; a pause that was ordered since then stays."""
        if begun >= self._failed_at:
            self._failures = 0
            self._pause_ends = -math.inf

    def failed(self, begun: float, retry_after: float | None) -> None:
        """Note that an attempt begun at that time failed.

        `retry_after` is the pause in seconds that was asked for, None for one of our own. Attempts that ran side by
        side count as one failure.
        """
        if begun >= self._failed_at:
            self._failures += 1
        self._failed_at = self._clock()
        pause = retry_after if retry_after is not None else self._own_pause()
        self._pause_ends = max(self._pause_ends, self._failed_at + pause)

    def _own_pause(self) -> float:
        doubled: float = FIRST_PAUSE * 2 ** min(self._failures - 1, 16)
        return min(doubled, LONGEST_PAUSE) * (1 + JITTER * self._chance())


@dataclass(frozen=True)
class Entry(Generic[Value]):
    """A value and the time it was fetched."""

    value: Value
    fetched_at: float


class Lookup(NamedTuple):
    """One request for the value: when it was made, and the fetch it may wait for (None where there is none)."""

    asked_at: float
    flight: asyncio.Task[None] | None


@dataclass
class Statistics:
    """Requests for the value; those answered within the time to live; those answered with an older value."""

    requests: int = 0
    hits: int = 0
    stale_served: int = 0


class Cache(Generic[Value]):
    """The last good value of `fetch`, fetched again when somebody asks and it is older than `ttl`.

    A request is `begin`, then a wait for its flight beside it (`asyncio.wait` cancels nothing), then `finish`.

    Args:
        fetch: gives a new value or raises; the exception's `retry_after`, where it has one, sets the pause.
        ttl: seconds during which a value is served without asking again; 0 asks each time.
        max_stale: seconds beyond `ttl` during which a value is served while fetching fails.
        backoff: pauses after failures.
        clock: seconds, monotonic.

    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Value]],
        *,
        ttl: float,
        max_stale: float,
        backoff: Backoff,
        clock: Clock,
    ) -> None:
        self.statistics = Statistics()
        self._fetch = fetch
        self._ttl = ttl
        self._max_stale = max_stale
        self._backoff = backoff
        self._clock = clock
        self._entry: Entry[Value] | None = None
        self._flight: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_fetching(self) -> bool:
        """Whether a fetch runs."""
        return self._flight is not None

    def begin(self) -> Lookup:
        """Ask for the value; starts a fetch where one is due, and joins the one that runs."""
        now = self._clock()
        self.statistics.requests += 1
        if self._flight is None:
            if self._entry is not None and now - self._entry.fetched_at < self._ttl:
                self.statistics.hits += 1
                return Lookup(now, None)
            if self._closed or self._backoff.remaining > 0:
                return Lookup(now, None)
            self._flight = asyncio.create_task(self._fly())
        return Lookup(now, self._flight)

    def finish(self, lookup: Lookup) -> Entry[Value] | None:
        """What to answer to a request now: the value, or None where there is none that may still be served."""
        entry = self._entry
        if entry is None or entry.fetched_at >= lookup.asked_at:
            return entry
        age = self._clock() - entry.fetched_at
        if age >= self._ttl + self._max_stale:
            self._entry = None
            return None
        if age >= self._ttl:
            self.statistics.stale_served += 1
        return entry

    async def close(self) -> None:
        """Cancel the fetch that runs, whoever waits for it, and start no other."""
        self._closed = True
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    async def _fly(self) -> None:
        begun = self._clock()
        try:
            value = await self._fetch()
        except Exception as error:
            self._backoff.failed(begun, getattr(error, "retry_after", None))
        else:
            self._entry = Entry(value, self._clock())
            self._backoff.succeeded(begun)
        finally:
            self._flight = None
