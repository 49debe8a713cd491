"""The simulated numbers are believable: they agree with each other, and they move as training takes effect."""

from __future__ import annotations

import time
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.simulator import Simulator, fleet
from exporter.simulator.campaigns import Queue
from tests.clocks import Clock

NOW = 1_790_000_000.0
DAY = 86400.0
SIMULATOR = Simulator(fleet(3), clock=Clock(NOW))
ACCOUNTS = [account.name for account in SIMULATOR.accounts]

moments = st.floats(NOW - 400 * DAY, NOW + 400 * DAY)
accounts = st.sampled_from(ACCOUNTS)


def days(count: int = 60, **changes: Any) -> list[list[dict[str, Any]]]:
    given: dict[str, Any] = {"seed": 1, "account": "acme", "size": 16, "began": NOW} | changes
    queue = Queue(**given)
    return [list(queue.items(NOW + day * DAY)) for day in range(count)]


def at(day: float, account: str = "acme", endpoint: Any = "get-campaign") -> Any:
    return SIMULATOR.items(account, endpoint, NOW + day * DAY)


def test_the_same_seed_gives_the_same_campaigns_and_another_gives_others() -> None:
    assert days(2) == days(2)
    assert days(2) != days(2, seed=2)
    assert days(2) != days(2, account="globex")


@pytest.mark.parametrize("older", [False, True])
def test_counts_agree_with_each_other_and_completions_never_fall(older: bool) -> None:
    history = days(older=older)
    for day in history:
        for item in day:
            assert sum(item["optionSpread"].values()) == item["numCompleted"] <= item["numSent"]
            correct = item["title"].get("correctAnswers", {}).get("forQuestion1", item.get("numCorrect"))
            assert correct in item["optionSpread"].values()
    for earlier, later in pairwise(history):
        for one, same in zip(earlier, later, strict=True):
            assert one["id"] == same["id"]
            assert one["numCompleted"] <= same["numCompleted"]


def test_there_is_one_campaign_of_each_kind_that_needs_attention() -> None:
    now = days(1)[0]
    pending = [item for item in now if item["launchDate"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW))]
    launched = [item for item in now if item not in pending]
    assert len(pending) == 2
    assert [item for item in launched if item["numSent"] == 0]
    assert [item for item in launched if item["locked"]]
    assert [item for item in launched if "customAnswer" in item]
    assert [item for item in launched if len(item["title"].get("correctAnswers", {})) == 3]
    assert len({item["title"]["title"] for item in now}) == len(now) - 1
    week = days(8)
    assert [
        one for one, later in zip(week[0], week[7], strict=True)
        if one in launched and 0 < one["numCompleted"] == later["numCompleted"] < 0.5 * one["numSent"]
    ]  # fmt: skip


@given(account=accounts, moment=moments, later=st.floats(0, 90 * DAY))
@settings(deadline=None)
def test_each_count_of_a_phishing_simulation_includes_the_next_and_never_falls(
    account: str, moment: float, later: float
) -> None:
    before = {item["id"]: item for item in SIMULATOR.items(account, "get-campaign", moment)}
    after = {item["id"]: item for item in SIMULATOR.items(account, "get-campaign", moment + later)}
    assert before.keys() <= after.keys()
    for identity, item in before.items():
        assert item["numSent"] >= item["numOpened"] >= item["numClicked"] >= item["numSubmitted"] >= 0
        for name in ("numSent", "numOpened", "numClicked", "numSubmitted"):
            assert item[name] <= after[identity][name]


def test_a_phishing_simulation_is_launched_every_month_and_the_next_one_is_listed() -> None:
    for day in range(-300, 300, 30):
        launches = [datetime.fromisoformat(item["launchDate"]).timestamp() for item in at(day)]
        assert {later - earlier for earlier, later in pairwise(launches)} <= {30 * DAY}
        assert [launch > NOW + day * DAY for launch in launches] == [False] * (len(launches) - 1) + [True]


def test_the_list_of_phishing_simulations_is_limited_to_ten_years() -> None:
    assert len(at(30 * 365)) == 120


@pytest.mark.parametrize("account", ACCOUNTS)
def test_click_rates_fall_over_the_months_but_for_one_hard_simulation(account: str) -> None:
    rates = [item["numClicked"] / item["numSent"] for item in at(360, account) if item["numSent"]][:-1]
    standing_out = max(rates[6:])
    assert rates[6:].count(standing_out) == 1
    others = [rate for rate in rates if rate != standing_out]
    assert min(others[:3]) > 0.15
    assert max(others[-6:]) < 0.1
    assert standing_out > 2 * sorted(rates)[len(rates) // 2]


@given(account=accounts, moment=moments)
@settings(deadline=None)
def test_the_summaries_agree_with_the_campaigns_and_with_the_number_of_users(account: str, moment: float) -> None:
    (performance,) = SIMULATOR.items(account, "get-performance-summary", moment)
    (scores,) = SIMULATOR.items(account, "get-safe-score-summary", moment)
    queue = SIMULATOR.items(account, "get-queue", moment)
    users = max(item["numSent"] for item in SIMULATOR.items(account, "get-queue", NOW + 99 * DAY))
    assert performance["numVideosSent"] == sum(item["numSent"] for item in queue)
    unwatched = sum(item["numSent"] - item["numCompleted"] for item in queue)
    assert performance["numVideosNotWatched"] == unwatched
    by_incorrect = [performance[f"num{word}Incorrect"] for word in ("Zero", "One", "Two", "Three", "FourOrMore")]
    assert min(by_incorrect) >= 0
    assert sum(by_incorrect) == performance["numParticipating"] <= users
    assert sum(scores["scoreCounts"].values()) == users
    assert min(scores["scoreCounts"].values()) >= 0


@pytest.mark.parametrize("account", ACCOUNTS)
def test_grades_move_from_d_and_f_to_a_and_b_over_the_months(account: str) -> None:
    def share(day: float, grades: str) -> float:
        (item,) = at(day, account, "get-safe-score-summary")
        counts: dict[str, int] = item["scoreCounts"]
        return sum(counts[grade] for grade in grades) / sum(counts.values())

    assert share(-240, "df") > 0.45
    assert share(-90, "df") > share(-30, "df") + 0.05 > share(30, "df") + 0.1
    assert share(240, "df") < 0.15
    assert share(240, "ab") > 0.6
