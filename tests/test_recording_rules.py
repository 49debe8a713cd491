"""What the recording rules give, on campaigns whose numbers can be followed, and what they must not do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worlds import World, campaign, of_account, question, simulation

#: Promtool evaluates weeks of every rule; on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(300)

C, A, S = "campaign:mimecast_awareness_", "account:mimecast_awareness_", "simulation:mimecast_awareness_phishing_"


@pytest.fixture(scope="module")
def world(each_promtool: Path) -> World:
    """One account: a campaign that goes well, one that stalls, one pending, one of long ago."""
    good = campaign(
        "good",
        users_completed="0+2x20 41+1x43 84x120",
        users_correct="0x4 20x180",
        implausible="0x180",
        emails_sent="100x180",
    )
    stalled = campaign("stalled", users_completed="30x180", emails_sent="100x180") | question("stalled", "12x180")
    pending = campaign("pending", launch_timestamp_seconds="8640000x180", emails_sent="0x180")
    old = campaign("old", launch_timestamp_seconds="-34560000x180", users_completed="99x180", emails_sent="100x180")
    recent = campaign(
        "recent", launch_timestamp_seconds="-8640000x180", users_completed="90x180", emails_sent="100x180"
    )
    return World(
        each_promtool,
        good | stalled | pending | old | recent | of_account("mimecast_awareness_campaigns", "5x180"),
        "6h",
    )


def test_a_campaign_is_recorded_in_numbers_that_can_be_followed(world: World) -> None:
    expected = {
        f'{C}launch_timestamp_seconds:max{{campaign_id="pending"}}': 8640000,
        f'{C}launch:age_days{{campaign_id="good"}}': 14,
        f"{C}launch:due_days": 86,
        f'{C}emails_sent:max{{campaign_id="good"}}': 100,
        f'{C}users_completed:max{{campaign_id="good"}}': 76,
        f"{C}implausible:max": 0,
        f'{C}users_correct:max{{campaign_id="good"}}': 20,
        f'{C}users_correct:max{{campaign_id="stalled"}}': 12,
        f'{C}audience:users{{campaign_id="good"}}': 100,
        f'{C}completion:ratio{{campaign_id="good"}}': 0.76,
        f'{C}correct:ratio{{campaign_id="stalled"}}': 0.4,
        "question:mimecast_awareness_correct:ratio": 0.4,
        f'{C}users_completed:delta1d{{campaign_id="good"}}': 4,
        f'{C}users_completed:delta7d{{campaign_id="good"}}': 28,
        f'{C}users_completed:delta7d{{campaign_id="stalled"}}': 0,
        f'{C}completion:expected_ratio{{campaign_id="good"}}': 0.55,
        f'{C}behind:bool{{campaign_id="good"}}': 0,
        f'{C}behind:bool{{campaign_id="stalled"}}': 1,
        f'{C}stalled:bool{{campaign_id="good"}}': 0,
        f'{C}stalled:bool{{campaign_id="stalled"}}': 1,
        f'{C}state:enum{{campaign_id="good"}}': 2,
        f'{C}state:enum{{campaign_id="stalled"}}': 4,
        f'{C}state:enum{{campaign_id="pending"}}': 0,
        f'{C}state:enum{{campaign_id="old"}}': 6,
        f'{C}users_to_remind:count{{campaign_id="good"}}': 24,
        f'{C}users_to_remind:count{{campaign_id="stalled"}}': 70,
        f'{C}emails_sent:week1{{campaign_id="good"}}': 100,
        f'{C}users_completed:week1{{campaign_id="good"}}': 45,
        f'{C}completion:day_ratio{{campaign_id="good",day="3"}}': 0.24,
        f'{C}completion:day_ratio{{campaign_id="good",day="14"}}': 0.76,
    }
    answers = world.ask(*((expr, "14d") for expr in expected))
    got = {expr: round(answer[0].value, 9) if answer else None for expr, answer in zip(expected, answers, strict=True)}
    assert got == expected


def test_what_a_campaign_was_like_on_a_day_is_kept(world: World) -> None:
    days, half, labels = world.ask(
        (f'{C}completion:day_ratio{{campaign_id="good"}}', "40d"),
        (f'{C}completion:days_to_half{{campaign_id="good"}}', "40d"),
        (f'{C}completion:day_ratio{{campaign_id="good",day="30"}}', "40d"),
    )
    assert {sample.labels["day"]: round(sample.value, 2) for sample in days} == {
        "3": 0.24, "7": 0.48, "14": 0.76, "21": 0.84, "30": 0.84,
    }  # fmt: skip
    assert half[0].value == 7.5
    assert set(labels[0].labels) == {"__name__", "job", "account", "campaign_id", "day"}


def test_an_account_is_recorded_in_numbers_that_can_be_followed(world: World) -> None:
    expected = {
        "campaigns:max": 5,
        "campaigns_pending:count": 1,
        "campaigns_running:count": 2,
        "campaigns_on_track:count": 1,
        "campaigns_behind:count": 1,
        "campaigns_stalled:count": 1,
        "campaigns_launched:count90d": 2,
        "users_to_remind:sum": 94,
        "users_completed:delta1d": 4,
        "users_completed:delta7d": 28,
        "users_completed:sum90d": 106,
        "audience:sum90d": 200,
        "users_correct:sum90d": 32,
        "users_answered:sum90d": 106,
        "completion:ratio90d": 0.53,
        "correct:ratio90d": round(32 / 106, 9),
        "campaigns_judged:count365d": 1,
        "campaigns_on_target:count365d": 1,
        "campaigns_on_target:ratio365d": 1,
    }
    answers = world.ask(*((A + name, "14d") for name in expected))
    got = {name: round(answer[0].value, 9) if answer else None for name, answer in zip(expected, answers, strict=True)}
    assert got == expected


def test_an_account_without_campaigns_counts_none_and_has_no_ratio(each_promtool: Path) -> None:
    empty = World(each_promtool, of_account("mimecast_awareness_campaigns", "0x9"), "6h")
    counts, ratios = empty.ask((f'{{__name__=~"{A}campaigns_.*:count.*"}}', "1d"), ('{__name__=~".*:ratio.*"}', "1d"))
    assert [sample.value for sample in counts] == [0] * 6
    assert ratios == []


def test_a_campaign_is_compared_with_the_median_of_the_accounts_earlier_ones(each_promtool: Path) -> None:
    series = campaign(
        "now", launch_timestamp_seconds="4320000x280", users_completed="0x200 40x80", emails_sent="100x280"
    )
    for number, share in enumerate((40, 60, 80)):
        series |= campaign(
            str(number), users_completed=f"{share / 28}+{share / 28}x27 {share}x260", emails_sent="100x280"
        )
    world = World(each_promtool, series, "6h")
    median, half, at_seven, at_ten = world.ask(
        (f'{A}completion_day_ratio:median{{day="14"}}', "60d"),
        (f"{A}completion_days_to_half:median", "60d"),
        (f"{C}completion:account_median_ratio", "57d"),
        (f"{C}completion:account_median_ratio", "60d"),
    )
    assert median[0].value == pytest.approx(0.6)
    assert half == []  # two of three reached it
    assert at_seven[0].labels["campaign_id"] == "now"
    assert at_seven[0].value == at_ten[0].value == pytest.approx(0.6)


def test_account_labels_stay_and_the_places_of_scraping_go(each_promtool: Path) -> None:
    one = 'instance="a",pod="p",tier="gold",namespace="n"'
    series = campaign(target=one, users_completed="40x30") | campaign(
        target=one.replace('"a"', '"b"'), users_completed="40x30"
    )
    ratio, whole = World(each_promtool, series, "6h").ask((f"{C}completion:ratio", "2d"), (f"{A}audience:sum90d", "2d"))
    assert {name for name in ratio[0].labels if name != "__name__"} == {
        "job", "account", "campaign_id", "title", "tier", "namespace",
    }  # fmt: skip
    assert [sample.value for sample in whole] == [100]


def test_a_renamed_campaign_and_a_changed_tier_count_once_and_keep_their_history(each_promtool: Path) -> None:
    def half(values: str, first: bool) -> str:
        return f"{values}x300 stale" if first else f"_x300 {values}x30"

    values = {"launch_timestamp_seconds": "-1296000", "emails_sent": "100", "users_completed": "40"}
    before = campaign(
        target='instance="i",tier="silver"', **{name: half(value, True) for name, value in values.items()}
    )
    after = campaign(target='instance="i",tier="gold"', **{name: half(value, False) for name, value in values.items()})
    after = {name.replace("Title a", "Renamed"): text for name, text in after.items()}
    world = World(each_promtool, before | after, "5m")
    count, day = world.ask((f"{C}completion:ratio", "1510m"), (f"{C}users_completed:delta1d", "1510m"))
    assert [sample.labels["title"] for sample in count] == ["Renamed"]
    assert [sample.value for sample in day] == [0]


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(*(st.integers(0, 300) for _ in range(4)), st.integers(-400, 100)), min_size=1, max_size=12))
def test_no_ratio_leaves_0_to_1(each_promtool: Path, given_campaigns: list[tuple[int, int, int, int, int]]) -> None:
    series: dict[str, str] = {}
    for number, (sent, completed, correct, more, launch) in enumerate(given_campaigns):
        series |= campaign(
            str(number),
            emails_sent=f"{sent}x20 {sent + more}x20",
            users_completed=f"{completed}x40",
            users_correct=f"{correct}x40",
            launch_timestamp_seconds=f"{launch * 86400}x40",
        ) | simulation(str(number), f"{completed}x40", -launch, sent=f"{sent}x40")
    (ratios,) = World(each_promtool, series, "6h").ask(('{__name__=~".*ratio.*",__name__!~".*threshold"}', "9d"))
    assert all(0 <= sample.value <= 1 for sample in ratios), ratios


def test_simulations_grades_and_videos_are_recorded(each_promtool: Path) -> None:
    series: dict[str, str] = {}
    for number, clicks in enumerate((10, 20, 30)):
        series |= simulation(str(number), f"{clicks}x40", 40 + number)
        series |= {
            name.replace("clicked", "submitted"): f"{number}x40"
            for name in series
            if f'"{number}"' in name and "clicked" in name
        }
    series |= simulation("none", "5x40", 3, sent="0x40")
    for grade, users in {"a": 50, "b": 20, "c": 10, "d": 15, "f": 5}.items():
        series |= of_account("mimecast_awareness_safe_score_users", f"{users}x40", grade=grade)
    series |= of_account("mimecast_awareness_performance_videos_sent", "200x40")
    series |= of_account("mimecast_awareness_performance_videos_not_watched", "50x40")
    expected = {
        f'{S}launch:age_days{{campaign_id="0"}}': 42,
        f'{S}clicked:ratio{{campaign_id="1"}}': 0.2,
        f'{S}submitted:ratio{{campaign_id="2"}}': 0.02,
        f"count({S}clicked:ratio)": 3,
        f"{A}phishing_clicked:median": 0.2,
        f"{A}phishing_submitted:median": 0.01,
        f"{A}safe_score_low_grades:ratio": 0.2,
        f"{A}safe_score_low_grades:average30d": 0.2,
        f"{A}performance_videos_not_watched:ratio": 0.25,
    }
    answers = World(each_promtool, series, "6h").ask(*((expr, "2d") for expr in expected))
    got = {expr: round(answer[0].value, 9) if answer else None for expr, answer in zip(expected, answers, strict=True)}
    assert got == expected


def test_jobs_of_single_accounts_are_known_for_a_week(each_promtool: Path) -> None:
    series = {
        'up{job="mimecast",instance="acme"}': "1x4 0x20",
        'probe_success{job="mimecast",instance="acme"}': "1x4 stale",
    }
    up, probes, later = World(each_promtool, series, "6h").ask(
        ("job:mimecast_up:max", "2d"), ("job:mimecast_probe_targets:bool", "2d"), ("job:mimecast_up:max", "6h")
    )
    assert [samples[0].value for samples in (up, probes, later)] == [0, 1, 1]
