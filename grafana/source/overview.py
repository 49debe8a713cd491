"""Awareness overview: for the person who answers for training."""

from __future__ import annotations

from layout import CAMPAIGN, FOR_ACCOUNTS, OVERVIEW, SAME_TIME, dashboard, link
from palette import (
    AS_EXPECTED,
    BLUE,
    CAMPAIGN_STATES,
    DASHES,
    FRESH_IS_GOOD,
    GREEN,
    GREY,
    HIGH_IS_GOOD,
    MISSING,
    SEVERITIES,
    Json,
    words,
)
from panels import DASHED, fixed_colour, query, row, stat, timeseries
from promql import (
    BY_CAMPAIGN,
    SELECTED,
    campaign,
    exported,
    kept,
    last_day_bar,
    or_missing,
    or_missing_row,
    state,
    threshold,
    total,
    with_account_column,
)
from tables import Column, coloured, date, hidden, number, share_bar, table, wrapped

#: The browser draws no more rows than that well.
MAX_ROWS = 500
_AGE = 'time() - max by (account) ({0}mimecast_data_timestamp_seconds{{{1}, collector="campaigns"}}{2})'
#: Where nothing is scraped now, the last numbers of a day.
AGE_OF_DATA = f"max({_AGE.format('', SELECTED, '')})\nor max({_AGE.format('last_over_time(', SELECTED, '[1d])')})"

_LAUNCH = exported("awareness_campaign_launch_timestamp_seconds", BY_CAMPAIGN)
_ON = "on (account, campaign_id)"
_DAY_30 = kept("day_ratio", f'{SELECTED}, day="30"')
#: The time to show of a campaign, in milliseconds: 45 days from its launch where day 30 was recorded, else until now.
_SPAN = {
    "Y": f"{_LAUNCH} * 1000",
    "Z": f"(({_LAUNCH} + 45 * 86400) * 1000 < time() * 1000 and {_ON} {_DAY_30} or {_LAUNCH} * 0)",
}
_MILLISECONDS: Json = {"unit": "none", "decimals": 0}
_CAMPAIGN = [hidden("account", "Link account"), hidden("campaign_id", "Link campaign")]
_ITS_TIME = [
    *_CAMPAIGN,
    hidden("Value #Y", "From", **_MILLISECONDS),
    hidden("Value #Z", "To", mappings=words({"0": ("now", BLUE)}), **_MILLISECONDS),
]


def _title(time: str = SAME_TIME) -> Column:
    to_campaign = link("Open the campaign", CAMPAIGN, time=time, account="Link account", campaign="Link campaign")
    return wrapped("title", "Campaign", custom__minWidth=120, links=[to_campaign])


_TITLE_OF_ITS_TIME = _title('from=${__data.fields["From"].text}&to=${__data.fields["To"].text}')
_ACCOUNT = Column("shown_account", "Account", custom__minWidth=120)


def _of(rows: str, **queries: str) -> dict[str, str]:
    """Return the queries, each for these rows only."""
    return {ref: f"{expr}\nand {rows}" for ref, expr in queries.items()}


