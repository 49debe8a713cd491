from __future__ import annotations

import hashlib
import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.campaigns import Campaign, decode
from exporter.collectors.fields import count, flag, timestamp
from exporter.mimecast.answers import CorrectAnswers
from tests.serving import HMAC, account
from tests.vendor_samples import NEWER, OLDER

ACCOUNT = account("acme", "https://api.example", HMAC)


def decoded(item: Any, **changes: Any) -> Campaign:
    campaign = decode(json.dumps(item | changes).encode(), ACCOUNT)
    assert campaign is not None
    return campaign


def test_the_older_sample_is_read_field_by_field() -> None:
    campaign = decoded(OLDER)
    assert campaign == Campaign(
        secure_id="b2xkZXItc2FtcGxl",
        campaign_id=hashlib.sha256(b"b2xkZXItc2FtcGxl").hexdigest()[:12],
        title="Older sample",
        launch_time=1641943920.0,
        emails_sent=5,
        users_completed=5,
        users_correct=4,
        locked=True,
        assign_to_new_users=True,
        email_customized=True,
        custom_module=False,
        custom_content=True,
        option_counts={1: 1, 2: 0, 3: 4, 4: 0},
        answers=CorrectAnswers(by_question={}, correct_option=3),
    )


def test_the_newer_fields_are_read_field_by_field() -> None:
    campaign = decoded(NEWER)
    assert campaign == Campaign(
        secure_id="bmV3ZXItc2FtcGxl",
        campaign_id=hashlib.sha256(b"bmV3ZXItc2FtcGxl").hexdigest()[:12],
        title="Newer fields",
        launch_time=1772352000.0,
        emails_sent=120,
        users_completed=90,
        users_correct=None,
        locked=False,
        assign_to_new_users=False,
        email_customized=False,
        custom_module=True,
        custom_content=False,
        option_counts={1: 80, 2: 4, 3: 5, 4: 1},
        answers=CorrectAnswers(by_question={1: 80, 2: 75, 3: 60}),
    )


def test_the_title_s_own_answer_is_the_correct_option_where_nothing_overrides_it() -> None:
    assert decoded(OLDER, customAnswer=None).answers.correct_option == 1
    assert decoded(OLDER, customAnswer={"answerNumber": 0}).answers.correct_option == 1


@pytest.mark.parametrize(("number", "option"), [(1, 1), (2, 2), (99, 99), (0, None), (100, None), (-1, None), ("3", 3)])
def test_an_option_has_a_number_from_1_to_99(number: Any, option: int | None) -> None:
    item = OLDER | {"customAnswer": {"answerNumber": number}, "title": {"title": "t"}}
    assert decoded(item).answers.correct_option == option


def test_a_title_may_come_as_text() -> None:
    assert decoded({"id": "x", "title": " Bare "}).title == "Bare"


def test_options_come_in_the_order_of_their_numbers() -> None:
    for spread in ({"option-2": 5, "option-1": 7}, {"option-10": 1, "option-3": 2, "option-2": 3}):
        assert list(decoded(NEWER, optionSpread=spread).option_counts) == sorted(int(key[7:]) for key in spread)


@pytest.mark.parametrize(
    "changes",
    [
        {"numCompleted": 79},
        {"numCompleted": 90, "numCorrect": 79},
        {"numCompleted": 90, "optionSpread": {"option-1": 60, "option-2": 30}},
    ],
)
def test_counts_of_answers_are_held_to_the_other_counts(changes: dict[str, Any]) -> None:
    title = {"title": "t", "correctAnswers": {"forQuestion1": 80}}
    assert not decoded(NEWER, title=title).answers.implausible
    assert decoded(NEWER, title=title, **changes).answers.implausible


