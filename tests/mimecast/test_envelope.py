"""Answers split into their parts: what is lenient, what is refused, and what names a further page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.campaigns import decode
from exporter.config import Account
from exporter.mimecast import errors
from exporter.mimecast.envelope import UNCLEAR, Envelope, meta_status, next_page_token, open_envelope
from tests.vendor_samples import NEWER, answer

#: What JSON can hold; numbers that are whole and small are among them.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def envelope_with(**parts: Any) -> Envelope:
    return open_envelope(json.dumps(answer(**parts)).encode())


def test_an_empty_queue_is_an_answer() -> None:
    assert envelope_with().data == []


@pytest.mark.parametrize("meta", [None, {}, [], "", {"status": None}])
def test_a_meta_that_says_nothing_is_no_failure(meta: Any) -> None:
    assert meta_status(envelope_with(meta=meta)) == 200


@given(status=st.integers(100, 999), text=st.sampled_from(["", " OK", " Internal Server Error", "\n", ": x", "-y"]))
def test_a_status_is_the_same_as_number_and_as_text(status: int, text: str) -> None:
    for value in (status, float(status), str(status), f" {status}", f"{status}.0", f"{status}{text}"):
        assert meta_status(envelope_with(meta={"status": value})) == status


@given(status=JSON)
def test_a_status_that_is_not_understood_is_never_that_of_a_success(status: Any) -> None:
    found = meta_status(envelope_with(meta={"status": status}))
    assert (found == 200) == (status is None or (type(status) in (int, float) and status == 200)) or (
        isinstance(status, str) and status.strip().startswith("200")
    )


@pytest.mark.parametrize("meta", [5, True, "fine", [1], {"status": True}, {"status": 200.5}, {"status": "20"}])
def test_a_meta_that_is_not_understood_has_no_clear_status(meta: Any) -> None:
    assert meta_status(envelope_with(meta=meta)) == UNCLEAR


@pytest.mark.parametrize("body", ["", "<html>Sign in</html>", '{"data": [', "{" * 5, "[" * 100_000])
def test_what_is_no_json_is_an_invalid_response(body: str) -> None:
    with pytest.raises(errors.InvalidResponse):
        open_envelope(body.encode())


@pytest.mark.parametrize("body", [b'"bad \\ud800"', b'"control \x01"', b"NaN", b'"not UTF-8 \xff"'], ids=repr)
def test_one_bad_character_in_a_mail_does_not_lose_the_answer(body: bytes) -> None:
    good = json.dumps(NEWER)[:-1].encode()
    envelope = open_envelope(b'{"data": [' + good + b', "emailMsg": {"body": ' + body + b"}}]}")
    assert envelope.data is not None
    account = Account(name="acme")
    (campaign,) = (decode(item, account) for item in envelope.data)
    assert campaign == decode(good + b"}", account)


@pytest.mark.parametrize("part", ["meta", "fail", "error", "errors"])
@given(value=JSON)
def test_a_bad_character_elsewhere_hides_no_part(part: str, value: Any) -> None:
    text = json.dumps(answer(**{part: value})).encode()
    damaged = open_envelope(text[:-1] + b', "x": "\x01"}')
    assert repr(getattr(damaged, part)) == repr(getattr(open_envelope(text), part))


def test_a_byte_order_mark_is_passed_over() -> None:
    assert open_envelope(b"\xef\xbb\xbf" + json.dumps(answer()).encode()).data == []


@pytest.mark.parametrize(
    ("meta", "token"),
    [
        ({"pagination": {"next": "abc"}}, "abc"),
        ({"pagination": {"pageSize": 25, "totalCount": 3}}, None),
        ({"pagination": {"next": None}}, None),
        ({"pagination": {"next": ""}}, None),
        ({"pagination": []}, None),
        ({"pagination": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_next_page_is_named_in_meta_pagination(meta: Any, token: str | None) -> None:
    assert next_page_token(open_envelope(json.dumps(answer(meta=meta)).encode())) == token


@given(token=JSON.filter(lambda token: token not in (None, "") and not isinstance(token, str)))
def test_a_next_page_that_is_not_understood_is_never_the_end(token: Any) -> None:
    with pytest.raises(errors.InvalidResponse, match="invalid page token"):
        next_page_token(envelope_with(meta={"status": 200, "pagination": {"next": token}}))


@given(pagination=JSON.filter(lambda value: value and not isinstance(value, dict)))
def test_a_pagination_that_is_not_understood_is_never_the_end(pagination: Any) -> None:
    with pytest.raises(errors.InvalidResponse, match="invalid page token"):
        next_page_token(envelope_with(meta={"status": 200, "pagination": pagination}))


def test_an_answer_of_another_server_has_an_error_with_advice() -> None:
    for body, advice in (
        (b"<html>", "check base_url (or region)"),
        (b'"\xff"', "but not an object"),
        (b'{"meta": ' + b"[" * 100_000, "nested too deeply"),
    ):
        with pytest.raises(errors.InvalidResponse) as caught:
            open_envelope(body)
        assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("top", "next"),
        ("top", "nextPageToken"),
        ("meta", "next"),
        ("meta", "nextPageToken"),
        ("pagination", "nextPageToken"),
    ],
)
@given(token=st.text(min_size=1) | st.integers() | st.booleans() | st.just({"a": 1}))
def test_a_next_page_that_is_named_elsewhere_is_never_the_end(where: str, name: str, token: Any) -> None:
    body: dict[str, Any] = {"data": [], "meta": {"status": 200, "pagination": {"pageSize": 1}}}
    place = {"top": body, "meta": body["meta"], "pagination": body["meta"]["pagination"]}[where]
    place[name] = token
    with pytest.raises(errors.InvalidResponse):
        next_page_token(open_envelope(json.dumps(body).encode()))
