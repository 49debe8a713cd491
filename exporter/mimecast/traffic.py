"""What the exchanges with the API have shown so far: counts, rate limit, clock. Facts only, no judgement."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from .dates import read_http_date


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
        """Note an answer; `now` is the wall clock in seconds since the epoch."""
        self.requests[endpoint, status] += 1
        self.rate_limit = _number(headers.get("x-ratelimit-limit"), self.rate_limit)
        self.rate_limit_remaining = _number(headers.get("x-ratelimit-remaining"), self.rate_limit_remaining)
        reset = _number(headers.get("x-ratelimit-reset"), None)
        if reset is not None:
            self.rate_limit_reset_time = now + reset / 1000
        sent = read_http_date(headers.get("date"))
        if sent is not None:
            self.clock_skew = sent - now

    def unanswered(self, endpoint: str) -> None:
        """Note a request to which no answer came."""
        self.requests[endpoint, None] += 1


def _number(text: str | None, otherwise: float | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return otherwise
    return value if math.isfinite(value) and value >= 0 else otherwise
