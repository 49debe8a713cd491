"""One value that is costly to fetch: time to live, single flight, bounded staleness, and pauses after failures.

There is no timer: nothing is fetched that nobody asks for. Times are seconds of the given clock, which is monotonic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from exporter.accounts.backoff import Backoff
from exporter.accounts.clock import Clock

Value = TypeVar("Value")


class _Entry(NamedTuple, Generic[Value]):
    """A value, when it was fetched, and the validity (see `Cache.invalidate`) under which its refresh started."""

    value: Value
    fetched_at: float
    validity: int


@dataclass
class Statistics:
    """Requests for the value; those answered within the time to live; those answered with an older value."""

    requests: int = 0
    hits: int = 0
    stale_served: int = 0


class Cache(Generic[Value]):
    """The last good value of `fetch`, fetched again when somebody asks and it is older than `ttl`.

    Args:
        fetch: returns a new value or raises. An exception may have `retry_after`, the pause in seconds that the API
            asked for, and `concerns_credentials`, where it holds for all that use the same credentials.
        ttl: seconds during which a value is served without fetching; 0 fetches for each request.
        max_stale: seconds beyond `ttl` during which a value is served while fetching fails.
        credentials: the pauses of all that use the same credentials.
        clock: seconds, monotonic.

    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Value]],
        *,
        ttl: float,
        max_stale: float,
        credentials: Backoff,
        clock: Clock,
    ) -> None:
        self.statistics = Statistics()
        self.ttl = ttl
        self.max_stale = max_stale
        self._fetch = fetch
        self._backoff = Backoff(clock)
        self._credentials = credentials
        self.clock = clock
        self._entry: _Entry[Value] | None = None
        self._validity = 0
        self._refresh: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_refreshing(self) -> bool:
        """Whether a refresh runs."""
        return self._refresh is not None

    @property
    def next_attempt_in(self) -> float:
        """Seconds for which no refresh is started, because the last one failed; 0 where there is no such pause."""
        return max(self._backoff.remaining, self._credentials.remaining)

    def invalidate(self) -> None:
        """Make the value due for a refresh, whatever its age; until that succeeds the value is served."""
        self._validity += 1

    async def idle(self) -> None:
        """Wait for the refresh that runs now."""
        if self._refresh is not None:
            await asyncio.wait([self._refresh])

    async def close(self) -> None:
        """Cancel the refresh that runs, whoever waits for it, and start no other."""
        self._closed = True
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.wait([self._refresh])

    def request(self) -> asyncio.Task[None] | None:
        """Count a request, and return the refresh that it should wait for, started where one is due."""
        self.statistics.requests += 1
        if self._refresh is None:
            if self._is_fresh():
                self.statistics.hits += 1
            elif not self._closed and not self.next_attempt_in:
                self._refresh = asyncio.create_task(self._run())
        return self._refresh

    def _is_fresh(self) -> bool:
        entry = self._entry
        if entry is None or entry.validity != self._validity:
            return False
        return self.clock() - entry.fetched_at < self.ttl

    def current(self, asked_at: float) -> Value | None:
        """Return what may be served to a request made at `asked_at`."""
        entry = self._entry
        if entry is None:
            return None
        if entry.fetched_at < asked_at:
            age = self.clock() - entry.fetched_at
            if age >= self.ttl + self.max_stale:
                return None
            self.statistics.stale_served += age >= self.ttl
        return entry.value

    async def _run(self) -> None:
        started, validity = self.clock(), self._validity
        try:
            value = await self._fetch()
        except Exception as error:
            concerned = self._credentials if getattr(error, "concerns_credentials", False) else self._backoff
            concerned.failed(started, getattr(error, "retry_after", None))
        else:
            self._entry = _Entry(value, self.clock(), validity)
            self._backoff.succeeded(started)
            self._credentials.succeeded(started)
        finally:
            self._refresh = None


async def get_all(caches: Sequence[Cache[Any]], timeout: float) -> list[Any]:
    """Return what each cache serves, None where that is nothing, waiting at most `timeout` seconds for all refreshes.

    A refresh that takes longer continues, and serves the next request.
    """
    asked_at = [cache.clock() for cache in caches]
    refreshes = {refresh for cache in caches if (refresh := cache.request()) is not None}
    if refreshes and timeout > 0:
        await asyncio.wait(refreshes, timeout=timeout)
    return [cache.current(asked) for cache, asked in zip(caches, asked_at, strict=True)]
