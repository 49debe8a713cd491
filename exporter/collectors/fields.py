"""Convert fields of the API's answers to values.

Decoding is lenient field by field: a field that is missing, null or invalid becomes None, and the record is kept.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from exporter.mimecast import parse_leniently, replace_surrogates

MAX_TITLE = 200
#: The largest count that Prometheus represents exactly (IEEE 754 doubles).
MAX_COUNT = 2**53
_WHOLE_NUMBER = re.compile(r"\s*[0-9]+(\.0*)?\s*", re.ASCII)

Fields = TypeVar("Fields", bound=msgspec.Struct)


def decode_fields(item: bytes | memoryview | msgspec.Raw, decoder: msgspec.json.Decoder[Fields]) -> Fields | None:
    """Return the decoder's fields of one item, or None if the item is not an object.

    An item with an invalid character is decoded again by a lenient parser.
    """
    try:
        return decoder.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(parse_leniently(memoryview(item)), decoder.type)
    except ValueError:  # msgspec.ValidationError is a subclass
        return None


def count(value: Any) -> int | None:
    """Return a whole number of emails, users or answers; it may come as `5`, `5.0` or `"5"`."""
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    if isinstance(value, str):
        value = float(value) if _WHOLE_NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    return value if 0 <= value <= MAX_COUNT else None


def flag(value: Any) -> bool | None:
    """Return a boolean; it may come as `true`, `"true"` or 1."""
    if value is True or value is False:
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return bool(value) if value in (0, 1) and isinstance(value, int | float) else None


def timestamp(value: Any) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 date such as `2022-01-11T23:32:00+0000`.

    A date without an offset is UTC. The API writes a date of 1970 for "never", which gives None.
    """
    if not isinstance(value, str):
        return None
    try:
        written = datetime.fromisoformat(value.strip())
        # Converted first, so that no date is returned that UTC's calendar does not have.
        moment = (written if written.tzinfo else written.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None if 1970 in (written.year, moment.year) else moment.replace(microsecond=0).timestamp()


def text(value: Any) -> str:
    """Return trimmed text without lone surrogates; empty for anything that is not text."""
    return replace_surrogates(value).strip() if isinstance(value, str) else ""


def title(value: Any) -> str:
    """Return a title, trimmed and cut at `MAX_TITLE` characters."""
    return text(value)[:MAX_TITLE].rstrip()


def campaign_id(secure_id: str) -> str:
    """Return the label for one of Mimecast's secure ids: the first 12 hex digits of its SHA-256.

    The ids themselves have about 200 characters and hold the customer's account code.
    """
    return hashlib.sha256(secure_id.encode()).hexdigest()[:12]
