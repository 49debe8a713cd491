"""What the dashboards' queries give on campaigns whose numbers can be followed in the head, by promtool.

Everything is asked on day 10 unless a case says otherwise.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboard_series import COLLECTORS, DAY, SIMULATIONS, labelled, series
from tests.dashboards import EMPTY_AT_FIRST, query
from tests.rules import FOLDER, RULE_FILES

#: Which rules are loaded and what is scraped.
WORLDS: Mapping[str, tuple[tuple[str, ...], bool]] = {
    "all is well": (RULE_FILES, True),
    "rules missing": ((), True),
    "exporter down": (RULE_FILES, False),
}


@dataclass(frozen=True)
class Case:
    """What a query gives at an hour, for a choice of variables, where a graph ends at another: values by labels."""

    says: str
    query: str
    samples: Mapping[str, float]
    chosen: Mapping[str, str] = field(default_factory=dict)
    hours: int = 240
    end: int = 240
    world: str = "all is well"

    def __str__(self) -> str:
        return f"{self.says} ({self.query}, {self.world}, hour {self.hours})"

    @property
    def expr(self) -> str:
        # There is one sample an hour, and a growth needs two.
        sent = query(self.query).sent(self.chosen, seconds=DAY, end=self.end * 3600)
        return sent.replace("[15m]", "[2h]").replace("-15m", "-1d").replace("900000", "86400000")

    @property
    def for_promtool(self) -> dict[str, Any]:
        expected = [{"labels": labels, "value": value} for labels, value in self.samples.items()]
        return {"expr": self.expr, "eval_time": f"{self.hours}h", "exp_samples": expected}


def of(title: str, **labels: str) -> str:
    """The labels of a campaign's sample."""
    own = {"account": "acme", "campaign_id": title.lower().replace(" ", ""), "title": title}
    return labelled("", dict(sorted((own | labels).items())))


def cases() -> Iterator[Case]:
    yield from overview()
    yield from days()
    yield from answers()
    yield from one_campaign()
    yield from accounts()
    yield from exporter()
    yield from phishing()
    yield from missing()


def overview() -> Iterator[Case]:
    numbers = {
        "Age of the numbers": DAY,
        "People still to remind": 40 + 70,
        "Campaigns on track": 1 / 2,
        "Completion, last 90 days": (60 + 30 + 96) / 300,
        "Correct, last 90 days": (45 + 20 + 48) / (60 + 30 + 96),
        "On target, 12 months": 1 / 3,
    }
    for panel, value in numbers.items():
        yield Case("an account scraped twice counts once", f"awareness-overview: {panel} A", {"{}": value})
    table = "awareness-overview: What to do now"
    states = {"Was not sent": 7, "Has stalled": 4, "Goes well": 2}
    yield Case("running campaigns, each once", f"{table} A", {of(title): state for title, state in states.items()})
    columns = {"B": 35, "C": 0.3, "D": 0.8, "E": 0.3 / 0.8, "F": 70, "Y": -25 * DAY * 1000, "Z": 0}
    for ref, value in columns.items():
        only = query(f"{table} {ref}").expr
        assert "topk" in only
        yield Case("one has stalled", f"{table} {ref}", {of("Has stalled"): value, **OTHERS[ref]})
    for ref, value in {"A": -25 * DAY * 1000, "B": 0.3, "Y": -25 * DAY * 1000, "Z": 0}.items():
        yield Case("one has passed day 30", f"awareness-overview: Results by day 30 {ref}", {of("Has stalled"): value})
    yield Case("nobody saw when half had completed", "awareness-overview: Results by day 30 C", {})
    yield Case("one comes up in ten days", "awareness-overview: Scheduled campaigns A", {of("Comes up"): 10})
    labels = {"account": "acme", "severity": "warning", "title": "Was not sent"}
    alert = labelled("", dict(sorted((labels | {"alertname": "MimecastCampaignNothingSent"}).items())))
    stalled = {"account": "acme", "severity": "info", "title": "Has stalled"}
    stalls = labelled("", dict(sorted((stalled | {"alertname": "MimecastCampaignStalled"}).items())))
    yield Case("an alert by two paths is one", "awareness-overview: Alerts A", {alert: 1, stalls: 1})


THRESHOLDS = {
    rule["record"].split(":")[1]: float(rule["expr"].removeprefix("vector(").removesuffix(")"))
    for group in yaml.safe_load((FOLDER / "thresholds.yml").read_text())["groups"]
    for rule in group["rules"]
}
DAY_7, DAY_14 = (THRESHOLDS[f"completion_day{day}_ratio"] for day in (7, 14))
EXPECTED_ON_DAY_10 = DAY_7 + (DAY_14 - DAY_7) * 3 / 7
#: What the columns show of the other running campaigns.
OTHERS: Mapping[str, Mapping[str, float]] = {
    "B": {of("Goes well"): 10, of("Was not sent"): 5},
    "C": {of("Goes well"): 0.6},
    "D": {of("Goes well"): EXPECTED_ON_DAY_10, of("Was not sent"): DAY_7 * 5 / 7},
    "E": {of("Goes well"): 0.6 / EXPECTED_ON_DAY_10},
    "F": {of("Goes well"): 40, of("Was not sent"): 0},
    "Y": {of("Goes well"): 0, of("Was not sent"): 5 * DAY * 1000},
    "Z": {of("Goes well"): 0, of("Was not sent"): 0},
}


