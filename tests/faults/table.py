"""THE TABLE: every fault, the reason it is counted under, and what is kept. To add a fault, add a row."""

from __future__ import annotations

import gzip
import json

from tests.faults.fault import (
    GOOD,
    OTHER_HOST,
    PLANTED,
    TOKEN,
    Fault,
    large,
    one_byte_at_a_time,
    pages_without_end,
    raw_json,
    refused_once,
    reset_in_the_body,
    silence,
    with_field,
)
from tests.faults.fields import FIELD_FAULTS
from tests.rawserver import http, json_answer
from tests.vendor_samples import NEWER, OLDER, answer

_SLOW = {"timeout": 60.0}
_GZIP = {"content-encoding": "gzip"}

CONNECTIONS = {
    "a name that does not resolve": Fault(place="an unknown name", reason="connect"),
    "a port that refuses": Fault(place="a closed port", reason="connect"),
    "a certificate that has expired": Fault(place="an expired certificate", reason="tls"),
    "a certificate of an unknown authority": Fault(place="an unknown authority", reason="tls"),
    "plain HTTP where TLS is spoken": Fault(place="a plain port", reason="tls"),
    "silence": Fault(silence, "timeout"),
    "one byte at a time": Fault(one_byte_at_a_time, "timeout"),
    "a reset in the body": Fault(reset_in_the_body, "invalid_response"),
    "no answer": Fault(b"", "connect"),
    "another protocol": Fault(b"SSH-2.0-planted\r\n\r\n", "invalid_response"),
}

SIZES = {
    "200 MB": Fault(large, "too_large", settings=_SLOW),
    "a gzip bomb": Fault(http(200, gzip.compress(bytes(90_000_000), 9), _GZIP), "too_large"),
    "pages without end": Fault(pages_without_end, "too_large", settings={**_SLOW, "max_response_size": 20_000}),
    "the same page again": Fault(
        json_answer(answer(meta={"status": 200, "pagination": {"next": "same"}})), "invalid_response"
    ),
    "nested 10 000 deep": Fault(raw_json('{"data": [' + "[" * 10_000 + "]" * 10_000 + "]}"), "invalid_response"),
    "an error nested 10 000 deep": Fault(http(400, b"[" * 10_000), "api_error"),
}

BODIES = {
    "an HTML page": Fault(http(200, b"<html>planted</html>", {"content-type": "text/html"}), "invalid_response"),
    "an empty body": Fault(http(200), "invalid_response"),
    "null": Fault(raw_json("null"), "invalid_response"),
    "a list": Fault(raw_json("[]"), "invalid_response"),
    "an empty object": Fault(raw_json("{}"), "invalid_response"),
    "data that is no list": Fault(raw_json('{"data": {"0": {}}}'), "invalid_response"),
    "data that is null": Fault(raw_json('{"meta": {"status": 200}, "data": null}'), "invalid_response"),
    "items that are no objects": Fault(raw_json('{"data": [null, 1, "planted", [], true]}'), kept=0),
    "a body cut short": Fault(GOOD[:-40], "invalid_response"),
    "less body than said": Fault(http(200, b'{"data": []}', {"content-length": "13"}), "invalid_response"),
    "more body than said": Fault(http(200, b'{"data": []}xxxxx', {"content-length": "12"}), kept=0),
    "a length that is none": Fault(http(200, b'{"data": []}', {"content-length": "planted"}), "invalid_response"),
    "a negative length": Fault(http(200, b'{"data": []}', {"content-length": "-12"}), "invalid_response"),
    "a chunk that is none": Fault(
        b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nplanted\r\n", "invalid_response"
    ),
    "chunks without an end": Fault(
        b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"dat\r\n", "invalid_response"
    ),
    "gzip cut short": Fault(http(200, gzip.compress(b'{"data": []}')[:-6], _GZIP), "invalid_response"),
    "gzip that is none": Fault(http(200, b"planted", _GZIP), "invalid_response"),
    "a coding nobody asked for": Fault(http(200, b"planted", {"content-encoding": "br"}), "invalid_response"),
    "bytes that are not UTF-8": Fault(with_field("subject", '"\udcff\udcfe"'), kept=2),
    "a lone surrogate": Fault(with_field("subject", '"\\ud800"'), kept=2),
    "a lone surrogate in the title": Fault(with_field("title", '{"title": "odd \\ud800"}'), kept=2),
    "a control character": Fault(with_field("subject", '"\x01"'), kept=2),
    "the same key twice": Fault(raw_json('{"data": [], "data": []}'), kept=0),
    "the same key twice, the first no list": Fault(raw_json('{"data": 5, "data": []}'), kept=0),
    "the same campaign twice": Fault(json_answer(answer(OLDER, NEWER, OLDER)), kept=2),
}  # fmt: skip

