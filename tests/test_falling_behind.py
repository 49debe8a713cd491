"""The alerts about campaigns that fall behind, judged on simulated campaigns of many shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.shapes import SHAPES, campaigns
from benchmarks.training import NUMBER, SEED, Judgement, judge

#: Thirty days of 312 campaigns take promtool most of a minute, so that one version of it judges, and once.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def judged(promtool: Path) -> Judgement:
    return judge(promtool, campaigns(NUMBER, SEED))


def test_there_are_campaigns_of_every_shape_that_reach_the_target_and_that_do_not(judged: Judgement) -> None:
    for shape in SHAPES:
        of_shape = {number for number, campaign in enumerate(judged.campaigns) if campaign.shape == shape}
        assert judged.below((shape,))
        assert of_shape - judged.below((shape,))


def test_four_of_five_campaigns_that_miss_the_target_are_named_by_day_21_and_three_of_five_by_day_14(
    judged: Judgement,
) -> None:
    assert judged.recall(14) >= 0.6
    assert judged.recall(21) >= 0.8


def test_at_most_15_percent_of_the_campaigns_that_reach_the_target_are_ever_named(judged: Judgement) -> None:
    assert judged.false_alarms() <= 0.15


def test_the_simulation_is_the_same_each_time() -> None:
    assert campaigns(20, 7) == campaigns(20, 7)
    assert campaigns(20, 7) != campaigns(20, 8)