def _numbers() -> list[Json]:
    share: Json = {"unit": "percentunit", "decimals": 0}
    judged = share | {"thresholds": HIGH_IS_GOOD}
    completed, audience = total("users_completed:sum90d"), total("audience:sum90d")
    right, answered = total("users_correct:sum90d"), total("users_answered:sum90d")
    on_track, behind = total("campaigns_on_track:count"), total("campaigns_behind:count")
    reached, finished = total("campaigns_on_target:count365d"), total("campaigns_judged:count365d")
    return [
        stat("Age of the numbers", "Age of the oldest data shown.", or_missing(AGE_OF_DATA), unit="s", decimals=0, thresholds=FRESH_IS_GOOD, mappings=MISSING),
        stat("People still to remind", "People who were sent a campaign that is running and have not completed it. A person in two campaigns counts twice.", or_missing(total("users_to_remind:sum")), unit="none"),
        stat("Campaigns on track", "Share of the running campaigns that have reached the completion expected at their age, or are on pace to reach the target by day 30. Campaigns of the last seven days are left out.", or_missing(f"{on_track} / ({on_track} + {behind} > 0)"), empty="none to judge", **judged),
        stat("Completion, last 90 days", "People who completed, of those who were sent a campaign that was launched in the last 90 days.", or_missing(f"{completed} / ({audience} > 0)"), empty="nothing sent", **share),
        stat("Correct, last 90 days", "People who answered correctly, of those who completed a campaign that was launched in the last 90 days.", or_missing(f"{right} / ({answered} > 0)"), empty="no answers", **share),
        stat("On target, 12 months", "Share of the campaigns launched 30 to 365 days ago whose completion reached the target (80 % by default, mimecast_awareness:completion_day30_ratio:threshold).", or_missing(f"{reached} / ({finished} > 0)"), empty="none yet", **judged),
    ]  # fmt: skip


def _what_to_do() -> Json:
    shown = f"topk({MAX_ROWS}, ({state()}) > 0 != 5 != 6)"
    completion, expected = campaign("completion:ratio"), campaign("completion:expected_ratio")
    columns = _of(
        shown,
        B=f"floor({campaign('launch:age_days')})",
        C=completion,
        D=expected,
        E=f"{completion} / {expected}",
        F=campaign("users_to_remind:count"),
        **_SPAN,
    )
    return table(
        "What to do now",
        f"Running campaigns, the most urgent first ({MAX_ROWS} at most). Behind: completion is below what is expected at the campaign's age, and not on pace to reach the target by day 30. Stalled: below the target, and nobody has completed for a week. "
        "The bar is completion divided by expected completion. Click a campaign to open it.",
        {"A": or_missing(with_account_column(shown)), **columns},
        [
            coloured("Value #A", "State", 103, mappings=CAMPAIGN_STATES, unit="none"),
            _TITLE_OF_ITS_TIME,
            _ACCOUNT,
            number("B", "Day", 45),
            number("F", "To remind", 97),
            number("C", "Completion", 92, unit="percentunit"),
            number("D", "Expected", 78, unit="percentunit"),
            share_bar("E", "Of expected", 95, AS_EXPECTED),
            *_ITS_TIME,
        ],
        height=12, sort=[("State", True), ("To remind", True)], empty="no campaign is running",
    )  # fmt: skip


def _trend() -> list[Json]:
    completed, audience = total("users_completed:sum90d"), total("audience:sum90d")
    right, answered = total("users_correct:sum90d"), total("users_answered:sum90d")
    return [
        timeseries(
            "Completion and correct answers", "At each time: of the campaigns that were launched in the 90 days before. The dashed line is the target.",
            [
                query(f"{completed} / ({audience} > 0)", "Completion", ref="A"),
                query(f"{right} / ({answered} > 0)", "Correct answers", ref="B"),
                query(threshold("completion_day30_ratio"), "Target", ref="C"),
            ],
            unit="percentunit", min=0, max=1, step="2h", empty="no data",
            overrides=[fixed_colour("Completion", BLUE, lineWidth=3), fixed_colour("Correct answers", GREEN), fixed_colour("Target", GREY, **DASHED)],
        ),
        timeseries(
            "Completions per day", "People who completed a campaign, by day; the last bar is today so far.",
            [query(f"{_COMPLETIONS_OF_THE_DAY}\nor {_completions_today()}", "Completions")],
            unit="none", decimals=0, bars="after", step="1d", legend=False, overrides=[fixed_colour("Completions", BLUE)], empty="no data",
        ),
    ]  # fmt: skip


#: Of the day that begins at each time.
_COMPLETIONS_OF_THE_DAY = (
    f"sum(max by (account) (account:mimecast_awareness_users_completed:delta1d{{{SELECTED}}} offset -1d))"
)