def days() -> Iterator[Case]:
    one = {"account": "acme", "campaign": "goeswell"}
    # A day is 24 completions in a quarter; the recorded one is the difference to the median of three hours.
    per_day = "awareness-overview: Completions per day A"
    yield Case("a bar has the completions of the day that begins there", per_day, {"{}": 25 / 4}, hours=216)
    yield Case("the last bar has today's so far", per_day, {"{}": 12 / 4}, hours=228)
    yield Case(
        "a bar has the completions of the day that begins there", "campaign: Completions per day A", {"{}": 6}, one, 216
    )


def answers() -> Iterator[Case]:
    right = {"Has stalled": "2", "Goes well": "1", "Is finished": "", "Is long ago": ""}
    says = ("the API names it", "one option has the count of right answers", "two options have it", "several questions")
    for (title, option), why in zip(right.items(), says, strict=True):
        chosen = {"campaign": title.lower().replace(" ", "")}
        marked = {of(title, option=option): 1.0} if option else {}
        yield Case(why, "campaign: Answers by option C", marked, chosen)
    chosen = {"campaign": "goeswell"}
    shares = {of("Goes well", option="1"): 0.75, of("Goes well", option="2"): 0.25}
    yield Case("an option's share is of all answers", "campaign: Answers by option B", shares, chosen)


def one_campaign() -> Iterator[Case]:
    values = {"State": 2, "Day": 10, "Completion": 0.6, "To remind": 40, "Correct answers": 0.75}
    chosen = {"campaign": "goeswell", "account": "acme"}
    for panel, value in values.items():
        yield Case("one campaign is seen alone", f"campaign: {panel} A", {"{}": value}, chosen)
    old = {"campaign": "islongago", "account": "acme"}
    for panel, value in {"State": 6, "Day": 210, "Completion": 0.5, "To remind": 50}.items():
        yield Case("an old campaign is known", f"campaign: {panel} A", {"{}": value}, old)
    scheduled = {"campaign": "comesup", "account": "acme"}
    for panel in ("Day", "Completion", "To remind"):
        yield Case("a scheduled campaign has no numbers", f"campaign: {panel} A", {}, scheduled)
    reached = {"campaign": "hasstalled"}
    yield Case("day 30 is remembered", "campaign: Result by day 30 A", {"{}": 0.3}, reached)
    half = "campaign: Days to 50 %"
    yield Case("half had completed after 200 hours", f"{half} A", {"{}": 200 / 24}, chosen)
    yield Case("there are fewer than three campaigns", "campaign: Usual days to 50 % A", {}, chosen)
    yield Case("there are fewer than three campaigns", "campaign: Completion since the launch B", {}, chosen)


def accounts() -> Iterator[Case]:
    acme = '{account="acme"}'
    yield Case("an account scraped twice is one", "accounts: Accounts A", {"{}": 1})
    yield Case("an account scraped twice fails once", "accounts: Failing A", {"{}": 1})
    yield Case("it has launched campaigns", "accounts: No launch in 90 days A", {"{}": 0})
    yield Case("its completion is below 80 %", "accounts: Below the target A", {"{}": 1})
    rows = {"A": 2, "B": 186 / 300, "C": 1 / 3, "D": 4, "E": 1, "F": 110, "G": DAY}
    for ref, value in rows.items():
        yield Case("a row is one account", f"accounts: Accounts, worst first {ref}", {acme: value})
    yield Case(
        "a search finds by a part of the name", "accounts: Accounts, worst first B", {acme: 0.62}, {"search": "CM"}
    )
    yield Case("a search leaves others out", "accounts: Accounts, worst first B", {}, {"search": "glo"})


def exporter() -> Iterator[Case]:
    yield Case("one of three collectors fails", "exporter: Collectors failing A", {"{}": 1})
    yield Case("data is a day old", "exporter: Oldest data A", {"{}": DAY})
    failures = {labelled("", {"account": "acme", "collector": name}): 6 * 24.0 for name in COLLECTORS}
    yield Case("failures scraped twice are counted once", "exporter: Collectors E", failures)
    yield Case(
        "failures scraped twice are counted once", "exporter: Failed refreshes A", {'{reason="timeout"}': 12 * 3}
    )
    yield Case("alerts by two paths are one", "exporter: Alerts A", dict.fromkeys(firing(), 1))
    yield Case("skipped campaigns are counted once", "exporter: Campaigns B", {'{reason="filtered"}': 2})


