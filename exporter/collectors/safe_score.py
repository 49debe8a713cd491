"""The collector `safe_score`: users by SAFE Score grade (`company/get-safe-score-summary`).

Field names follow the vendor's page; no recording of an answer is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.collectors.base import Collector, Family
from exporter.collectors.fields import count, decode_fields
from exporter.config import Account
from exporter.exposition.family import Sample
from exporter.mimecast import Endpoint

#: From the best to the worst; there is no e.
GRADES = ("a", "b", "c", "d", "f")

_GRADE_LABELS = {grade: (grade,) for grade in GRADES}


class SafeScore(msgspec.Struct, frozen=True, gc=False):
    """Users by grade; a grade that the API leaves out is missing."""

    users: Mapping[str, int] = {}


class _Item(msgspec.Struct, rename="camel", gc=False):
    score_counts: Any = None


_decoder = msgspec.json.Decoder(_Item)


def decode(item: bytes | memoryview | msgspec.Raw, _account: Account) -> SafeScore | None:
    """Return the scores of one item of `data`, or None if it is not an object."""
    fields = decode_fields(item, _decoder)
    if fields is None:
        return None
    given = fields.score_counts if isinstance(fields.score_counts, dict) else {}
    return SafeScore({grade: users for grade in GRADES if (users := count(given.get(grade))) is not None})


def _by_grade(score: SafeScore) -> list[Sample]:
    return [(_GRADE_LABELS[grade], users) for grade, users in score.users.items()]


SAFE_SCORE = Collector(
    name="safe_score",
    help="SAFE Scores: the users of each grade, from a (best) to f.",
    endpoint=Endpoint("company/get-safe-score-summary", permission="Awareness Training | Dashboard | Read"),
    decode=decode,
    families=(
        Family(
            "mimecast_awareness_safe_score_users",
            "Users with the SAFE Score grade, from a (best) to f; there is no e.",
            _by_grade,
            "scoreCounts.a, scoreCounts.b, scoreCounts.c, scoreCounts.d, scoreCounts.f",
            labels=("grade",),
        ),
    ),
)
