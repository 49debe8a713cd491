from __future__ import annotations

import json
from typing import Any

import pytest
from exporter.mimecast.campaign import decode_campaign

from exporter.mimecast import MimecastError, errors
from exporter.mimecast.envelope import (
    Envelope,
    check,
    codes_in,
    next_page_token,
    open_envelope,
    pause_asked_for,
    raise_failure,
)
from tests.vendor_samples import NEWER, answer


def failure_of(body: Any) -> MimecastError:
    with pytest.raises(MimecastError) as caught:
        check(open_envelope(json.dumps(body).encode()))
    return caught.value


def test_an_empty_queue_is_an_answer() -> None:
    envelope = open_envelope(json.dumps(answer()).encode())
    check(envelope)
    assert envelope.data == []


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (
            [{"errors": [{"code": "err_developer_key", "message": "App ID is invalid: abc", "retryable": False}]}],
            "auth",
        ),
        ([{"code": "err_xdk_invalid_signature", "message": "…"}], "auth"),
        ([{"errors": [{"code": "app_forbidden"}]}], "permission"),
        ([{"errors": [{"code": "something_new"}]}], "api_error"),
        ([{}], "api_error"),
        (["broken"], "api_error"),
        ({"code": "token_expired"}, "auth"),
        ("no", "api_error"),
    ],
)
def test_a_fail_that_is_not_empty_is_a_failure_on_status_200(fail: Any, reason: str) -> None:
    assert failure_of(answer(fail=fail)).reason == reason


def test_messages_of_the_api_are_not_repeated() -> None:
    error = failure_of(answer(fail=[{"errors": [{"code": "err_developer_key", "message": "App ID is invalid: abc"}]}]))
    assert "err_developer_key" in str(error)
    assert "abc" not in str(error)


def test_a_code_with_odd_characters_is_not_repeated() -> None:
    error = failure_of(answer(fail=[{"code": "secret=abc def"}]))
    assert "abc" not in str(error)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "auth"),
        (418, "auth"),
        (403, "permission"),
        (429, "rate_limited"),
        (500, "server_error"),
        (404, "api_error"),
    ],
)
def test_a_meta_status_other_than_200_is_judged_like_an_http_status(status: int, reason: str) -> None:
    assert failure_of(answer(meta={"status": status})).reason == reason
    assert failure_of(answer(meta={"status": str(status)})).reason == reason


@pytest.mark.parametrize("meta", [None, {}, {"status": None}, {"status": "fine"}, [], 5])
def test_a_meta_that_says_nothing_is_no_failure(meta: Any) -> None:
    check(open_envelope(json.dumps(answer(meta=meta)).encode()))


@pytest.mark.parametrize("body", ["{}", "[]", "null", "5", '"text"', '{"data": null}', '{"data": {}}', '{"data": "x"}'])
def test_json_without_a_list_of_campaigns_is_not_this_envelope(body: str) -> None:
    with pytest.raises(errors.InvalidResponse):
        check(open_envelope(body.encode()))


@pytest.mark.parametrize("body", ["", "<html>Sign in</html>", '{"data": [', "{" * 5, "[" * 100_000])
def test_what_is_no_json_is_an_invalid_response(body: str) -> None:
    with pytest.raises(errors.InvalidResponse):
        open_envelope(body.encode())


@pytest.mark.parametrize("body", [b'"bad \\ud800"', b'"control \x01"', b"NaN", b'"not UTF-8 \xff"'], ids=repr)
def test_one_bad_character_in_a_mail_does_not_lose_the_answer(body: bytes) -> None:
    good = json.dumps(NEWER)[:-1].encode()
    envelope = open_envelope(b'{"data": [' + good + b', "emailMsg": {"body": ' + body + b"}}]}")
    check(envelope)
    assert envelope.data is not None
    (campaign,) = map(decode_campaign, envelope.data)
    assert campaign == decode_campaign(good + b"}")


def test_a_bad_character_hides_no_failure_and_no_further_page() -> None:
    def damaged(**parts: Any) -> Envelope:
        return open_envelope(json.dumps(answer(**parts)).encode()[:-1] + b', "x": "\x01"}')

    for parts, reason in (
        ({"meta": {"status": 429}}, "rate_limited"),
        ({"fail": [{"code": "app_forbidden"}]}, "permission"),
        ({"error": {"code": "token_expired"}}, "auth"),
    ):
        with pytest.raises(MimecastError) as caught:
            check(damaged(**parts))
        assert caught.value.reason == reason
    assert next_page_token(damaged(meta={"pagination": {"next": "abc"}})) == "abc"


def test_a_byte_order_mark_is_passed_over() -> None:
    check(open_envelope(b"\xef\xbb\xbf" + json.dumps(answer()).encode()))


