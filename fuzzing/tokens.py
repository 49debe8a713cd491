"""The token endpoint's answer and the headers beside any answer: first line `status`, then headers, then a body."""

from __future__ import annotations

import math

import httpx

from exporter.mimecast import MimecastError, Traffic
from exporter.mimecast.auth import read_token
from exporter.mimecast.refusals import MAX_PAUSE, Call, accept, requested_pause

_DATE = b"date: Tue, 24 Nov 2015 12:50:11 GMT\n"
_CALL = Call("token", "a role", "client_id and client_secret", "renew it")
SEEDS = [
    b'200\n\n{"access_token": "abc", "token_type": "Bearer", "expires_in": 1799}',
    b'200\n\n{"access_token": "abc", "expires_in": "1799"}',
    b'401\n\n{"fail": [{"code": "InvalidClientIdentifier"}]}',
    b"429\nx-ratelimit-reset: 60000\nretry-after: 5\nx-ratelimit-limit: 50\n" + _DATE + b"\n{}",
]
WORDS = [
    b"expires_in",
    b"access_token",
    b"retry-after: ",
    b"x-ratelimit-reset: ",
    b"1e308",
    b"nan",
    "²".encode(),
    b"date: ",
]


def hold(data: bytes) -> None:
    """Read a token, and what headers tell."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    status = int(first) if first.isdigit() and len(first) == 3 and first[:1] != b"0" else 200
    headers = httpx.Headers(
        [(name.strip() or b"x", value.strip()) for name, _, value in (x.partition(b":") for x in lines)]
    )
    pause = requested_pause(headers, 1e9)
    assert pause is None or 0 < pause <= MAX_PAUSE
    traffic = Traffic()
    traffic.answered("token", status, headers, 1e9)
    for told in (traffic.rate_limit, traffic.rate_limit_remaining, traffic.rate_limit_reset_time, traffic.clock_skew):
        assert told is None or math.isfinite(told)
    try:
        token, lifetime = read_token(accept(status, body, _CALL, headers, 1e9))
    except MimecastError:
        return
    assert token.isascii()
    assert token.isprintable()
    assert 0 < lifetime < 10**9
