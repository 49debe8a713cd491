from __future__ import annotations

from typing import Any

import pytest

from exporter.collectors.performance import PERFORMANCE
from tests.collectors.reading import samples_of
from tests.vendor_samples import PERFORMANCE as ITEM

BY_ANSWERS = "mimecast_awareness_performance_users_by_incorrect_answers"
LINES = {
    "numParticipating": 'mimecast_awareness_performance_participating_users{account="acme"} 200',
    "numZeroIncorrect": f'{BY_ANSWERS}{{account="acme",incorrect="0"}} 150',
    "numOneIncorrect": f'{BY_ANSWERS}{{account="acme",incorrect="1"}} 30',
    "numTwoIncorrect": f'{BY_ANSWERS}{{account="acme",incorrect="2"}} 12',
    "numThreeIncorrect": f'{BY_ANSWERS}{{account="acme",incorrect="3"}} 6',
    "numFourOrMoreIncorrect": f'{BY_ANSWERS}{{account="acme",incorrect="4+"}} 2',
    "numVideosSent": 'mimecast_awareness_performance_videos_sent{account="acme"} 1800',
    "numVideosNotWatched": 'mimecast_awareness_performance_videos_not_watched{account="acme"} 240',
}


def test_the_summary_is_exported_field_by_field_and_no_department_is_named() -> None:
    assert samples_of(PERFORMANCE, ITEM) == list(LINES.values())


@pytest.mark.parametrize("field", LINES)
@pytest.mark.parametrize("nonsense", [None, "many", [], {}, -1, 0.5])
def test_a_field_that_is_missing_or_not_understood_has_no_sample_and_takes_no_other_with_it(
    field: str, nonsense: Any
) -> None:
    others = [line for name, line in LINES.items() if name != field]
    assert samples_of(PERFORMANCE, ITEM | {field: nonsense}) == others
    assert samples_of(PERFORMANCE, {name: value for name, value in ITEM.items() if name != field}) == others


@pytest.mark.parametrize("item", [None, 5, [], "text", {}])
def test_without_numbers_there_is_no_series(item: Any) -> None:
    assert samples_of(PERFORMANCE, item) == []


def test_of_several_items_the_first_is_exported() -> None:
    assert samples_of(PERFORMANCE, ITEM, {"numVideosSent": 1}) == list(LINES.values())
