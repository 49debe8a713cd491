"""The envelope of every answer of the API: its parts, its status, and the token of the next page.

Statuses follow the vendor's page; the shapes of `fail`, failures with HTTP 200 and the paging token follow recordings
of the API; the flat, `error` and `errors` shapes follow other public integrations.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from . import errors

#: The status of an invalid `meta.status`.
UNCLEAR = 0
_STATUS = re.compile(r"\s*([1-9]\d\d)(\.0*)?(?![\w.]).*", re.ASCII | re.DOTALL)


class Envelope(msgspec.Struct):
    """The parts of an answer; its items are not decoded.

    The items of `data` are views of the answer's bytes and keep them in memory. Only the token endpoint answers with
    `access_token` and `expires_in`.
    """

    meta: Any = None
    fail: Any = None
    error: Any = None
    errors: Any = None
    #: Parts that no documented answer has: each may say that the call failed or that there is more.
    status: Any = None
    code: Any = None
    success: Any = None
    next: Any = None
    nextPageToken: Any = None
    pagination: Any = None
    data: list[msgspec.Raw] | None = None
    access_token: Any = None
    expires_in: Any = None


_decoder = msgspec.json.Decoder(Envelope)


def open_envelope(body: bytes | bytearray) -> Envelope:
    """Return the parts of an answer; raise InvalidResponse for a body that is not a JSON object."""
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise errors.InvalidResponse("the answer is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _open_leniently(body)


def _open_leniently(body: bytes | bytearray) -> Envelope:
    """Return the parts of an answer that the strict decoder refuses; its items are encoded again."""
    try:
        parsed = parse_leniently(body)
    except ValueError:
        raise errors.InvalidResponse(
            "the answer is not JSON: check base_url (or region), and for the login page of a proxy"
        ) from None
    if not isinstance(parsed, dict):
        raise errors.InvalidResponse("the answer is JSON, but not an object")
    parts = {name: parsed.get(name) for name in Envelope.__struct_fields__}
    items = parts.pop("data")
    data = [msgspec.Raw(json.dumps(item).encode()) for item in items] if isinstance(items, list) else None
    return Envelope(**parts, data=data)


def parse_leniently(body: bytes | bytearray | memoryview) -> Any:
    """Return the value of JSON with invalid characters; raise ValueError if it is not JSON.

    Raw control characters, NaN, lone surrogates and bytes that are not UTF-8 are accepted; the last two become
    U+FFFD.
    """
    text = bytes(body).decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        # int refuses thousands of digits; of a number that large nothing but its size counts.
        return json.loads(text, strict=False, parse_int=lambda digits: int(digits[:1000]))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates by U+FFFD, so that the text can be encoded."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def meta_status(envelope: Envelope) -> int:
    """Return `meta.status`, 200 if it is missing or null, or `UNCLEAR` if it is invalid.

    A status may come as `500`, `500.0`, `"500"` or `"500 Internal Server Error"`.
    """
    meta = envelope.meta or {}
    status = meta.get("status", 200) if isinstance(meta, dict) else UNCLEAR
    match = _STATUS.fullmatch(str(200 if status is None else status))
    return int(match[1]) if match else UNCLEAR


def next_page_token(envelope: Envelope) -> str | None:
    """Return `meta.pagination.next`, or None on the last page.

    Raises:
        InvalidResponse: it is not a text, or a next page is named elsewhere.
    """
    meta = envelope.meta if isinstance(envelope.meta, dict) else {}
    stray = [envelope.next, envelope.nextPageToken, envelope.pagination, meta.get("next"), meta.get("nextPageToken")]
    pagination = meta.get("pagination") or {}
    token = pagination.get("next") if isinstance(pagination, dict) else pagination
    stray += [pagination.get("nextPageToken")] if isinstance(pagination, dict) else []
    if token in (None, "") and all(one in (None, "") for one in stray):
        return None
    if not isinstance(token, str) or not isinstance(pagination, dict):
        raise errors.InvalidResponse("the answer has an invalid page token, so it may be incomplete")
    return replace_surrogates(token)


def total_count(envelope: Envelope) -> int:
    """Return `meta.pagination.totalCount`, or 0 where it is missing or not a whole number."""
    pagination = envelope.meta.get("pagination") if isinstance(envelope.meta, dict) else None
    total = pagination.get("totalCount") if isinstance(pagination, dict) else None
    return total if isinstance(total, int) else 0
