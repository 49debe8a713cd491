from __future__ import annotations

from typing import Any

import pytest

from exporter.collectors.safe_score import SAFE_SCORE
from tests.collectors.reading import samples_of
from tests.vendor_samples import SAFE_SCORE as ITEM

LINES = {
    "a": 'mimecast_awareness_safe_score_users{account="acme",grade="a"} 5',
    "b": 'mimecast_awareness_safe_score_users{account="acme",grade="b"} 4',
    "c": 'mimecast_awareness_safe_score_users{account="acme",grade="c"} 3',
    "d": 'mimecast_awareness_safe_score_users{account="acme",grade="d"} 2',
    "f": 'mimecast_awareness_safe_score_users{account="acme",grade="f"} 1',
}


def test_the_users_of_each_grade_are_exported() -> None:
    assert samples_of(SAFE_SCORE, ITEM) == list(LINES.values())


@pytest.mark.parametrize("grade", LINES)
def test_a_grade_that_is_left_out_is_absent_and_one_without_users_is_0(grade: str) -> None:
    counts = ITEM["scoreCounts"]
    others = [line for name, line in LINES.items() if name != grade]
    assert samples_of(SAFE_SCORE, {"scoreCounts": {name: counts[name] for name in counts if name != grade}}) == others
    assert samples_of(SAFE_SCORE, {"scoreCounts": {name: counts[name] for name in reversed(counts)}}) == list(
        LINES.values()
    )
    zero = f'mimecast_awareness_safe_score_users{{account="acme",grade="{grade}"}} 0'
    assert zero in samples_of(SAFE_SCORE, {"scoreCounts": counts | {grade: 0}})


@pytest.mark.parametrize("nonsense", [None, "many", -1, [1], {"users": 1}])
def test_a_count_that_is_not_understood_takes_no_other_with_it(nonsense: Any) -> None:
    assert samples_of(SAFE_SCORE, {"scoreCounts": ITEM["scoreCounts"] | {"c": nonsense}}) == [
        line for grade, line in LINES.items() if grade != "c"
    ]


@pytest.mark.parametrize("item", [None, 5, [], {}, {"scoreCounts": None}, {"scoreCounts": [5]}, {"scoreCounts": {}}])
def test_without_scores_there_is_no_series(item: Any) -> None:
    assert samples_of(SAFE_SCORE, item) == []


def test_a_grade_that_there_is_not_is_left_out() -> None:
    assert samples_of(SAFE_SCORE, {"scoreCounts": ITEM["scoreCounts"] | {"e": 9, "A": 9}}) == list(LINES.values())


def test_of_several_items_the_first_is_exported() -> None:
    assert samples_of(SAFE_SCORE, ITEM, {"scoreCounts": {"a": 99}}) == list(LINES.values())
