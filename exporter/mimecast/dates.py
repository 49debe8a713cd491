"""Dates in HTTP headers."""

from __future__ import annotations

from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime


def signed_date(now: float) -> str:
    """Return `Tue, 24 Nov 2015 12:50:11 UTC`, in English under any locale."""
    return formatdate(now, usegmt=True).replace("GMT", "UTC")


def read_http_date(text: str | None) -> float | None:
    """Return the seconds since the epoch of an HTTP date in any of its three forms; one without a zone is UTC."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
