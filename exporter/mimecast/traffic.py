"""What the exchanges with the API have shown so far (counts, rate limit, clock), and how headers are read."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?(e\+?[0-9]+)?", re.ASCII | re.IGNORECASE)


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


def read_number(text: str | None) -> float | None:
    """Return the largest of the finite numbers in a header, which are not negative; None where it holds none.

    Several lines of a header are one list with commas.
    """
    parts = map(str.strip, (text or "").split(","))
    numbers = [float(part) for part in parts if _NUMBER.fullmatch(part)]
    return max((number for number in numbers if number < math.inf), default=None)


def read_http_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date in any of its three forms; one without a zone is UTC."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
