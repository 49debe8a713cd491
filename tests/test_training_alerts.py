"""The alerts about training: not yet, firing, resolved, through gaps, and what must not fire."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worlds import World, campaign, of_account, question, simulation

#: Promtool evaluates weeks of every rule; on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(300)

BEHIND, LOW, STALLED = "MimecastCampaignBehind", "MimecastCampaignCompletionLow", "MimecastCampaignStalled"


def test_nothing_sent_a_day_after_the_launch_until_it_is(each_promtool: Path) -> None:
    unsent = campaign("a", emails_sent="0x48 80x200", users_completed="0x300")
    pending = campaign("b", launch_timestamp_seconds="8640000x300", emails_sent="0x300")
    old = campaign("c", launch_timestamp_seconds="-3456000x300", emails_sent="0x300")
    before, firing, after = World(each_promtool, unsent | pending | old).firing(
        "MimecastCampaignNothingSent", "25h", "30h", "60h"
    )
    assert (before, after) == ([], [])
    assert [alert["campaign_id"] for alert in firing] == ["a"]


def test_completion_is_low_two_weeks_after_the_launch_until_it_is_not(each_promtool: Path) -> None:
    low, late = campaign("a", users_completed="20x66 60x100"), campaign("c", users_completed="20x200")
    well = campaign("b", users_completed="70x200")
    before, firing, later, after = World(each_promtool, low | well | late, "6h").firing(
        LOW, "330h", "348h", "17d", "31d"
    )
    assert (before, after) == ([], [])
    assert [alert["campaign_id"] for alert in firing] == ["a", "c"]
    assert [alert["campaign_id"] for alert in later] == ["c"]


def test_a_campaign_below_the_expected_curve_is_behind_until_it_is_above(each_promtool: Path) -> None:
    slow = campaign("a", users_completed="25x43 80x100", target='instance="i",tier="gold"')
    fast = campaign("b", users_completed="65x140")
    asked = World(each_promtool, slow | fast, "6h")
    before, firing, after = asked.firing(BEHIND, "186h", "10d", "12d")
    assert (before, after) == ([], [])
    assert [(alert["campaign_id"], alert["severity"], alert["tier"]) for alert in firing] == [("a", "info", "gold")]


def test_a_steady_pace_that_reaches_the_target_is_not_behind(each_promtool: Path) -> None:
    steady, slower = campaign("a", users_completed="0+0.72x120"), campaign("b", users_completed="0+0.48x120")
    (firing,) = World(each_promtool, steady | slower, "6h").firing(BEHIND, "14d")
    assert [alert["campaign_id"] for alert in firing] == ["b"]


def test_a_campaign_nobody_completes_for_a_week_has_stalled_until_somebody_does(each_promtool: Path) -> None:
    stalled = campaign("a", users_completed="0+3x16 50x50 51x70")
    reached = campaign("b", users_completed="85x140")
    asked = World(each_promtool, stalled | reached, "6h")
    before, firing, after = asked.firing(STALLED, "258h", "300h", "426h")
    assert (before, after) == ([], [])
    assert [alert["campaign_id"] for alert in firing] == ["a"]


def test_no_alert_about_training_fires_for_a_campaign_of_long_ago(each_promtool: Path) -> None:
    old = campaign("a", launch_timestamp_seconds="-34560000x50", users_completed="30x50") | question("a", "1x50")
    alerts, state = World(each_promtool, old, "6h").ask(
        ('ALERTS{category="training"}', "10d"), ("campaign:mimecast_awareness_state:enum", "10d")
    )
    assert alerts == []
    assert state[0].value == 6


def test_one_failed_scrape_resolves_no_alert_about_training_and_starts_no_wait_again(each_promtool: Path) -> None:
    def failing_once(value: str) -> str:
        return f"{value}x380 stale {value}x40"

    # Four minutes between scrapes, fifteen days after the launch.
    values = {"launch_timestamp_seconds": "-1296000", "emails_sent": "100", "users_completed": "20"}
    series = campaign("a", **{name: failing_once(value) for name, value in values.items()})
    before, during, after = 376, 381, 384
    asked = World(each_promtool, series, "4m")
    firing = [(alert, f"{4 * step}m") for alert in (LOW, BEHIND) for step in (before, during, after)]
    answers = asked.ask(*((f'ALERTS{{alertname="{alert}",alertstate="firing"}}', at) for alert, at in firing))
    assert all(answers)


def test_a_gap_of_twenty_minutes_a_week_ago_does_not_resolve_a_stall(each_promtool: Path) -> None:
    # Twenty minutes between samples, and one that is missing on day 2; nobody completes from day 1 on.
    series = campaign("a", users_completed="30x144 _ 30x600", emails_sent="100x800", launch_timestamp_seconds="0x800")
    times = [f"{9 * 1440 + minutes}m" for minutes in range(0, 240, 20)]
    assert all(World(each_promtool, series, "20m").fires(STALLED, *times))


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(glitch=st.sampled_from([0, 1, 500]), at=st.integers(50, 90))
def test_one_wrong_sample_a_week_ago_changes_no_difference(each_promtool: Path, glitch: int, at: int) -> None:
    # Half an hour between samples, and half a completion in each.
    completed = f"0+0.5x{at - 1} {glitch} {0.5 * (at + 1)}+0.5x400"
    series = campaign("a", users_completed=completed, emails_sent="1000x500", launch_timestamp_seconds="0x500")
    name = "campaign:mimecast_awareness_users_completed:delta7d"
    asked = [(name, f"{30 * (at + 7 * 48 + later)}m") for later in range(5)]
    for answer in World(each_promtool, series, "30m").ask(*asked):
        assert abs(answer[0].value - 0.5 * 7 * 48) <= 2


def test_weekly_reminders_among_the_emails_never_make_a_completed_campaign_look_behind(each_promtool: Path) -> None:
    # Six hours between samples. Of 100 people 40 complete in the first week, the rest by day 18, and every week each of
    # the others is reminded.
    completed = "0+1.5x26 40x2 40+1.5x40 100x120"
    sent = "100x27 160x27 184x27 184x120"
    asked = World(each_promtool, campaign("a", users_completed=completed, emails_sent=sent), "6h")
    firing = 'ALERTS{category="training",alertstate="firing"}'
    audience, ratio, state, *alerts = asked.ask(
        ("campaign:mimecast_awareness_audience:users", "29d"),
        ("campaign:mimecast_awareness_completion:ratio", "29d"),
        ("campaign:mimecast_awareness_state:enum", "29d"),
        *((firing, at) for at in ("15d", "22d", "29d", "40d")),
    )
    assert [samples[0].value for samples in (audience, ratio, state)] == [100, 1, 5]
    assert not any(alerts)


def test_people_who_are_added_later_count(each_promtool: Path) -> None:
    pilot = campaign("a", users_completed="30x100", emails_sent="40x30 500x70")
    asked = World(each_promtool, pilot, "6h")
    assert asked.value("campaign:mimecast_awareness_audience:users", "15d") == 500


def test_a_question_most_answer_wrongly_when_enough_have_answered_and_the_campaign_is_current(
    each_promtool: Path,
) -> None:
    series = campaign("a", users_completed="19x20 60x300") | question("a", "5x120 40x300")
    series |= campaign("b", launch_timestamp_seconds="-34560000x300", users_completed="60x300") | question("b", "5x300")
    alert = "MimecastQuestionMostlyWrong"
    before, firing, after = World(each_promtool, series).firing(alert, "24h", "40h", "140h")
    assert (before, after) == ([], [])
    assert [(found["campaign_id"], found["question"]) for found in firing] == [("a", "1")]


def test_a_click_rate_far_above_the_accounts_own_median_fires(each_promtool: Path) -> None:
    earlier: dict[str, str] = {}
    for number, clicks in enumerate((8, 10, 12)):
        earlier |= simulation(str(number), f"{clicks}x130", 60 + 30 * number)
    high = simulation("high", "0x10 30x130", 1)
    usual, few = simulation("usual", "13x130", 1), simulation("few", "4x130", 1, sent="10x130")
    alert = "MimecastPhishingClickRateHigh"
    asked = World(each_promtool, earlier | high | usual | few, "6h")
    before, firing, after = asked.firing(alert, "54h", "96h", "31d")
    assert (before, after) == ([], [])
    assert [found["campaign_id"] for found in firing] == ["high"]
    assert World(each_promtool, high | simulation("0", "8x130", 60), "6h").fires(alert, "96h") == [False]


def test_grades_d_and_f_that_rise_for_a_month_fire(each_promtool: Path) -> None:
    def grades(low: str) -> dict[str, str]:
        values = {"a": "300x130", "b": "200x130", "c": "100x130", "d": "100x130", "f": low}
        return {
            name: text
            for grade, text in values.items()
            for name, text in of_account("mimecast_awareness_safe_score_users", text, grade=grade).items()
        }

    alert = "MimecastSafeScoreWorsening"
    rising = World(each_promtool, grades("50+1x80 0x50"), "6h")
    assert rising.fires(alert, "24h", "20d", "26d") == [False, True, False]
    assert World(each_promtool, grades("50x130"), "6h").fires(alert, "20d") == [False]
    missing = {name: values for name, values in grades("50x130").items() if 'grade="c"' not in name}
    low = World(each_promtool, missing, "6h").value("account:mimecast_awareness_safe_score_low_grades:ratio", "12h")
    assert low is None
