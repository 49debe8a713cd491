"""What an answer says of its own failure, whatever the shape it says it in, and which error that is.

Codes and statuses are repeated in messages; the API's texts never are, because they can name people or credentials.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import errors
from .dates import read_http_date
from .envelope import UNCLEAR, Envelope, meta_status, open_envelope, parts_of

#: Seconds: a pause that the API asks for is obeyed up to here.
MAX_PAUSE = 3600.0
#: Bytes of a refusal that are searched for error codes.
_MAX_REFUSAL = 1024 * 1024
#: Seconds by which a clock may differ before messages name it.
MAX_SKEW = 60.0

_EXPIRED_CODES = frozenset({"err_xdk_binding_expired", "token_expired"})
#: Mimecast's own, and those of OAuth 2.0 (RFC 6749, RFC 6750).
_AUTH_CODES = frozenset(
    {"err_developer_key", "invalid_client", "invalid_grant", "invalid_token", "unauthorized_client"}
)
_PERMISSION_CODES = frozenset({"app_forbidden"})
#: Words, as every known code is; the API is known to echo credentials, and those look different.
_PRINTABLE_CODE = re.compile(r"[a-z]{2,20}(_[a-z]{1,20}){1,6}")


@dataclass(frozen=True)
class Refusal:
    """A failure as an answer states it.

    Attributes:
        status: the HTTP status.
        meta_status: `meta.status`, 200 where there is none, `envelope.UNCLEAR` where it is not understood.
        codes: the error codes, in lower case.

    """

    status: int
    meta_status: int
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """What was asked and by whom, as messages name it.

    Attributes:
        endpoint: the last part of the path, or `token`.
        permission: the role permission that the endpoint needs.
        credentials: the account's credentials, by their names in the configuration.
        renewal: what to do where a credential has expired.
        skew: seconds by which the API's clock is ahead of ours, where the API checks the dates of requests.

    """

    endpoint: str
    permission: str
    credentials: str
    renewal: str
    skew: float | None = None


def accept(status: int, body: bytes | bytearray, asked: Asked, headers: Mapping[str, str], now: float) -> Envelope:
    """Return the envelope of an answer that states no failure; `now` is the time in seconds since the epoch.

    Raises:
        MimecastError: the answer states a failure, or is not an object in JSON.

    """
    envelope = open_envelope(body) if status == 200 else parts_of(body[:_MAX_REFUSAL])
    refusal = refusal_in(status, envelope)
    if refusal is not None:
        raise error_of(refusal, asked, headers, now)
    return envelope


def refusal_in(status: int, envelope: Envelope) -> Refusal | None:
    """Return the failure that an answer states, or None where it states none."""
    meta = meta_status(envelope)
    stated = (envelope.fail, envelope.error, envelope.errors)
    if status == 200 and meta == 200 and not any(stated):
        return None
    return Refusal(status, meta, tuple(dict.fromkeys(code for item in stated for code in _codes(item, depth=0))))


def _codes(item: Any, depth: int) -> Iterator[str]:
    """Yield the codes in `fail[].errors[].code`, `fail[].code`, `error`, `error.code`, `errors[].code`."""
    if depth > 4:
        return
    if isinstance(item, list):
        for inner in item[:20]:
            yield from _codes(inner, depth + 1)
    elif isinstance(item, dict):
        if isinstance(code := item.get("code"), str):
            yield code.strip().lower()
        for name in ("errors", "error", "fail"):
            yield from _codes(item.get(name), depth + 1)
    elif isinstance(item, str) and _kind_of_code(item.strip().lower()):
        yield item.strip().lower()


def error_of(refusal: Refusal, asked: Asked, headers: Mapping[str, str], now: float) -> errors.MimecastError:
    """Return the error that a refusal is.

    A known code wins over the statuses, and of these the first that has a meaning counts. Only a rate limit and a
    status of 503 obey the headers that ask for a pause.
    """
    kind = _kind(refusal, asked)
    statuses = (refusal.status, refusal.meta_status)
    obeys = kind is errors.RateLimited or 503 in statuses
    message = f"{_advice(kind, refusal, asked)} ({_told(refusal)})"
    return kind(message, retry_after=pause_asked_for(headers, now) if obeys else None)


def _kind(refusal: Refusal, asked: Asked) -> type[errors.MimecastError]:
    kinds = [_kind_of_code(code) for code in refusal.codes]
    kinds += [_kind_of_status(status, asked.endpoint) for status in (refusal.status, refusal.meta_status)]
    return next((kind for kind in kinds if kind), errors.ApiError)


def _kind_of_code(code: str) -> type[errors.MimecastError] | None:
    if code in _EXPIRED_CODES:
        return errors.BindingExpired
    if code in _AUTH_CODES or code.startswith("err_xdk_"):
        return errors.CredentialsRefused
    return errors.PermissionMissing if code in _PERMISSION_CODES else None


def _kind_of_status(status: int, endpoint: str) -> type[errors.MimecastError] | None:
    if 300 <= status < 400:
        return errors.InvalidResponse
    if status >= 500:
        return errors.ServerError
    if status == 400 and endpoint == "token":
        return errors.CredentialsRefused
    return _STATUSES.get(status)


_STATUSES: Mapping[int, type[errors.MimecastError]] = {
    401: errors.CredentialsRefused,
    403: errors.PermissionMissing,
    418: errors.BindingExpired,
    429: errors.RateLimited,
}


def _advice(kind: type[errors.MimecastError], refusal: Refusal, asked: Asked) -> str:
    if issubclass(kind, errors.CredentialsRefused):
        expired = kind is errors.BindingExpired
        return (asked.renewal if expired else f"the API refuses the credentials: check {asked.credentials}") + _clock(
            asked.skew
        )
    if kind is errors.PermissionMissing:
        return (
            f"the credentials lack permission: give their role {asked.permission}, and the API application a product "
            "that includes Awareness Training"
        )
    return _ADVICE.get(kind) or _advice_on_status(refusal.status, asked.endpoint)


_ADVICE: Mapping[type[errors.MimecastError], str] = {
    errors.RateLimited: "the API's rate limit is used up: raise cache.ttl or lower the number of exporters",
    errors.ServerError: "the API failed on its side: wait until it recovers",
    errors.InvalidResponse: "the API redirects, which is never followed: check base_url (or region)",
}


def _advice_on_status(status: int, endpoint: str) -> str:
    if status == 404:
        return f"the API does not know {endpoint} at this address: check base_url (or region)"
    if status == 407:
        return "a proxy asks for credentials: check api.proxy_url"
    return "the API says that the call failed"


def _clock(skew: float | None) -> str:
    if skew is None or abs(skew) < MAX_SKEW:
        return ""
    way = "behind" if skew > 0 else "ahead of"
    return f"; the clock of this machine is {abs(skew):.0f} s {way} the API's, which checks dates: set it first"


def _told(refusal: Refusal) -> str:
    codes = [code for code in refusal.codes if _PRINTABLE_CODE.fullmatch(code)]
    told = [f"HTTP {refusal.status}", *codes[:3]]
    if refusal.meta_status == UNCLEAR:
        told.insert(1, "meta.status is not a status")
    elif refusal.meta_status not in (200, refusal.status):
        told.insert(1, f"meta.status {refusal.meta_status}")
    return ", ".join(told)


def pause_asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to send nothing: the larger of `X-RateLimit-Reset` (milliseconds) and `Retry-After`.

    `Retry-After` holds seconds, or an HTTP date on the API's clock; `now` is ours, in seconds since the epoch. The
    result is at most `MAX_PAUSE`, and None where neither header says anything usable.
    """
    reset = _positive(headers.get("x-ratelimit-reset"))
    after = headers.get("retry-after")
    pause = max((reset or 0.0) / 1000, _positive(after) or _until(after, headers.get("date"), now))
    return min(pause, MAX_PAUSE) if pause > 0 else None


def _positive(text: str | None) -> float | None:
    try:
        value = float(text) if text and text.isascii() and "_" not in text else 0.0
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _until(text: str | None, sent: str | None, now: float) -> float:
    moment, its_now = read_http_date(text), read_http_date(sent)
    return 0.0 if moment is None else moment - (now if its_now is None else its_now)
