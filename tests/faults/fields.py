"""Wrong values in each field that is read: it has no sample, never a zero, and the rest of the campaign lives."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from tests.faults.fault import Fault, raw_json
from tests.vendor_samples import NEWER, OLDER

#: JSON that is no number of users, no date, no truth and no list of counts.
WRONG = ("null", "[]", "{}", "-1", "0.5", "NaN", "1e400", "[[[[1]]]]", '{"a": {"b": 1}}', '"9999-99-99"', '"odd text"')
#: Of these, those that are text as good as any.
TEXTS = 2

_PREFIX = "mimecast_awareness_campaign_"
#: Field, and the samples that a wrong value leaves out: metric and labels. No metric: the field has others beside it.
_FIELDS: dict[str, tuple[str, Mapping[str, str]] | None] = {
    "numSent": ("emails_sent", {}),
    "numCompleted": ("users_completed", {}),
    "numCorrect": ("users_correct", {}),
    "numCorrectAnswers": None,
    "numCorrectAnswers.forQuestion4": ("correct_answers", {"question": "4"}),
    "launchDate": ("launch_timestamp_seconds", {}),
    "locked": ("locked", {}),
    "assignToNewUsers": ("assign_to_new_users", {}),
    "emailCustomized": ("email_customized", {}),
    "customContentId": None,
    "customAnswer": None,
    "customAnswer.answerNumber": None,
    "optionSpread": ("answers", {}),
    "optionSpread.option-2": ("answers", {"option": "2"}),
    "title.correctAnswer": None,
    "title.correctAnswers": ("correct_answers", {}),
    "title.correctAnswers.forQuestion2": ("correct_answers", {"question": "2"}),
    "title.titleForCustomerModule": None,
    "title.titleForCustomModule": None,
    "emailMsg": None,
    "customGifs": None,
}
#: Fields without which a campaign cannot be: only where they hold text is there one.
_NEEDED = ("id", "title", "title.title")


def _odd(field: str, number: int) -> dict[str, Any]:
    item = copy.deepcopy(NEWER) | {"id": f"odd-{number}"}
    item["title"]["title"] = f"Odd {number}"
    *path, last = field.split(".")
    inner = item
    for name in path:
        inner = inner.setdefault(name, {})
    inner[last] = f"@{number}"
    return item


def _queue(field: str) -> bytes:
    text = json.dumps({"fail": [], "meta": {"status": 200}, "data": [OLDER, *_items(field)]})
    for number, value in enumerate(WRONG):
        text = text.replace(f'"@{number}"', value)
    return raw_json(text)


def _items(field: str) -> list[dict[str, Any]]:
    # From the last to the first, so that @1 does not stand for the beginning of @10.
    return [_odd(field, number) for number in range(len(WRONG))]


def _absent(field: str) -> list[tuple[str, Mapping[str, str]]]:
    found = _FIELDS.get(field)
    if found is None:
        return []
    metric, labels = found
    return [(_PREFIX + metric, {"title": f"Odd {number}", **labels}) for number in range(len(WRONG))]


FIELD_FAULTS: dict[str, Fault] = {
    f"wrong values of {field}": Fault(
        _queue(field), kept=1 + (TEXTS if field in _NEEDED else len(WRONG)), absent=_absent(field)
    )
    for field in (*_FIELDS, *_NEEDED)
}
