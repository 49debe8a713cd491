"""A cache of one value, with a time to live, singleflight, bounded staleness and backoff.

It has no timer: a request starts a refresh when the value has expired. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from exporter.accounts.backoff import Backoff
from exporter.accounts.clock import Clock

Value = TypeVar("Value")


class _Entry(NamedTuple, Generic[Value]):
    """A value, when it was fetched, and the number of calls of `Cache.invalidate` when its refresh started."""

    value: Value
    fetched_at: float
    validity: int


@dataclass
class Statistics:
    """Counts of requests to caches: all, those answered within the time to live, those answered with an older value."""

    requests: int = 0
    hits: int = 0
    stale_served: int = 0


class Cache(Generic[Value]):
    """The last value that `fetch` returned, fetched again on the first request after `ttl` seconds.

    Args:
        fetch: returns a new value or raises. `retry_after` and `concerns_credentials` of its exceptions are those of
            `MimecastError`.
        ttl: seconds for which a value is served without a refresh; 0 refreshes on each request.
        max_stale: seconds beyond `ttl` for which a value is served while refreshes fail.
        credentials: the backoff of all caches that use the same credentials.
        statistics: counts the requests; caches may share it.
        clock: the monotonic clock.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Value]],
        *,
        ttl: float,
        max_stale: float,
        credentials: Backoff,
        statistics: Statistics,
        clock: Clock,
    ) -> None:
        self.statistics = statistics
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
        """Whether a refresh is running."""
        return self._refresh is not None

    @property
    def next_attempt_in(self) -> float:
        """Seconds until a refresh may be started after a failure; 0 if it may be started now."""
        return max(self._backoff.remaining, self._credentials.remaining)

    @property
    def fresh_until(self) -> float:
        """The time until which requests change only the statistics; in the past if a refresh is running or due."""
        entry = self._entry
        if self._refresh is not None or entry is None or entry.validity != self._validity:
            return -math.inf
        return entry.fetched_at + self.ttl

    def invalidate(self) -> None:
        """Expire the value; it is served until a refresh succeeds."""
        self._validity += 1

    async def idle(self) -> None:
        """Wait for the running refresh."""
        if self._refresh is not None:
            await asyncio.wait([self._refresh])

    async def close(self) -> None:
        """Cancel the running refresh, and start no more."""
        self._closed = True
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.wait([self._refresh])

    def count_hit(self) -> None:
        """Count a request that is answered within the time to live."""
        self.statistics.requests += 1
        self.statistics.hits += 1

    def request(self, now: float) -> asyncio.Task[None] | None:
        """Count a request, and return the refresh to wait for; start one if the value has expired."""
        if now < self.fresh_until:
            self.count_hit()
            return None
        self.statistics.requests += 1
        if self._refresh is None and not self._closed and not self.next_attempt_in:
            self._refresh = asyncio.create_task(self._run())
        return self._refresh

    def current(self, requested_at: float) -> Value | None:
        """Return the value to serve for a request made at `requested_at`, or None."""
        entry = self._entry
        if entry is None:
            return None
        if entry.fetched_at < requested_at:
            expires_at = entry.fetched_at + self.ttl
            if self.clock() >= expires_at + self.max_stale:
                return None
            self.statistics.stale_served += requested_at >= expires_at
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
    """Return the value or None of each cache, after waiting at most `timeout` seconds for refreshes.

    A refresh that takes longer continues, and its value serves the next request.
    """
    requested_at = [cache.clock() for cache in caches]
    requests = zip(caches, requested_at, strict=True)
    refreshes = {refresh for cache, now in requests if (refresh := cache.request(now)) is not None}
    if refreshes and timeout > 0:
        await asyncio.wait(refreshes, timeout=timeout)
    return [cache.current(moment) for cache, moment in zip(caches, requested_at, strict=True)]
