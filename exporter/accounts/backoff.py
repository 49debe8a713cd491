"""Exponential backoff after failures, from 5 seconds to 5 minutes with jitter, or as long as the API requests."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from exporter.accounts.clock import Clock

#: Seconds from the first failure to the next attempt; each further failure doubles them.
FIRST_PAUSE = 5.0
#: Seconds at which the doubling stops.
MAX_PAUSE = 300.0
#: The largest random share added to a pause, so that accounts that failed together do not retry together.
JITTER = 0.2


class Backoff:
    """The time of the next attempt; shared by collectors that would fail together. `chance` is from 0 to 1."""

    def __init__(self, clock: Clock, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._failed_at = -math.inf
        self._pause_ends = -math.inf

    @property
    def remaining(self) -> float:
        """Seconds until the next attempt may be made; 0 if it may be made now."""
        return max(0.0, self._pause_ends - self._clock())

    def succeeded(self, started: float) -> None:
        """Record the success of an attempt that began at `started`; a pause caused since then stays."""
        if started >= self._failed_at:
            self._failures = 0
            self._pause_ends = -math.inf

    def failed(self, started: float, retry_after: float | None) -> None:
        """Record the failure of an attempt that began at `started`; concurrent attempts count as one failure.

        `retry_after` is the pause in seconds that the API requested, or None.
        """
        if started >= self._failed_at:
            self._failures += 1
        self._failed_at = self._clock()
        pause = retry_after if retry_after is not None else self._next_pause()
        self._pause_ends = max(self._pause_ends, self._failed_at + pause)

    def _next_pause(self) -> float:
        doubled: float = FIRST_PAUSE * 2 ** min(self._failures - 1, 16)
        return min(doubled, MAX_PAUSE) * (1 + JITTER * self._chance())
