"""A training campaign: what the API says of it, as typed values.

Decoding is lenient field by field: what is missing, null or not understood becomes None, and the rest lives. Sources:
the vendor's page of get-queue (names as there), its older edition and recordings of a sibling endpoint (variants).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from .answers import CorrectAnswers, interpret
from .envelope import parse_leniently, replace_surrogates

#: Characters of a title that are kept.
LONGEST_TITLE = 200
#: Counts above this cannot be told apart by the clients that read them (IEEE 754 doubles).
LARGEST_COUNT = 2**53
#: Questions and options have small numbers; a key with a larger one is not one of them.
LARGEST_NUMBER = 99

_OPTIONS = {f"option-{number}": number for number in range(1, LARGEST_NUMBER + 1)}
_QUESTIONS = {f"forQuestion{number}": number for number in range(1, LARGEST_NUMBER + 1)}

AnswerMeaning = Literal["count", "option"]


class Campaign(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One campaign of the queue.

    Attributes:
        secure_id: Mimecast's own id, about 200 characters; holds the customer's account code.
        campaign_id: the first 12 hex digits of the SHA-256 of `secure_id`.
        title: trimmed, at most `LONGEST_TITLE` characters.
        launch_time: seconds since the epoch, in the future for a pending campaign.
        emails_sent: mails, so reminders may count.
        users_completed: users, those that answered wrongly included.
        users_correct: users, where the API gives it.
        option_counts: option number to users that chose it.
        answers: what is known of the correct answers.

    """

    secure_id: str
    campaign_id: str
    title: str
    launch_time: float | None = None
    emails_sent: int | None = None
    users_completed: int | None = None
    users_correct: int | None = None
    locked: bool | None = None
    assign_to_new_users: bool | None = None
    email_customized: bool | None = None
    custom_module: bool = False
    custom_content: bool = False
    option_counts: Mapping[int, int] = {}
    answers: CorrectAnswers = CorrectAnswers()


class _Wire(msgspec.Struct, rename="camel", gc=False):
    """The fields that are read; mail bodies and image links are left out, so that they are never decoded."""

    id: Any = None
    title: Any = None
    launch_date: Any = None
    num_sent: Any = None
    num_completed: Any = None
    num_correct: Any = None
    num_correct_answers: Any = None
    locked: Any = None
    assign_to_new_users: Any = None
    email_customized: Any = None
    custom_content_id: Any = None
    custom_answer: Any = None
    option_spread: Any = None


_decoder = msgspec.json.Decoder(_Wire)


def decode_campaign(item: bytes | memoryview | msgspec.Raw, meaning: AnswerMeaning = "count") -> Campaign | None:
    """One item of `data`, or None where it is no object, has no id or no title.

    `meaning` tells what `title.correctAnswers.forQuestionN` holds, see `answers.interpret`.
    """
    wire = _decode(item)
    if wire is None:
        return None
    title_fields = wire.title if isinstance(wire.title, dict) else {"title": wire.title}
    secure_id, title = _text(wire.id), _text(title_fields.get("title"))[:LONGEST_TITLE].rstrip()
    if not secure_id or not title:
        return None
    completed, correct, options = (
        count(wire.num_completed),
        count(wire.num_correct),
        _numbered(wire.option_spread, _OPTIONS),
    )
    custom_answer = wire.custom_answer if isinstance(wire.custom_answer, dict) else {}
    return Campaign(
        secure_id=secure_id,
        campaign_id=hashlib.sha256(secure_id.encode()).hexdigest()[:12],
        title=title,
        launch_time=timestamp(wire.launch_date),
        emails_sent=count(wire.num_sent),
        users_completed=completed,
        users_correct=correct,
        locked=flag(wire.locked),
        assign_to_new_users=flag(wire.assign_to_new_users),
        email_customized=flag(wire.email_customized),
        custom_module=_custom_module(title_fields),
        custom_content=bool(_text(wire.custom_content_id)),
        option_counts=options,
        answers=interpret(
            meaning=meaning,
            documented=_numbered(title_fields.get("correctAnswers"), _QUESTIONS),
            counted=_numbered(wire.num_correct_answers, _QUESTIONS),
            custom_option=_option_number(custom_answer.get("answerNumber")),
            title_option=_option_number(title_fields.get("correctAnswer")),
            option_counts=options,
            users_completed=completed,
            users_correct=correct,
        ),
    )


def _decode(item: bytes | memoryview | msgspec.Raw) -> _Wire | None:
    try:
        return _decoder.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return msgspec.convert(parse_leniently(memoryview(item)), _Wire)
    except ValueError:  # of which msgspec.ValidationError is one
        return None


def count(value: Any) -> int | None:
    """A whole number of mails, users or answers; it may come as `5`, `5.0`, `"5"`. None for anything else."""
    if type(value) is int and 0 <= value <= LARGEST_COUNT:
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value) or not value.is_integer():
            return None
        value = int(value)
    return value if 0 <= value <= LARGEST_COUNT else None


def flag(value: Any) -> bool | None:
    """A boolean; it may come as `true`, `"true"` or 1. None for anything else."""
    if value is True or value is False:
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return bool(value) if value in (0, 1) and isinstance(value, int | float) else None


def timestamp(value: Any) -> float | None:
    """Seconds since the epoch of an ISO 8601 date such as `2022-01-11T23:32:00+0000`; without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return replace_surrogates(value).strip() if isinstance(value, str) else ""


def _numbered(value: Any, numbers: Mapping[str, int]) -> dict[int, int]:
    """`{"option-1": 4, "option-2": 0}` as `{1: 4, 2: 0}`, in the order of the numbers; other keys are left out."""
    if not value or not isinstance(value, dict):
        return {}
    found = {
        number: amount
        for key, given in value.items()
        if (number := numbers.get(key)) and (amount := count(given)) is not None
    }
    return dict(sorted(found.items())) if len(found) > 1 else found


def _option_number(value: Any) -> int | None:
    number = count(value)
    return number if number is not None and 1 <= number <= LARGEST_NUMBER else None


def _custom_module(title_fields: Mapping[str, Any]) -> bool:
    return bool(flag(title_fields.get("titleForCustomerModule")) or flag(title_fields.get("titleForCustomModule")))