def test_the_sibling_endpoints_names_are_understood_as_well() -> None:
    title = {"title": "Sibling", "titleForCustomModule": True, "correctAnswers": {"forQuestion1": 4}}
    campaign = decoded({"id": "x", "title": title, "numCompleted": 9, "numCorrectAnswers": {"forQuestion1": 7}})
    assert campaign.custom_module
    assert campaign.answers.by_question == {1: 7}
    assert campaign.answers.implausible


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, 5),
        (0, 0),
        (5.0, 5),
        ("5", 5),
        ("5.0", 5),
        (" 7 ", 7),
        (1, 1),
        (2**53, 2**53),
        (float(2**53), 2**53),
        ("0", 0),
        ("1", 1),
        (-1, None),
        (-0.5, None),
        (5.5, None),
        (True, None),
        (None, None),
        ("", None),
        ("many", None),
        ("nan", None),
        ("inf", None),
        (float("nan"), None),
        (float("inf"), None),
        (2**53 + 1, None),
        ([5], None),
        ({"n": 5}, None),
    ],
)
def test_a_count_is_a_whole_number_that_is_not_negative(given: Any, expected: int | None) -> None:
    assert count(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        (1, True),
        (0, False),
        (2, None),
        ("yes", None),
        (None, None),
        ([], None),
    ],
)
def test_a_flag_is_true_or_false_or_not_known(given: Any, expected: bool | None) -> None:
    assert flag(given) is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2022-01-11T23:32:00+0000", 1641943920.0),
        ("2022-01-11T23:32:00Z", 1641943920.0),
        ("2022-01-11T23:32:00", 1641943920.0),
        ("2022-01-12T01:32:00+02:00", 1641943920.0),
        ("1900-01-01T00:00:00+0000", -2208988800.0),
        ("9999-12-31T23:59:59+0000", 253402300799.0),
        ("9999-12-31T23:59:59.9999999Z", 253402300799.0),
        ("0001-01-01T00:00:00+1400", None),
        ("9999-12-31T23:59:59-0100", None),
        ("1970-01-01T00:00:00+00:00", None),
        ("1969-12-31T19:00:00-05:00", None),
        ("2022-13-45", None),
        ("soon", None),
        ("", None),
        (1641943920, None),
        (None, None),
    ],
)
def test_a_launch_date_is_iso_8601(given: Any, expected: float | None) -> None:
    assert timestamp(given) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(1970, 12, 31)), st.integers(-14 * 60, 14 * 60))
def test_a_launch_date_of_1970_is_never_in_any_time_zone(moment: datetime, offset: int) -> None:
    assert timestamp(moment.replace(tzinfo=timezone(timedelta(minutes=offset))).isoformat()) is None


def test_a_launch_date_without_an_offset_is_utc_wherever_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert timestamp("2022-01-11T23:32:00") == 1641943920.0
    time.tzset()


@pytest.mark.parametrize(
    "item",
    [None, 1, "text", [], {}, {"id": "x"}, {"title": {"title": "t"}}, {"id": "", "title": {"title": "t"}},
     {"id": "x", "title": {"title": "  "}}, {"id": "x", "title": {}}, {"id": "x", "title": None},
     {"id": 5, "title": "t"}],
)  # fmt: skip
def test_an_item_without_id_or_title_is_no_campaign(item: Any) -> None:
    assert decode(json.dumps(item).encode(), ACCOUNT) is None


@pytest.mark.parametrize("field", [name for name in NEWER if name not in ("id", "title")])
@pytest.mark.parametrize("nonsense", [None, "nonsense", [], {}, -1, [[[]]], {"a": {"b": 1}}])
def test_a_field_that_cannot_be_understood_takes_no_other_with_it(field: str, nonsense: Any) -> None:
    whole, damaged = decoded(NEWER), decoded(NEWER, **{field: nonsense})
    assert damaged.title == whole.title
    others = {"numSent": "emails_sent", "numCompleted": "users_completed", "launchDate": "launch_time"}
    for wire_name, name in others.items():
        expected = None if wire_name == field else getattr(whole, name)
        assert getattr(damaged, name) == expected


def test_unknown_fields_are_passed_over() -> None:
    assert decoded(NEWER, brandNew={"deep": [1, 2, {"er": None}]}) == decoded(NEWER)


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("  spaced out \n", "spaced out"),
        ('quo"te back\\slash new\nline', 'quo"te back\\slash new\nline'),
        ("🎣 phishing", "🎣 phishing"),
        ("אבטחת מידע", "אבטחת מידע"),
        ("x" * 250, "x" * 200),
        ("x" * 199 + "  y", "x" * 199),
        ("half a pair \ud83c", "half a pair \ufffd"),
    ],
)
def test_titles_are_trimmed_and_cut_and_never_otherwise_changed(title: str, kept: str) -> None:
    assert decoded(NEWER, title={"title": title}).title == kept


@pytest.mark.parametrize(
    "damage", [b'"\xff\xfe"', b'"a\x01b"', b'"\\ud800"', b"NaN", b"-Infinity", b"1e400", b"1" * 400], ids=repr
)
def test_one_bad_character_costs_its_field_and_no_more(damage: bytes) -> None:
    item = b'{"id": "x", "title": {"title": "t"}, "numSent": 7, "numCompleted": ' + damage + b"}"
    campaign = decode(item, ACCOUNT)
    assert campaign is not None
    assert (campaign.emails_sent, campaign.users_completed) == (7, None)
