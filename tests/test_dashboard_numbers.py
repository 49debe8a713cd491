"""What the dashboards' queries give on campaigns whose numbers can be followed in the head, by promtool.

Every account is scraped by two paths, each a job of its own, as where /metrics and /probe are both scraped. Time begins
at 0, and everything is asked on day 10.
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

from tests.dashboards import EMPTY_AT_FIRST, query
from tests.rules import FOLDER, RULE_FILES

DAY = 86400
PATHS = ({"job": "mimecast", "instance": "exporter:10587"}, {"job": "probes", "instance": "acme"})

#: By title: the day of the launch, mails sent, completions, answers by option, the right option where the API names it,
#: and right answers by question. All stay as they are, but for those of "Goes well", which grow by these every hour.
CAMPAIGNS: Mapping[str, Mapping[str, Any]] = {
    "Goes well": {"launch": 0, "sent": 100, "completed": 0.25, "options": (0.1875, 0.0625), "right": (0.1875,)},
    "Has stalled": {"launch": -15, "sent": 100, "completed": 30, "options": (10, 20), "named": "2", "right": (20,)},
    "Was not sent": {"launch": 5, "sent": 0, "completed": 0},
    "Comes up": {"launch": 20, "sent": 0, "completed": 0},
    "Is finished": {"launch": -60, "sent": 100, "completed": 96, "options": (48, 48), "right": (48,)},
    "Is overdue": {"launch": -200, "sent": 100, "completed": 50, "options": (30, 20), "right": (30, 5)},
}


def labelled(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}"


def campaign(title: str, numbers: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, labels and value of each metric of a campaign; labels that all have are left out."""
    yield "launch_timestamp_seconds", {}, numbers["launch"] * DAY
    yield "emails_sent", {}, numbers["sent"]
    yield "users_completed", {}, numbers["completed"]
    yield "implausible", {}, 0
    yield "locked", {}, 0
    yield "info", {"correct_option": numbers.get("named", ""), "custom_module": "false", "custom_content": "false"}, 1
    for option, count in enumerate(numbers.get("options", ()), start=1):
        yield "answers", {"option": str(option)}, count
    for question, count in enumerate(numbers.get("right", ()), start=1):
        yield "correct_answers", {"question": str(question)}, count


def series() -> Iterator[dict[str, str]]:
    for path in PATHS:
        for title, numbers in CAMPAIGNS.items():
            common = path | {"account": "acme", "campaign_id": title.lower().replace(" ", ""), "title": title}
            for name, labels, value in campaign(title, numbers):
                grows = title == "Goes well" and name in ("users_completed", "answers", "correct_answers")
                values = f"0+{value}x300" if grows else f"{value}x300"
                yield {"series": labelled(f"mimecast_awareness_campaign_{name}", common | labels), "values": values}
        account = path | {"account": "acme"}
        yield {"series": labelled("mimecast_up", account), "values": "0x300"}
        yield {"series": labelled("mimecast_awareness_campaigns", account), "values": "6x300"}
        yield {"series": labelled("mimecast_awareness_data_timestamp_seconds", account), "values": f"{9 * DAY}x300"}
        skipped = account | {"reason": "filtered"}
        yield {"series": labelled("mimecast_awareness_campaigns_skipped", skipped), "values": "2x300"}
        failed = account | {"reason": "timeout"}
        yield {"series": labelled("mimecast_api_failures_total", failed), "values": "0+6x300"}


@dataclass(frozen=True)
class Case:
    """What a query gives on day 10: values by labels, for a choice of variables."""

    says: str
    query: str
    samples: Mapping[str, float]
    chosen: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.says} ({self.query})"

    @property
    def expr(self) -> str:
        # A rate needs two samples, and here there is one an hour.
        return query(self.query).sent(self.chosen, seconds=DAY).replace("[1m]", "[2h]")

    @property
    def for_promtool(self) -> dict[str, Any]:
        expected = [{"labels": labels, "value": value} for labels, value in self.samples.items()]
        return {"expr": self.expr, "eval_time": "10d", "exp_samples": expected}


def of(title: str, **labels: str) -> str:
    """The labels of a campaign's sample."""
    own = {"account": "acme", "campaign_id": title.lower().replace(" ", ""), "title": title}
    return labelled("", dict(sorted((own | labels).items())))


