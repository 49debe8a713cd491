"""The envelope every answer of the API comes in: is it a success, and if not, which failure is it?

Knows nothing of campaigns. Sources: the vendor's page for statuses; recordings of the live API for the shapes of
`fail`, a failure on HTTP 200 and the paging token; other public integrations for the flat and `error` shapes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import msgspec

from . import errors

#: Seconds: a pause asked for by the API is obeyed up to here, whatever it says.
LONGEST_PAUSE = 3600.0

_AUTH_CODES = frozenset({"err_developer_key", "token_expired"})
_PERMISSION_CODES = frozenset({"app_forbidden"})
_EXPIRED_CODES = frozenset({"err_xdk_binding_expired", "token_expired"})
#: Words, as every known code is; the API is known to echo credentials, and those are none.
_PRINTABLE_CODE = re.compile(r"[a-z]{2,20}(_[a-z]{1,20}){1,6}")


class Envelope(msgspec.Struct):
    """An answer, split into its parts without looking into the campaigns.

    The items of `data` are views of the answer's bytes; the answer stays in memory as long as they do.
    """

    meta: Any = None
    fail: Any = None
    error: Any = None
    data: list[msgspec.Raw] | None = None


_decoder = msgspec.json.Decoder(Envelope)


def open_envelope(body: bytes | bytearray) -> Envelope:
    """Split an answer into its parts.

    Raises:
        InvalidResponse: the body is not JSON, or not an object with `data` as a list.

    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _convert(_parse_leniently(body))
    except RecursionError:
        raise errors.InvalidResponse("the answer is nested too deeply to be one of this API") from None


