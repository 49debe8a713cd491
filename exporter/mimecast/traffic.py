"""What the exchanges with the API have shown so far: counts, rate limit, clock. Facts only, no judgement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from .headers import read_http_date, read_number


@dataclass
class Traffic:
    """The exchanges made for one account.

    Attributes:
        requests: exchanges by endpoint and HTTP status; the status is None where no answer came.
        rate_limit: calls allowed, as the last answer that told said.
        rate_limit_remaining: calls left, likewise.
        rate_limit_reset_time: when the limit starts anew, seconds since the epoch.
        clock_skew: the API's clock minus ours, in seconds.

    """

    requests: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    rate_limit: float | None = None
    rate_limit_remaining: float | None = None
    rate_limit_reset_time: float | None = None
    clock_skew: float | None = None

    def answered(self, endpoint: str, status: int, headers: Mapping[str, str], now: float) -> None:
        """Record an answer; `now` is the wall clock in seconds since the epoch."""
        self.requests[endpoint, status] += 1
        if (limit := read_number(headers.get("x-ratelimit-limit"))) is not None:
            self.rate_limit = limit
        if (remaining := read_number(headers.get("x-ratelimit-remaining"))) is not None:
            self.rate_limit_remaining = remaining
        if (milliseconds := read_number(headers.get("x-ratelimit-reset"))) is not None:
            self.rate_limit_reset_time = now + milliseconds / 1000
        if (sent := read_http_date(headers.get("date"))) is not None:
            self.clock_skew = sent - now

    def unanswered(self, endpoint: str) -> None:
        """Record a request to which no answer came."""
        self.requests[endpoint, None] += 1