def cases() -> Iterator[Case]:
    overview, running = "awareness-overview: ", "awareness-overview: Completion of running campaigns "
    for state in ("Running", "Stalled", "Unsent", "Coming up", "Finished", "Overdue"):
        yield Case("a campaign scraped twice is one, in one state", f"{overview}{state} A", {"{}": 1})
    people = {"Mails": 400, "Completed": 236, "Completion, %": 236 / 400, "Correct": 130.5, "Correct, %": 130.5 / 236}
    for panel, value in (people | {"7 days": 42}).items():
        yield Case("people scraped twice are counted once", f"{overview}{panel} A", {"{}": value})
    two = {"title": "(Has stalled|Is overdue)"}
    yield Case("titles not chosen do not count", f"{overview}Completed A", {"{}": 80}, two)
    yield Case("none of those chosen is in the state", f"{overview}Running A", {"{}": 0}, two)
    by_state = ("Was not sent", "Has stalled", "Goes well", "Comes up", "Is overdue", "Is finished")
    yield Case("what wants somebody first", f"{overview}Campaigns A", {of(name): n for n, name in enumerate(by_state)})
    # 60 after ten days, 42 of them in the last seven, and 20 days to go.
    ahead = {of("Goes well"): (60 + 42 / 7 * 20) / 100, of("Has stalled"): 0.3}
    yield Case("the pace of the last week leads there", f"{overview}Campaigns G", ahead)
    for ref, value in {"A": 25, "B": 70, "C": 0.3}.items():
        yield Case("one has stalled", f"{overview}Stalled campaigns {ref}", {of("Has stalled"): value})
    yield Case("one comes up in ten days", f"{overview}Scheduled campaigns B", {of("Comes up"): 10})
    lowest = {"A": {of("Has stalled"): 0.3}, "B": {of("Goes well"): 0.6}, "C": {}, "D": {}, "E": {}, "F": {}}
    for ref, line in lowest.items():
        yield Case("each running campaign has one line, the lowest first", f"{running}{ref}", line)
    unsent = '{account="acme", alertname="MimecastCampaignNothingSent", severity="warning", title="Was not sent"}'
    yield Case("an alert by two paths is one", f"{overview}Alerts A", {unsent: 1}, {"title": "Was not sent"})
    yield from answers()
    yield from one_campaign()
    yield from accounts()


def answers() -> Iterator[Case]:
    def shown(
        says: str, title: str, right: Mapping[str, float], wrong: Mapping[str, float], unknown: Mapping[str, float]
    ) -> Iterator[Case]:
        for ref, options in {"A": right, "B": wrong, "C": unknown}.items():
            samples = {of(title, option=option): count for option, count in options.items()}
            yield Case(says, f"campaign: Answers by option {ref}", samples, {"title": title})

    yield from shown("the API names the right option", "Has stalled", {"2": 20}, {"1": 10}, {})
    yield from shown("one option has the count of right answers", "Goes well", {"1": 45}, {"2": 15}, {})
    yield from shown("two options have the count of right answers", "Is finished", {}, {}, {"1": 48, "2": 48})
    yield from shown("there are several questions", "Is overdue", {}, {}, {"1": 30, "2": 20})


def one_campaign() -> Iterator[Case]:
    values = {"State": 2, "Day": 10, "Not completed": 40, "By day 30": 1.8, "Mails sent": 100}
    chosen = {"title": "Goes well", "campaign": "goeswell", "account": "acme"}
    for panel, value in values.items():
        yield Case("one campaign is seen alone", f"campaign: {panel} A", {"{}": value}, chosen)
    yield Case("no projection is above all", "campaign: Completion since the launch B", {"{}": 1}, chosen)
    yield Case("the one launched last is first", "campaign: $campaign", {'{campaign_id="goeswell"}': 0}, chosen)


def accounts() -> Iterator[Case]:
    acme = '{account="acme"}'
    worst = "accounts: Accounts, the worst first "
    yield Case("an account scraped twice is one", "accounts: Accounts A", {"{}": 1})
    yield Case("an account scraped twice fails once", "accounts: Failing A", {"{}": 1})
    yield Case("what fails is first", f"{worst}A", {acme: 0})
    yield Case("one campaign has stalled", f"{worst}F", {acme: 1})
    yield Case("one campaign has stalled", "accounts: Stalled campaigns A", {"{}": 1})
    yield Case("data is a day old", "exporter: Oldest data A", {"{}": DAY})
    yield Case("failures scraped twice are counted once", "exporter: Accounts and the API I", {acme: 6 * 24})
    yield Case("failures scraped twice are counted once", "exporter: Failed refreshes A", {'{reason="timeout"}': 12})
    yield Case("campaigns left out are counted once", "exporter: Campaigns B", {'{reason="filtered"}': 2})
    alert = '{{account="acme", alertname="{}", severity="warning"}}'
    firing = {alert.format(name): 1 for name in ("MimecastAccountFailing", "MimecastDataStale")}
    yield Case("alerts by two paths are one", "exporter: Alerts A", firing)


CASES = list(cases())


@pytest.fixture(scope="module")
def refuted(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The queries that gave something else, of all cases in one run."""
    levels = ("thresholds", "campaigns", "accounts", "overall")
    tests = {
        "rule_files": [str(FOLDER / file) for file in RULE_FILES],
        "evaluation_interval": "1h",
        "group_eval_order": [
            *(f"mimecast-awareness-{each}" for each in levels),
            "mimecast-exporter",
            "mimecast-training",
        ],
        "tests": [
            {
                "interval": "1h",
                "input_series": list(series()),
                "promql_expr_test": [case.for_promtool for case in CASES],
            }
        ],
    }
    file = tmp_path_factory.mktemp("numbers") / "tests.yml"
    file.write_text(yaml.safe_dump(tests, sort_keys=False))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    print(told)
    failed = {json.loads(expr) for expr in re.findall(r'expr: ("(?:[^"\\]|\\.)*"), time', told)}
    assert done.returncode == 0 or failed, told
    return failed


@pytest.mark.xdist_group("dashboard numbers")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_dashboard_shows_what_can_be_reckoned_by_hand(case: Case, refuted: set[str]) -> None:
    assert case.expr not in refuted


def test_every_query_that_may_be_empty_at_first_is_shown_here() -> None:
    assert set(EMPTY_AT_FIRST) <= {case.query for case in CASES}
