"""The envelope that every answer of the API comes in: its parts, its status, and the token of the next page.

Sources: the vendor's page for statuses; recordings of the live API for the shapes of `fail`, a failure on HTTP 200 and
the paging token; other public integrations for the flat, `error` and `errors` shapes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from . import errors

#: Stands for a status that is there and not understood.
UNCLEAR = 0
_STATUS = re.compile(r"\s*([1-9]\d\d)(\.0*)?(?![\w.]).*", re.ASCII | re.DOTALL)


class Envelope(msgspec.Struct):
    """An answer, split into its parts without looking into its items.

    The items of `data` are views of the answer's bytes; the answer stays in memory as long as they do. A token and its
    lifetime come from the token endpoint only.
    """

    meta: Any = None
    fail: Any = None
    error: Any = None
    errors: Any = None
    data: list[msgspec.Raw] | None = None
    access_token: Any = None
    expires_in: Any = None


_decoder = msgspec.json.Decoder(Envelope)


def open_envelope(body: bytes | bytearray) -> Envelope:
    """Return an answer split into its parts; raise InvalidResponse for a body that is not an object in JSON."""
    try:
        return _decoder.decode(body)
    except RecursionError:
        raise errors.InvalidResponse("the answer is nested too deeply to be one of this API") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _open_leniently(body)


def _open_leniently(body: bytes | bytearray) -> Envelope:
    """Return the parts of an answer that the strict decoder refuses; items are encoded again, for the same result."""
    try:
        parsed = parse_leniently(body)
    except ValueError:
        raise errors.InvalidResponse(
            "the answer is not JSON; is base_url (or region) the API's host, and no proxy's login page?"
        ) from None
    if not isinstance(parsed, dict):
        raise errors.InvalidResponse("the answer is JSON, but not an object as this API sends it")
    parts = {name: parsed.get(name) for name in Envelope.__struct_fields__}
    items = parts.pop("data")
    data = [msgspec.Raw(json.dumps(item).encode()) for item in items] if isinstance(items, list) else None
    return Envelope(**parts, data=data)


def parse_leniently(body: bytes | bytearray | memoryview) -> Any:
    """Return the value of JSON that a strict parser may refuse for one bad character in a mail nobody reads.

    Raw control characters, NaN, lone surrogates and bytes that are not UTF-8 are accepted; the last two become
    U+FFFD.

    Raises:
        ValueError: still not JSON.

    """
    text = bytes(body).decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        # int refuses thousands of digits; of a number that large nothing but its size counts.
        return json.loads(text, strict=False, parse_int=lambda digits: int(digits[:1000]))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def replace_surrogates(text: str) -> str:
    """Return the same text, lone surrogates replaced by U+FFFD, so that it can be encoded."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def meta_status(envelope: Envelope) -> int:
    """Return `meta.status`, 200 where it is missing or null, `UNCLEAR` where it is there and not understood.

    A status may come as `500`, `500.0`, `"500"` or `"500 Internal Server Error"`.
    """
    meta = envelope.meta or {}
    status = meta.get("status", 200) if isinstance(meta, dict) else UNCLEAR
    match = _STATUS.fullmatch(str(200 if status is None else status))
    return int(match[1]) if match else UNCLEAR


def next_page_token(envelope: Envelope) -> str | None:
    """Return `meta.pagination.next`, or None on the last page and where the endpoint does not page.

    Raises:
        InvalidResponse: there is something else than a text, which may mean that there are further pages.

    """
    meta = envelope.meta if isinstance(envelope.meta, dict) else {}
    pagination = meta.get("pagination") or {}
    token = pagination.get("next") if isinstance(pagination, dict) else pagination
    if token is None or token == "":
        return None
    if not isinstance(token, str) or not isinstance(pagination, dict):
        raise errors.InvalidResponse("the answer names a next page in a way that is not understood, so it is not whole")
    return replace_surrogates(token)