def _completions_today() -> str:
    """Return the completions since the last midnight of the graph; of a campaign launched since, all."""
    series = f"campaign:mimecast_awareness_users_completed:max{{{SELECTED}}}"
    by = "max by (account, campaign_id)"
    latest, midnight = f"{by} (last_over_time({series}[1d] @ end() offset -1d))", f"{by} ({series} @ end())"
    return last_day_bar(f"sum(clamp_min({latest} - ({midnight} or {latest} * 0), 0))")


def _results() -> Json:
    shown = f"topk({MAX_ROWS}, {_LAUNCH} and {_ON} {_DAY_30})"
    return table(
        "Results by day 30",
        f"Campaigns of the last 400 days that have passed day 30, the newest first ({MAX_ROWS} at most). Completion is that of day 30.",
        {
            "A": or_missing_row(with_account_column(f"{shown} * 1000"), "title"),
            **_of(shown, **_SPAN),
            "B": f"{shown} * 0 + {_ON} group_left () {_DAY_30}",
            "C": f"{shown} * 0 + {_ON} group_left () {kept('days_to_half')}",
        },
        [
            _TITLE_OF_ITS_TIME,
            _ACCOUNT,
            date("A", "Launched"),
            share_bar("B", "Completion", 130, HIGH_IS_GOOD),
            number("C", "Days to 50 %", 105),
            *_ITS_TIME,
        ],
        height=9, sort=[("Launched", True)], empty="Prometheus has not recorded day 30 of a campaign yet",
    )  # fmt: skip


def _scheduled() -> Json:
    shown = f"bottomk({MAX_ROWS}, {campaign('launch:due_days')})"
    return table(
        "Scheduled campaigns", "Campaigns that are scheduled, the next one first.",
        {
            "A": or_missing_row(with_account_column(shown), "title"),
            **_of(shown, B=f"{_LAUNCH} * 1000"),
        },
        [_title(), _ACCOUNT, date("B", "Launch"), number("A", "In days", 85, mappings=DASHES), *_CAMPAIGN],
        height=7, sort=[("In days", False)], empty="no campaign is scheduled",
    )  # fmt: skip


def _hardest() -> Json:
    shown = f"bottomk(10, max by ({BY_CAMPAIGN}, question) (question:mimecast_awareness_correct:ratio{{{SELECTED}}}))"
    return table(
        "Hardest questions", "The ten questions with the smallest share of correct answers, in campaigns of the last 90 days with at least 20 completions.",
        {"A": or_missing_row(with_account_column(shown), "title")},
        [
            _title(),
            _ACCOUNT,
            Column("question", "Question", custom__width=80, custom__align="right"),
            share_bar("A", "Correct", 110),
            *_CAMPAIGN,
        ],
        height=7, sort=[("Correct", False)], empty="no question has 20 answers yet",
    )  # fmt: skip


def _alerts() -> Json:
    firing = f'ALERTS{{{SELECTED}, alertstate="firing", category="training", severity!="none"}}'
    return table(
        "Alerts", "Firing alerts about training; docs/operations.md explains each.",
        {"A": or_missing_row(with_account_column(f"max by (alertname, severity, account, title) ({firing})"), "alertname")},
        [
            coloured("severity", "Severity", 95, mappings=SEVERITIES),
            Column("alertname", "Alert", custom__width=250),
            wrapped("title", "Campaign", custom__minWidth=120),
            _ACCOUNT,
        ],
        height=8, sort=[("Severity", True)], empty="no alert is firing",
    )  # fmt: skip


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        OVERVIEW,
        "Awareness overview",
        "The progress of awareness training, over all campaigns.",
        panels=[*_numbers(), _what_to_do(), *_trend(), row("Details"), _alerts(), _results(), _scheduled(), _hardest()],
        variables=FOR_ACCOUNTS,
        span="30d",
    )