@pytest.mark.parametrize(
    ("meta", "token"),
    [
        ({"pagination": {"next": "abc"}}, "abc"),
        ({"pagination": {"pageSize": 25, "totalCount": 3}}, None),
        ({"pagination": {"next": None}}, None),
        ({"pagination": {"next": ""}}, None),
        ({"pagination": {"next": 5}}, None),
        ({"pagination": []}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_next_page_is_named_in_meta_pagination(meta: Any, token: str | None) -> None:
    assert next_page_token(open_envelope(json.dumps(answer(meta=meta)).encode())) == token


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b'{"fail": [{"errors": [{"code": "code_a"}, {"code": "code_b"}]}]}', ("code_a", "code_b")),
        (b'{"fail": [{"code": "code_a", "message": "m"}]}', ("code_a",)),
        (b'{"error": {"message": "m"}}', ()),
        (b'{"error": {"code": "code_a", "message": "m"}}', ("code_a",)),
        (b'{"error": "invalid_client"}', ()),
        (b'{"fail": [[{"errors": {"code": "code_a"}}]]}', ("code_a",)),
        (b'{"fail": [[[{"errors": {"code": "code_a"}}]]]}', ()),
        (b'{"fail": [' + b"{}," * 19 + b'{"code": "code_a"}, {"code": "code_b"}]}', ("code_a",)),
        (b'{"fail": ' + b"[" * 900 + b'{"code": "code_a"}' + b"]" * 900 + b"}", ()),
        (b'{"fail": ' + b'{"errors": ' * 900 + b'{"code": "code_a"}' + b"}" * 900 + b"}", ()),
        (b"<html>", ()),
        (b"[]", ()),
        (b"", ()),
    ],
)
def test_codes_are_found_in_each_shape_of_a_refusal(body: bytes, codes: tuple[str, ...]) -> None:
    assert codes_in(body) == codes


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        (401, ("err_xdk_invalid_signature",), errors.CredentialsRefused),
        (401, ("err_xdk_binding_expired",), errors.BindingExpired),
        (401, ("token_expired",), errors.BindingExpired),
        (418, (), errors.BindingExpired),
        (401, ("app_forbidden",), errors.PermissionMissing),
        (500, ("err_developer_key",), errors.CredentialsRefused),
        (400, (), errors.ApiError),
        (404, (), errors.ApiError),
        (409, ("conflict",), errors.ApiError),
        (302, (), errors.InvalidResponse),
        (502, (), errors.ServerError),
    ],
)
def test_a_code_wins_over_the_status(status: int, codes: tuple[str, ...], kind: type[MimecastError]) -> None:
    with pytest.raises(MimecastError) as caught:
        raise_failure(status, codes)
    assert type(caught.value) is kind
    assert str(caught.value).endswith(f" (HTTP {', '.join([str(status), *codes])})")


def test_three_codes_are_told_at_most() -> None:
    with pytest.raises(MimecastError, match=r"\(HTTP 400, code_a, code_b, code_c\)"):
        raise_failure(400, ("code_a", "code_b", "code_c", "code_d"))


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (300, "never followed: check base_url"),
        (399, "never followed: check base_url"),
        (400, "the API says that the call failed"),
        (403, "Awareness Training | Dashboard | Read"),
        (404, "does not know get-queue at this address: check base_url"),
        (405, "the API says that the call failed"),
        (418, "create a new access key"),
        (429, "raise cache.ttl"),
        (500, "nothing to do here but wait"),
    ],
)
def test_a_status_comes_with_advice(status: int, advice: str) -> None:
    with pytest.raises(MimecastError) as caught:
        raise_failure(status, ())
    assert advice in str(caught.value)


def test_what_is_no_answer_of_this_api_comes_with_advice() -> None:
    for body, advice in (
        (b"<html>", "is base_url (or region) the API's host"),
        (b'"\xff"', "not an object as this API sends it"),
        (b'{"meta": ' + b"[" * 100_000, "nested too deeply"),
        (b"{}", "no list of campaigns (`data`)"),
    ):
        with pytest.raises(errors.InvalidResponse) as caught:
            check(open_envelope(body))
        assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"x-ratelimit-reset": "3000"}, 3.0),
        ({"retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset": "3000", "retry-after": "7"}, 7.0),
        ({"x-ratelimit-reset": "9000", "retry-after": "7"}, 9.0),
        ({"x-ratelimit-reset": "999999999999"}, 3600.0),
        ({"retry-after": "1e99"}, 3600.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"x-ratelimit-reset": "500"}, 0.5),
        ({"retry-after": "0.5"}, 0.5),
        ({"x-ratelimit-reset": "0"}, None),
        ({"x-ratelimit-reset": "-5", "retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_pause_is_the_larger_of_both_headers_and_at_most_an_hour(
    headers: dict[str, str], pause: float | None
) -> None:
    assert pause_asked_for(headers) == pause