def parse_leniently(body: bytes | bytearray | memoryview) -> Any:
    """JSON that a strict parser refuses for one bad character in a mail nobody reads.

    Raw control characters, NaN, lone surrogates and bytes that are not UTF-8 are accepted; the last two become
    U+FFFD.

    Raises:
        ValueError: still not JSON.

    """
    text = bytes(body).decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        return json.loads(text, strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def replace_surrogates(text: str) -> str:
    """The same text, lone surrogates replaced by U+FFFD, so that it can be encoded."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _parse_leniently(body: bytes | bytearray) -> Any:
    try:
        return parse_leniently(body)
    except ValueError:
        raise errors.InvalidResponse(
            "the answer is not JSON; is base_url (or region) the API's host, and no proxy's login page?"
        ) from None


def _convert(parsed: Any) -> Envelope:
    """An envelope out of parsed JSON, whose items are encoded again so that both ways give the same."""
    if not isinstance(parsed, dict):
        raise errors.InvalidResponse("the answer is JSON, but not an object as this API sends it")
    data = parsed.get("data")
    items = [msgspec.Raw(_encode(item)) for item in data] if isinstance(data, list) else None
    return Envelope(meta=parsed.get("meta"), fail=parsed.get("fail"), error=parsed.get("error"), data=items)


def _encode(item: Any) -> bytes:
    return json.dumps(item).encode()


def check(envelope: Envelope, *, retry_after: float | None = None) -> None:
    """Hold an answer with HTTP status 200 to what it says of itself.

    Raises:
        MimecastError: `fail` is not empty, `meta.status` is not 200, or there is no `data`.

    """
    status = meta_status(envelope)
    if envelope.fail or envelope.error or status != 200:
        raise_failure(status, error_codes(envelope.fail, envelope.error), retry_after=retry_after)
    if envelope.data is None:
        raise errors.InvalidResponse("the answer has no list of campaigns (`data`), so it is not one of get-queue")


def meta_status(envelope: Envelope) -> int:
    """`meta.status`, or 200 where it is missing or no number."""
    status = envelope.meta.get("status") if isinstance(envelope.meta, dict) else None
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status[:4])
    return status if isinstance(status, int) and not isinstance(status, bool) else 200


def next_page_token(envelope: Envelope) -> str | None:
    """`meta.pagination.next`, or None on the last page and where the endpoint does not page."""
    meta = envelope.meta if isinstance(envelope.meta, dict) else {}
    pagination = meta.get("pagination")
    token = pagination.get("next") if isinstance(pagination, dict) else None
    return replace_surrogates(token) if isinstance(token, str) and token else None


def codes_in(body: bytes | bytearray) -> tuple[str, ...]:
    """The error codes in the body of a refusal, empty where there are none or it is no JSON."""
    try:
        parsed = parse_leniently(body)
    except ValueError:
        return ()
    if not isinstance(parsed, dict):
        return ()
    return error_codes(parsed.get("fail"), parsed.get("error"))


def error_codes(fail: Any, error: Any) -> tuple[str, ...]:
    """Codes out of the three shapes: `fail[].errors[].code`, `fail[].code` and `error`."""
    return tuple(dict.fromkeys(code for item in (fail, error) for code in _codes(item, depth=0)))


def _codes(item: Any, depth: int) -> Iterator[str]:
    if depth > 3:
        return
    if isinstance(item, list):
        for inner in item[:20]:
            yield from _codes(inner, depth + 1)
    elif isinstance(item, dict):
        code = item.get("code")
        if isinstance(code, str) and _PRINTABLE_CODE.fullmatch(code):
            yield code
        yield from _codes(item.get("errors"), depth + 1)


def raise_failure(status: int, codes: tuple[str, ...], *, retry_after: float | None = None) -> NoReturn:
    """Judge a refusal: a code wins over the status, `status` is the HTTP status or `meta.status`.

    Raises:
        MimecastError: always, as the type that fits.

    """
    kind, advice = _judge(status, codes)
    told = f"HTTP {status}" + (f", {', '.join(codes[:3])}" if codes else "")
    raise kind(f"{advice} ({told})", retry_after=retry_after)


def _judge(status: int, codes: tuple[str, ...]) -> tuple[type[errors.MimecastError], str]:
    return _judge_codes(codes) or _judge_status(status)


def _judge_codes(codes: tuple[str, ...]) -> tuple[type[errors.MimecastError], str] | None:
    for code in codes:
        if code in _EXPIRED_CODES:
            return errors.BindingExpired, _EXPIRED
        if code in _AUTH_CODES or code.startswith("err_xdk_"):
            return errors.CredentialsRefused, _REFUSED
        if code in _PERMISSION_CODES:
            return errors.PermissionMissing, _FORBIDDEN
    return None


_EXPIRED = "the API says the access key or token has expired: create a new access key (its binding has a lifetime)"
_REFUSED = "the API refuses the credentials: check the client id and secret, or the four keys of API 1.0"
_FORBIDDEN = (
    "the credentials lack permission: give the role Awareness Training | Dashboard | Read, and the API application "
    "a product that holds Awareness Training"
)


def _judge_status(status: int) -> tuple[type[errors.MimecastError], str]:
    if status == 418:
        return errors.BindingExpired, _EXPIRED
    if status == 401:
        return errors.CredentialsRefused, _REFUSED
    if status == 403:
        return errors.PermissionMissing, _FORBIDDEN
    if status == 429:
        return errors.RateLimited, "the API's rate limit is used up: scrape less often or raise cache.ttl"
    if status >= 500:
        return errors.ServerError, "the API failed on its side: nothing to do here but wait"
    if 300 <= status < 400:
        return (
            errors.InvalidResponse,
            "the API redirects, which is never followed: check base_url (or region)",
        )
    if status == 404:
        return errors.ApiError, "the API does not know get-queue at this address: check base_url (or region)"
    return errors.ApiError, "the API says that the call failed"


def pause_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds to stay away after a 429: the larger of `X-RateLimit-Reset` (milliseconds) and `Retry-After`.

    At most `LONGEST_PAUSE`; None where neither header says anything usable.
    """
    reset = _positive(headers.get("x-ratelimit-reset"))
    after = _positive(headers.get("retry-after"))
    pauses = [pause for pause in (reset / 1000 if reset else None, after) if pause]
    return min(max(pauses), LONGEST_PAUSE) if pauses else None


def _positive(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
