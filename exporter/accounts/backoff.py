"""Pauses after failures: 5 s doubling to 5 m with jitter, or what the API asked for."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from exporter.accounts.clock import Clock

#: Seconds from the first failure to the next attempt; doubled by each further failure.
FIRST_PAUSE = 5.0
#: Seconds at which the doubling stops.
MAX_PAUSE = 300.0
#: The share of a pause that is added at random at most, so that those that failed together do not retry together.
JITTER = 0.2


class Backoff:
    """When the next attempt may be made. One object is shared by all that would be refused together.

    Args:
        clock: seconds, monotonic.
        chance: returns a number from 0 to 1 at each call.

    """

    def __init__(self, clock: Clock, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._failed_at = -math.inf
        self._pause_ends = -math.inf

    @property
    def remaining(self) -> float:
        """Seconds until the next attempt may be made; 0 where it may be made now."""
        return max(0.0, self._pause_ends - self._clock())

    def succeeded(self, started: float) -> None:
        """Record that an attempt started at that time succeeded; a pause ordered since then stays."""
        if started >= self._failed_at:
            self._failures = 0
            self._pause_ends = -math.inf

    def failed(self, started: float, retry_after: float | None) -> None:
        """Record that an attempt started at that time failed.

        `retry_after` is the pause in seconds that the API asked for, or None. Attempts that ran side by side count as
        one failure.
        """
        if started >= self._failed_at:
            self._failures += 1
        self._failed_at = self._clock()
        pause = retry_after if retry_after is not None else self._next_pause()
        self._pause_ends = max(self._pause_ends, self._failed_at + pause)

    def _next_pause(self) -> float:
        doubled: float = FIRST_PAUSE * 2 ** min(self._failures - 1, 16)
        return min(doubled, MAX_PAUSE) * (1 + JITTER * self._chance())
