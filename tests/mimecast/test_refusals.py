"""One refusal is one reason, whatever its shape; what a message names; and for how long a pause is obeyed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.mimecast import MimecastError, errors
from exporter.mimecast.refusals import MAX_PAUSE, Call, accept, requested_pause
from tests.vendor_samples import answer

NOW = 1_790_000_000.0
QUEUE = Call("get-queue", "Some | Role", "client_id and client_secret", "renew the token")
TOKEN = Call("token", "Some | Role", "client_id and client_secret", "renew the token")

KNOWN = {
    "err_xdk_invalid_signature": "auth",
    "err_xdk_binding_expired": "auth",
    "err_xdk_something_new": "auth",
    "err_developer_key": "auth",
    "token_expired": "auth",
    "app_forbidden": "permission",
}
STATUSES = {
    401: "auth", 403: "permission", 404: "api_error", 409: "api_error", 418: "auth", 429: "rate_limited",
    500: "server_error", 503: "server_error", 599: "server_error", 302: "invalid_response",
    600: "api_error", 999: "api_error",
}  # fmt: skip

#: The shapes in which a code was seen, each made of a code.
SHAPES: list[Callable[[str], dict[str, Any]]] = [
    lambda code: {"fail": [{"errors": [{"code": code, "message": "planted text", "retryable": False}]}]},
    lambda code: {"fail": [{"code": code, "message": "planted text"}]},
    lambda code: {"fail": {"code": code}},
    lambda code: {"fail": [code]},
    lambda code: {"fail": [{"key": {"id": "x"}, "errors": {"code": code}}]},
    lambda code: {"error": {"code": code, "message": "planted text"}},
    lambda code: {"error": code, "error_description": "planted text"},
    lambda code: {"error": {"errors": [{"code": code}]}},
    lambda code: {"errors": [{"code": code, "message": "planted text"}]},
    lambda code: {"errors": [code]},
    lambda code: {"errors": [{"errors": [{"code": code}]}]},
]
shapes = st.sampled_from(SHAPES)
spellings = st.sampled_from([str, str.upper, str.title, lambda code: f" {code} "])


def refused(status: int, body: Any, asked: Call = QUEUE, headers: dict[str, str] | None = None) -> MimecastError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(MimecastError) as caught:
        accept(status, content, asked, headers or {}, NOW)
    assert "planted" not in str(caught.value)
    return caught.value


@given(
    code=st.sampled_from(sorted(KNOWN)),
    shape=shapes,
    spelling=spellings,
    statuses=st.tuples(
        st.sampled_from([200, 400, *STATUSES]),
        st.sampled_from([None, {"status": 200}, {"status": 400}, {"status": "500"}]),
    ),
    asked=st.sampled_from([QUEUE, TOKEN]),
)
def test_a_code_has_its_reason_in_every_shape_under_every_status_at_every_endpoint(
    code: str, shape: Callable[[str], dict[str, Any]], spelling: Callable[[str], str],
    statuses: tuple[int, Any], asked: Call,
) -> None:  # fmt: skip
    status, meta = statuses
    error = refused(status, answer(meta=meta) | shape(spelling(code)), asked)
    assert error.reason == KNOWN[code]
    assert code in str(error)
    assert error.concerns_credentials == (error.reason == "auth")


@given(status=st.sampled_from(sorted(STATUSES)), asked=st.sampled_from([QUEUE, TOKEN]), text=st.booleans())
def test_a_status_has_its_reason_as_http_status_and_as_meta_status(status: int, asked: Call, text: bool) -> None:
    meta = answer(meta={"status": f"{status} Planted" if text else status})
    errors_found = [refused(status, b"planted", asked), refused(200, meta, asked), refused(status, meta, asked)]
    assert {error.reason for error in errors_found} == {STATUSES[status]}
    assert len({type(error) for error in errors_found}) == 1
    assert refused(400, meta).reason == STATUSES[status], "of two statuses, the one with a meaning counts"


@given(
    status=st.sampled_from(sorted(STATUSES)),
    shape=shapes,
    kind=st.sampled_from([int, str, " {} ".format]),
    asked=st.sampled_from([QUEUE, TOKEN]),
)
def test_a_status_has_its_reason_as_a_code_in_every_shape(
    status: int, shape: Callable[[str], dict[str, Any]], kind: Callable[[int], Any], asked: Call
) -> None:
    body = shape(kind(status))
    assume(not isinstance(kind(status), int) or "code" in json.dumps(body))
    for http in (200, 409):
        error = refused(http, answer() | body, asked, {"retry-after": "7"})
        assert error.reason == STATUSES[status]
        assert error.retry_after == (7.0 if status in (429, 503) else None)


@given(shape=shapes, code=st.text(min_size=1), status=st.sampled_from([200, 400, 409]))
def test_a_failure_that_is_not_understood_is_a_failure(
    shape: Callable[[str], dict[str, Any]], code: str, status: int
) -> None:
    assume(
        not code.strip().lower().startswith("err_xdk_") and code.strip().lower() not in (*KNOWN, *map(str, STATUSES))
    )
    assert refused(status, answer() | shape(code.replace("planted", ""))).reason in ("api_error", "auth")


@pytest.mark.parametrize("status", [0, True, "fine", [], {}, 200.5, "", "2000", -200])
def test_a_meta_status_that_is_not_understood_is_a_failure(status: Any) -> None:
    error = refused(200, answer(meta={"status": status}))
    assert error.reason == "api_error"
    assert "invalid meta.status" in str(error)


@given(shape=shapes)
def test_a_400_of_the_token_endpoint_refuses_the_credentials_and_is_reported_as_what_it_is(
    shape: Callable[[str], dict[str, Any]],
) -> None:
    for body in (b"", shape("something_new")):
        assert refused(400, body, TOKEN).reason == "auth"
        assert "(HTTP 400" in str(refused(400, body, TOKEN))
        assert refused(400, body, QUEUE).reason == "api_error"
    assert refused(200, answer(meta={"status": 400}), TOKEN).reason == "auth"
    assert refused(200, {"error": "invalid_client"}, TOKEN).reason == "auth"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, b"", "(HTTP 401)"),
        (401, {"fail": [{"code": "err_xdk_a"}, {"code": "err_xdk_b"}]}, "(HTTP 401, err_xdk_a, err_xdk_b)"),
        (200, {"meta": {"status": 429}}, "(HTTP 200, meta.status 429)"),
        (400, {"meta": {"status": 401}, "errors": ["token_expired"]}, "(HTTP 400, meta.status 401, token_expired)"),
        (400, {"meta": {"status": 400}}, "(HTTP 400)"),
        (400, {"fail": [{"code": f"code_{letter}"} for letter in "abcd"]}, "(HTTP 400, code_a, code_b, code_c)"),
        (400, {"fail": [{"code": "planted=abc def"}]}, "(HTTP 400)"),
        (400, {"error": "planted_word"}, "(HTTP 400)"),
    ],
)
def test_messages_contain_statuses_and_codes_and_no_texts(status: int, body: Any, told: str) -> None:
    assert str(refused(status, body)).endswith(told)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (302, "follows no redirect: check base_url"),
        (401, "check client_id and client_secret"),
        (403, "Some | Role"),
        (404, "does not know get-queue at this address: check base_url"),
        (405, "the API says that the call failed"),
        (407, "a proxy requires credentials: check api.proxy_url"),
        (418, "renew the token"),
        (429, "raise cache.ttl or lower the number of exporters"),
        (500, "wait until it recovers"),
    ],
)
def test_a_status_comes_with_advice(status: int, advice: str) -> None:
    assert advice in str(refused(status, b""))


@pytest.mark.parametrize("fail", [[{}], ["broken"], "no", {"message": "planted"}, [[]], 5, True])
def test_a_fail_that_is_not_empty_is_a_failure_on_status_200(fail: Any) -> None:
    for name in ("fail", "error", "errors"):
        assert refused(200, answer(**{name: fail})).reason == "api_error"


@pytest.mark.parametrize("nothing", [None, [], {}, "", False, 0])
def test_a_fail_that_is_empty_is_none(nothing: Any) -> None:
    body = answer(fail=nothing, error=nothing, errors=nothing)
    assert accept(200, json.dumps(body).encode(), QUEUE, {}, NOW).data == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"fail": ' + b"[" * 900 + b'{"code": "app_forbidden"}' + b"]" * 900 + b"}",
        b'{"fail": ' + b'{"errors": ' * 900 + b'{"code": "app_forbidden"}' + b"}" * 900 + b"}",
        b'{"fail": [' + b"{}," * 20 + b'{"code": "app_forbidden"}]}',
    ],
)
def test_codes_are_looked_for_where_they_can_be_and_not_without_end(body: bytes) -> None:
    assert refused(400, body).reason == "api_error"


def skewed(skew: float | None) -> str:
    asked = Call("get-queue", "Some | Role", "app_id, app_key, access_key and secret_key", "renew", skew)
    return str(refused(401, b"", asked))


@given(seconds=st.floats(61, 1e9))
def test_a_clock_that_is_off_is_named_where_the_credentials_are_refused(seconds: float) -> None:
    assert f"the clock of this machine is {seconds:.0f} s behind the API's" in skewed(seconds)
    assert f"the clock of this machine is {seconds:.0f} s ahead of the API's" in skewed(-seconds)


@given(seconds=st.none() | st.floats(-59, 59))
def test_a_clock_that_is_right_is_not_named(seconds: float | None) -> None:
    assert "clock" not in skewed(seconds)


durations = st.integers(1, 10**6)


@given(
    status=st.sampled_from([200, 400, 401, 403, 404, 418, 429, 500, 502, 503, 302]),
    meta=st.sampled_from([200, 401, 429, 500, 503]),
    shape=st.none() | shapes,
    code=st.sampled_from(["something_new", *KNOWN]),
    seconds=durations,
)
def test_only_a_rate_limit_and_a_503_obey_what_the_headers_ask_for(
    status: int, meta: int, shape: Callable[[str], dict[str, Any]] | None, code: str, seconds: int
) -> None:
    assume((status, meta, shape) != (200, 200, None))
    body = answer(meta={"status": meta}) | (shape(code) if shape else {})
    headers = {"x-ratelimit-reset": f"{seconds * 1000}", "retry-after": "1"}
    error = refused(status, body, headers=headers)
    obeys = error.reason == "rate_limited" or 503 in (status, meta)
    assert error.retry_after == (min(seconds, MAX_PAUSE) if obeys else None)


def as_date(moment: float) -> str:
    return format_datetime(datetime.fromtimestamp(moment, UTC), usegmt=True)


@given(reset=st.none() | durations, after=st.none() | durations, skew=st.none() | st.integers(-(10**6), 10**6))
def test_the_pause_is_the_larger_of_both_headers_in_seconds_or_as_a_date_and_at_most_an_hour(
    reset: int | None, after: int | None, skew: int | None
) -> None:
    expected = min(max(reset or 0, after or 0), MAX_PAUSE) or None
    headers = {} if reset is None else {"x-ratelimit-reset": f"{reset * 1000}"}
    if after is None:
        assert requested_pause(headers, NOW) == expected
        return
    assert requested_pause(headers | {"retry-after": f"{after}"}, NOW) == expected
    dates = {} if skew is None else {"date": as_date(NOW + skew)}
    until = NOW + after + (skew or 0)
    assert requested_pause(headers | dates | {"retry-after": as_date(until)}, NOW) == expected


@given(lines=st.lists(durations, min_size=1, max_size=4), other=st.sampled_from(["", "planted", "-1", "120;w=60"]))
def test_of_several_lines_of_a_header_the_largest_number_counts(lines: list[int], other: str) -> None:
    for name, unit in (("X-RateLimit-Reset", 1000), ("Retry-After", 1)):
        headers = httpx.Headers([(name, other), *((name, f"{seconds * unit}") for seconds in lines)])
        assert requested_pause(headers, NOW) == min(max(lines), MAX_PAUSE)


@pytest.mark.parametrize("reset", ["", "0", "-5", "nan", "inf", "1_000", "planted", "٣"])
@pytest.mark.parametrize("after", ["", "0", "-5", "nan", "inf", "1_0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
def test_headers_that_say_nothing_usable_ask_for_no_pause(reset: str, after: str) -> None:
    assert requested_pause({"x-ratelimit-reset": reset, "retry-after": after}, NOW) is None


def test_fractions_and_large_numbers_are_read() -> None:
    assert requested_pause({"x-ratelimit-reset": "500"}, NOW) == 0.5
    assert requested_pause({"retry-after": "1e99"}, NOW) == MAX_PAUSE


def test_the_types_of_an_expired_and_a_refused_credential_differ() -> None:
    assert type(refused(418, b"")) is errors.BindingExpired
    assert type(refused(401, b"")) is errors.CredentialsRefused


@given(
    part=st.sampled_from([{"status": 500}, {"status": "500 Internal"}, {"code": "500"}, {"code": "token_expired"},
                          {"success": False}, {"success": "no"}, {"code": 12}]),
    asked=st.sampled_from([QUEUE, TOKEN]),
)  # fmt: skip
def test_a_failure_that_is_stated_beside_the_documented_parts_is_never_a_good_answer(
    part: dict[str, Any], asked: Call
) -> None:
    assert refused(200, answer() | part, asked).reason in ("server_error", "auth", "api_error")


@pytest.mark.parametrize(
    "part", [{"status": "approved"}, {"status": 200}, {"code": 0}, {"code": "OK"}, {"success": True}]
)
def test_what_states_a_success_or_nothing_is_no_failure(part: dict[str, Any]) -> None:
    accept(200, json.dumps(answer() | part).encode(), QUEUE, httpx.Headers(), NOW)