_STATUSES = {
    400: "api_error", 401: "auth", 403: "permission", 404: "api_error", 409: "api_error", 418: "auth",
    429: "rate_limited", 500: "server_error", 502: "server_error", 503: "server_error", 504: "server_error",
}  # fmt: skip
STATUSES = (
    {f"HTTP {status}": Fault(http(status, b"planted"), reason) for status, reason in _STATUSES.items()}
    | {
        f"HTTP {status} to another host": Fault(
            http(status, headers={"location": OTHER_HOST.decode()}), "invalid_response"
        )
        for status in (301, 302, 303, 307, 308)
    }
    | {
        f"meta.status {status} on HTTP 200": Fault(json_answer({"meta": {"status": status}, "data": []}), reason)
        for status, reason in _STATUSES.items()
    }
)

_SHAPES = {
    "nested": {"fail": [{"errors": [{"code": "%s", "message": "planted", "retryable": False}]}], "data": []},
    "flat": {"fail": [{"code": "%s", "message": "planted"}]},
    "error": {"error": {"code": "%s", "message": "planted"}},
    "errors": {"errors": [{"code": "%s", "message": "planted"}], "data": []},
}
_CODES = {
    "err_xdk_invalid_signature": "auth",
    "err_xdk_binding_expired": "auth",
    "err_developer_key": "auth",
    "token_expired": "auth",
    "app_forbidden": "permission",
    "err_unheard_of": "api_error",
}


def _refused(code: str, shape: str, status: int) -> bytes:
    return json_answer(json.loads(json.dumps(_SHAPES[shape]).replace("%s", code)), status)


REFUSALS = (
    {
        f"{code}, {shape}, HTTP {status}": Fault(_refused(code, shape, status), reason)
        for code, reason in _CODES.items()
        for shape in _SHAPES
        for status in (200, 400)
    }
    | {
        "a fail of text": Fault(json_answer({"fail": ["planted"], "data": []}), "api_error"),
        "a fail that is no list": Fault(json_answer({"fail": "planted", "data": []}), "api_error"),
        "an error without code": Fault(json_answer({"error": {"message": "planted"}}), "api_error"),
        "an error of text": Fault(json_answer({"error": "planted", "data": []}), "api_error"),
    }
    | {
        f"meta.status {status!r}": Fault(json_answer(answer(OLDER, meta={"status": status})), reason)
        for status, reason in {500.0: "server_error", "500 Internal": "server_error", "planted": "api_error"}.items()
    }
    | {
        f"a next page named {token!r}": Fault(
            json_answer(answer(OLDER, meta={"status": 200, "pagination": {"next": token}})), "invalid_response"
        )
        for token in (2, {"pageToken": "planted"}, True)
    }
)

PAUSES = {
    f"429 with {header}: {value}": Fault(http(429, headers={header: value}), "rate_limited")
    for header in ("x-ratelimit-reset", "retry-after")
    for value in ("0", "-1", "nan", "1e400", "planted", "99999999999999999999", "3000")
}

DATES = {
    f"launched {date}": Fault(with_field("launchDate", f'"{date}"'), kept=2)
    for date in (
        "1900-01-01T00:00:00+0000", "9999-12-31T23:59:59-2359", "0001-01-01T00:00:00+2359", "2024-02-30",
        "2026-01-01T25:00:00Z", "yesterday", "1700000000", "",
    )
} | {
    f"the API's clock {offset}": Fault(json_answer(answer(OLDER, NEWER), headers={"date": date}), kept=2)
    for offset, date in {
        "an hour ahead": "Mon, 21 Sep 2026 15:13:20 GMT",
        "an hour behind": "Mon, 21 Sep 2026 13:13:20 GMT",
        "in another century": "Mon, 21 Sep 1926 14:13:20 GMT",
        "out of its mind": "planted",
    }.items()
}  # fmt: skip

TOKENS = {
    "a token endpoint that is down": Fault(token=http(503), reason="server_error"),
    "a token endpoint that refuses": Fault(token=http(401, b"planted"), reason="auth"),
    "a token endpoint that says bad request": Fault(token=http(400, b'{"fail": "planted"}'), reason="auth"),
    "a token endpoint that is limited": Fault(token=http(429), reason="rate_limited"),
    "a token endpoint that is silent": Fault(token=silence, reason="timeout"),
    "a token endpoint that sends HTML": Fault(token=http(200, b"<html>planted"), reason="invalid_response"),
    "a token endpoint that refuses on HTTP 200": Fault(
        token=json_answer({"fail": [{"code": "err_developer_key", "message": "planted"}]}), reason="auth"
    ),
    "a token with spaces around it": Fault(
        token=json_answer({"access_token": f" {PLANTED}\n", "expires_in": "planted"}), kept=2
    ),
    "a token that has expired, said on HTTP 200": Fault(refused_once(GOOD, 200), token=TOKEN, kept=2),
    "a token endpoint without a token": Fault(token=json_answer({"expires_in": 5}), reason="invalid_response"),
    "a token that no header can hold": Fault(
        token=json_answer({"access_token": "planted\r\nx: y"}), reason="invalid_response"
    ),
    "a token that expires while it is used": Fault(refused_once(GOOD), token=TOKEN, kept=2),
    "a token that is never good": Fault(http(401, b"planted"), token=TOKEN, reason="auth"),
}

FAULTS = {
    **CONNECTIONS, **SIZES, **BODIES, **STATUSES, **REFUSALS, **PAUSES, **DATES, **TOKENS, **FIELD_FAULTS,
}  # fmt: skip
