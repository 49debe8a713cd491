"""Map failures in answers, which have several shapes, to errors.

Messages contain codes and statuses, never the API's texts, which can contain names or credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import errors
from .envelope import UNCLEAR, Envelope, meta_status, open_envelope
from .traffic import read_http_date, read_number

MAX_PAUSE = 3600.0
#: Seconds by which the clocks may differ before messages mention it.
MAX_SKEW = 60.0

_Kind = type[errors.MimecastError]
#: Mimecast's codes, and those of OAuth 2.0 (RFC 6749, RFC 6750); any other `err_xdk_…` refuses the credentials.
_CODES: Mapping[str, _Kind] = {
    "err_xdk_binding_expired": errors.BindingExpired,
    "token_expired": errors.BindingExpired,
    "err_developer_key": errors.CredentialsRefused,
    "invalid_client": errors.CredentialsRefused,
    "invalid_grant": errors.CredentialsRefused,
    "invalid_token": errors.CredentialsRefused,
    "unauthorized_client": errors.CredentialsRefused,
    "app_forbidden": errors.PermissionMissing,
}
_STATUSES: Mapping[int, _Kind] = {
    401: errors.CredentialsRefused,
    403: errors.PermissionMissing,
    418: errors.BindingExpired,
    429: errors.RateLimited,
}
#: The form of all known codes; echoed credentials do not match it.
#: What says at the top of an answer that the call succeeded.
_SUCCESSES = frozenset({"200", "200.0", "ok", "200 ok", "success"})
_PRINTABLE_CODE = re.compile(r"[a-z]{2,20}(_[a-z]{1,20}){1,6}")
_STATUS_CODE = re.compile("[1-9][0-9]{2}")


@dataclass(frozen=True)
class Call:
    """A call of an account, as messages describe it.

    Attributes:
        endpoint: the last part of the path, or `token`.
        credentials: the account's credentials, by their names in the configuration.
        renewal: what to do if a credential has expired.
        skew: seconds by which the API's clock is ahead, if the API checks the dates of requests.
    """

    endpoint: str
    permission: str
    credentials: str
    renewal: str
    skew: float | None = None


def accept(status: int, body: bytes | bytearray, call: Call, headers: Mapping[str, str], now: float) -> Envelope:
    """Return the envelope of an answer without a failure; `now` is seconds since the epoch.

    A known code takes precedence over the statuses (the HTTP status, `meta.status` and codes that are a status), and of
    these the first that has a meaning counts. Headers that request a pause apply to rate limits and to status 503.

    Raises:
        MimecastError: the answer reports a failure, or is not a JSON object.
    """
    try:
        envelope = open_envelope(body)
    except errors.InvalidResponse:
        if status == 200:
            raise
        envelope = Envelope()
    meta = meta_status(envelope)
    stated = [envelope.fail, envelope.error, envelope.errors, _stated_at_the_top(envelope)]
    if status == meta == 200 and not any(stated):
        return envelope
    codes = list(dict.fromkeys(_codes(stated)))
    statuses = (status, meta, *(int(code) for code in codes if _STATUS_CODE.fullmatch(code)))
    kinds = [_kind_of_code(code) for code in codes] + [_kind_of_status(one, call.endpoint) for one in statuses]
    kind = next((kind for kind in kinds if kind), errors.ApiError)
    pause = requested_pause(headers, now) if kind is errors.RateLimited or 503 in statuses else None
    raise kind(f"{_advice(kind, status, call)} ({_summary((status, meta), codes)})", retry_after=pause)


def _stated_at_the_top(envelope: Envelope) -> list[Any]:
    """Return the failure that an answer states beside its documented parts, in the shape of `errors`."""
    status = envelope.status if _STATUS_CODE.match(str(envelope.status)) else None
    codes = [one for one in (status, envelope.code) if one and str(one).lower() not in _SUCCESSES]
    failed = envelope.success not in (None, True, 1, "true")
    return [{"code": code} for code in codes] or [{}] * failed


def _codes(item: Any, depth: int = 0) -> Iterator[str]:
    """Yield the codes in `fail[].errors[].code`, `fail[].code`, `error`, `error.code`, `errors[].code`."""
    if depth > 5:
        return
    if isinstance(item, list):
        for inner in item[:20]:
            yield from _codes(inner, depth + 1)
    elif isinstance(item, dict):
        if isinstance(given := item.get("code"), str | int):
            yield str(given).strip().lower()
        for name in ("errors", "error", "fail"):
            yield from _codes(item.get(name), depth + 1)
    elif isinstance(item, str) and (_kind_of_code(code := item.strip().lower()) or _STATUS_CODE.fullmatch(code)):
        yield code


def _kind_of_code(code: str) -> _Kind | None:
    return _CODES.get(code) or (errors.CredentialsRefused if code.startswith("err_xdk_") else None)


def _kind_of_status(status: int, endpoint: str) -> _Kind | None:
    if status == 400 and endpoint == "token":
        return errors.CredentialsRefused
    if 300 <= status < 400:
        return errors.InvalidResponse
    return errors.ServerError if 500 <= status < 600 else _STATUSES.get(status)


_ADVICE: Mapping[_Kind, str] = {
    errors.CredentialsRefused: "the API refuses the credentials: check {call.credentials}",
    errors.BindingExpired: "{call.renewal}",
    errors.PermissionMissing: "the credentials lack permission: give their role {call.permission}, and the API "
    "application a product that includes Awareness Training",
    errors.RateLimited: "the API's rate limit is used up: raise cache.ttl or lower the number of exporters",
    errors.ServerError: "the API failed on its side: wait until it recovers",
    errors.InvalidResponse: "the API redirects, and the exporter follows no redirect: check base_url (or region)",
    errors.ApiError: "the API says that the call failed",
}
_ADVICE_ON_STATUS: Mapping[int, str] = {
    404: "the API does not know {call.endpoint} at this address: check base_url (or region)",
    407: "a proxy requires credentials: check api.proxy_url",
}


def _advice(kind: _Kind, status: int, call: Call) -> str:
    on_status = _ADVICE_ON_STATUS.get(status) if kind is errors.ApiError else None
    advice = (on_status or _ADVICE[kind]).format(call=call)
    return advice + _clock(call.skew) if issubclass(kind, errors.CredentialsRefused) else advice


def _clock(skew: float | None) -> str:
    if skew is None or abs(skew) < MAX_SKEW:
        return ""
    way = "behind" if skew > 0 else "ahead of"
    return f"; the clock of this machine is {abs(skew):.0f} s {way} the API's, which checks dates: correct it first"


def _summary(statuses: tuple[int, int], codes: Sequence[str]) -> str:
    http, meta = statuses
    parts = [f"HTTP {http}"]
    if meta == UNCLEAR:
        parts.append("invalid meta.status")
    elif meta not in (200, http):
        parts.append(f"meta.status {meta}")
    return ", ".join(parts + [code for code in codes if _PRINTABLE_CODE.fullmatch(code)][:3])


def requested_pause(headers: Mapping[str, str], now: float) -> float | None:
    """Return the requested pause in seconds: the larger of `X-RateLimit-Reset` (milliseconds) and `Retry-After`.

    `Retry-After` holds seconds, or an HTTP date on the API's clock. The result is at most `MAX_PAUSE`, or None if
    neither header is valid. `now` is seconds since the epoch.
    """
    reset = read_number(headers.get("x-ratelimit-reset")) or 0.0
    after = read_number(headers.get("retry-after"))
    if after is None:
        until, sent = read_http_date(headers.get("retry-after")), read_http_date(headers.get("date"))
        after = 0.0 if until is None else until - (now if sent is None else sent)
    pause = max(reset / 1000, after)
    return min(pause, MAX_PAUSE) if pause > 0 else None
