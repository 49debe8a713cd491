"""Statistics of the requests to the API (counts, rate limit, clock skew), and parsing of headers."""

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
    """Statistics of one account's requests; the rate limit and the clock skew are those of the last answer with them.

    Attributes:
        requests: requests by endpoint and HTTP status; the status is None if no response arrived.
        rate_limit_reset_time: when the rate limit window ends, in seconds since the epoch.
        clock_skew: the API's clock minus the exporter's, in seconds.
    """

    requests: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    rate_limit: float | None = None
    rate_limit_remaining: float | None = None
    rate_limit_reset_time: float | None = None
    clock_skew: float | None = None

    def answered(self, endpoint: str, status: int, headers: Mapping[str, str], now: float) -> None:
        """Record a response; `now` is seconds since the epoch."""
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
        """Record a request without a response."""
        self.requests[endpoint, None] += 1


def read_number(text: str | None) -> float | None:
    """Return the largest of the finite numbers in a header, which are not negative; None where it holds none.

    Several lines of a header are one list with commas.
    """
    parts = map(str.strip, (text or "").split(","))
    numbers = [float(part) for part in parts if _NUMBER.fullmatch(part)]
    return max((number for number in numbers if number < math.inf), default=None)


def read_http_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date in any of its three forms, or None."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
