from __future__ import annotations

import re

import pytest

from exporter.collectors.campaigns import Campaign
from exporter.collectors.selection import select
from exporter.config import CampaignFilter

NOW = 1_790_000_000.0
DAY = 86400.0


def campaign(title: str, days_ago: float | None = 1.0) -> Campaign:
    launch = None if days_ago is None else NOW - days_ago * DAY
    return Campaign(secure_id=title, campaign_id=title, title=title, launch_time=launch)


OLD, NEW, PENDING, UNDATED = (
    campaign("Old", 500),
    campaign("New", 3),
    campaign("Pending", -5),
    campaign("Undated", None),
)
ALL = (OLD, NEW, PENDING, UNDATED)


def kept(**wanted: object) -> tuple[list[str], dict[str, int]]:
    settings = {
        name: tuple(re.compile(text, re.DOTALL) for text in value) if isinstance(value, list) else value
        for name, value in wanted.items()
    }
    campaigns, skipped = select(ALL, CampaignFilter(**settings), NOW)  # type: ignore[arg-type] # a test's shorthand
    return [one.title for one in campaigns], {why: number for why, number in skipped.items() if number}


def test_without_filters_everything_is_kept_in_its_order() -> None:
    assert kept() == (["Old", "New", "Pending", "Undated"], {})


@pytest.mark.parametrize(
    ("wanted", "titles", "left_out"),
    [
        ({"include": ["New|Old"]}, ["Old", "New"], {"filtered": 2}),
        ({"include": ["N"]}, [], {"filtered": 4}),
        ({"exclude": ["P.*", "Und.*"]}, ["Old", "New"], {"filtered": 2}),
        ({"include": [".*d"], "exclude": ["Old"]}, ["Undated"], {"filtered": 3}),
        ({"max_age": 400 * DAY}, ["New", "Pending", "Undated"], {"too_old": 1}),
        ({"max_age": 1.0}, ["Pending", "Undated"], {"too_old": 2}),
        ({"limit": 3}, ["New", "Pending", "Undated"], {"limit": 1}),
        ({"limit": 4}, ["Old", "New", "Pending", "Undated"], {}),
        (
            {"exclude": ["New"], "max_age": 400 * DAY, "limit": 1},
            ["Undated"],
            {"filtered": 1, "too_old": 1, "limit": 1},
        ),
    ],
    ids=str,
)
def test_filters_match_whole_titles_then_age_then_the_limit_drops_the_oldest(
    wanted: dict[str, object], titles: list[str], left_out: dict[str, int]
) -> None:
    assert kept(**wanted) == (titles, left_out)
