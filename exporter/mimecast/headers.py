"""Numbers and dates in HTTP headers."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime


def read_number(text: str | None) -> float | None:
    """Return a finite number that is not negative, or None where the header holds something else."""
    try:
        value = float(text) if text and text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def read_http_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date in any of its three forms; one without a zone is UTC."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