def firing() -> Iterator[str]:
    alerts = [("MimecastCollectorFailing", "campaigns"), *(("MimecastDataStale", name) for name in COLLECTORS)]
    for name, collector in alerts:
        labels = {"account": "acme", "alertname": name, "anchor": name, "collector": collector}
        yield labelled("", labels | {"severity": "warning", "where": f"acme {collector}"})
    # The world has no series up, so that an alert without a job fires.
    yield labelled("", dict.fromkeys(("alertname", "anchor"), "MimecastExporterMissing") | {"severity": "warning"})


def phishing() -> Iterator[Case]:
    numbers = {
        "Click rate": (0.75 + 0.5 + 0.25) / 3,
        "Submit rate": (0.5 + 0.25 + 0) / 3,
        "Grade D or F": 0.1,
    }
    for panel, value in numbers.items():
        yield Case("an account scraped twice counts once", f"phishing-and-risk: {panel} A", {"{}": value})
    yield Case("a collector is off", "phishing-and-risk: Unseen videos A", {"{}": -3})
    for ref, rate in (("A", 0.04), ("B", 0.0)):
        graph = f"phishing-and-risk: Click and submit rate by simulation {ref}"
        yield Case("a dot is on the day of the launch", graph, {"{}": rate}, hours=120)
        yield Case("there is no dot on other days", graph, {}, hours=96)
        yield Case("a dot needs three days", graph, {}, hours=120, end=8 * 24)
    states = {"campaigns": None, "phishing": 1, "safe_score": 1, "performance": -1}
    rows = {labelled("", {"collector": name}): value for name, value in states.items() if value is not None}
    yield Case("a collector that is off has a row", "phishing-and-risk: Collectors A", rows)
    medians = {of(title): 0.5 for title in SIMULATIONS}
    yield Case("the account's own level", "phishing-and-risk: Simulations D", medians)


def missing() -> Iterator[Case]:
    one = {"campaign": "goeswell", "account": "acme"}
    recorded = (
        "awareness-overview: People still to remind A",
        "awareness-overview: Campaigns on track A",
        "awareness-overview: Completion, last 90 days A",
        "awareness-overview: What to do now A",
        "accounts: No launch in 90 days A",
        "accounts: Below the target A",
        "phishing-and-risk: Click rate A",
        "campaign: State A",
        "campaign: Result by day 30 A",
        "campaign: Usual days to 50 % A",
    )
    for name in recorded:
        yield Case(
            "says what is missing", name, {"{}": -2}, one if "campaign" in name[:9] else {}, world="rules missing"
        )
        yield Case("says what is missing", name, {"{}": -1}, world="exporter down")
    for name in ("awareness-overview: Age of the numbers A", "accounts: Failing A", "exporter: Collectors failing A"):
        yield Case("says what is missing", name, {"{}": -1}, world="exporter down")
    for world, code in (("rules missing", -2), ("exporter down", -1)):
        alerts = {labelled("", {"alertname": world}): code}
        yield Case("alerts cannot be known", "awareness-overview: Alerts A", alerts, world=world)
        questions = {labelled("", {"title": world}): code}
        yield Case("questions cannot be known", "awareness-overview: Hardest questions A", questions, world=world)


CASES = list(cases())


@pytest.fixture(scope="module")
def refuted(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """World and text of the queries that gave something else, of all cases in one run a world."""
    return {
        (world, expr)
        for world in WORLDS
        for expr in refuted_in(world, promtool, tmp_path_factory.mktemp("numbers") / "tests.yml")
    }


def refuted_in(world: str, promtool: Path, file: Path) -> set[str]:
    rules, scraped = WORLDS[world]
    groups = [group["name"] for name in rules for group in yaml.safe_load((FOLDER / name).read_text())["groups"]]
    cases_of_it = [case.for_promtool for case in CASES if case.world == world]
    tests = {
        "rule_files": [str(FOLDER / name) for name in rules],
        "evaluation_interval": "1h",
        "group_eval_order": groups,
        "tests": [
            {"interval": "1h", "input_series": list(series()) if scraped else [], "promql_expr_test": cases_of_it}
        ],
    }
    file.write_text(yaml.safe_dump(tests, sort_keys=False))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    print(output)
    failed = {
        f"{json.loads(expr)} at {time}" for expr, time in re.findall(r'expr: ("(?:[^"\\]|\\.)*"), time: (\w+)', output)
    }
    assert done.returncode == 0 or failed, output
    return failed


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_dashboard_shows_what_can_be_computed_by_hand(case: Case, refuted: set[tuple[str, str]]) -> None:
    hours, minutes = f"{case.hours}h", f"{case.hours // 24}d" if case.hours % 24 == 0 else ""
    assert not {(case.world, f"{case.expr} at {time}") for time in (hours, minutes)} & refuted


def test_every_query_that_may_be_empty_at_first_is_shown_here() -> None:
    assert set(EMPTY_AT_FIRST) <= {case.query for case in CASES}
