"""Awareness overview: for the person who answers for training."""

from __future__ import annotations

from layout import CAMPAIGN, FOR_CAMPAIGNS, OVERVIEW, dashboard, link
from palette import (
    BLUE,
    CAMPAIGN_STATES,
    COMING_UP,
    DONE,
    HIGH_IS_GOOD,
    LINES,
    NOTHING_SENT,
    OVERDUE,
    RUNNING,
    SEVERITIES,
    STALLED,
    ZERO_IS_GOOD,
    Json,
)
from panels import Column, coloured, fixed_colour, marked, query, row, share_bar, stat, table, timeseries
from promql import BY_TITLE, RECORDED, Campaigns, at_place

_ALL = Campaigns(BY_TITLE)
#: The browser draws no more rows than that well.
_MOST = 500
_SHOWN = f"topk({_MOST}, {_ALL.launched})"
_TO_CAMPAIGN = link("Open the campaign", CAMPAIGN, account="Account", title="Campaign", campaign="Id")


_TITLE = Column("title", "Campaign", links=[_TO_CAMPAIGN], custom__minWidth=180)
_ACCOUNT = Column("account", "Account", custom__width=120)
#: For the link alone.
_ID = Column("campaign_id", "Id", custom__hidden=True, custom__hideFrom={"viz": True})


def _numbers() -> list[Json]:
    count: Json = {"unit": "none", "empty": "0"}
    return [
        stat("Running", "Campaigns launched less than 30 days ago that are not finished.", _ALL.in_state(RUNNING), **count),
        stat("Stalled", "Campaigns that are not finished and that nobody has completed for a week.", _ALL.in_state(STALLED), thresholds=ZERO_IS_GOOD, **count),
        stat("Unsent", "Campaigns launched more than a day ago for which no mail has been sent.", _ALL.in_state(NOTHING_SENT), thresholds=ZERO_IS_GOOD, **count),
        stat("Coming up", "Campaigns that are scheduled and not launched yet.", _ALL.in_state(COMING_UP), **count),
        stat("Overdue", "Campaigns launched more than a month ago that have not finished: who has not completed is on Mimecast's watchlist.", _ALL.in_state(OVERDUE), **count),
        stat("Finished", "Campaigns that nearly everybody has completed (95 %, set by mimecast_awareness:finished_ratio:threshold).", _ALL.in_state(DONE), **count),
        stat("Mails", "Mails sent for the campaigns, one a person reached; reminders may count too.", f"sum({_ALL.sent})", empty="0"),
        stat("Completed", "How often somebody completed a campaign, those who answered wrongly included.", f"sum({_ALL.completed})", empty="0"),
        stat("Completion, %", "Completions of mails sent, over all campaigns.", _ALL.completion_of_all, unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD, empty="nothing sent"),
        stat("Correct", "How often somebody answered correctly, over the campaigns whose right answers are known.", f"sum({_ALL.correct})", empty="not known"),
        stat("Correct, %", "Right answers of completions, over the campaigns whose right answers are known.", _ALL.correctness_of_all, unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD, empty="not known"),
        stat("7 days", "Completions of the last seven days.", f"sum({_ALL.last_week})", empty="0"),
    ]  # fmt: skip


def _campaigns() -> Json:
    values = {
        "A": f"(\n{_ALL.state}\n)",
        "B": f"{_ALL.launched} * 1000",
        "C": _ALL.sent,
        "D": _ALL.completed,
        "E": _ALL.completion,
        "F": _ALL.correctness,
        "G": _ALL.projected,
        "H": _ALL.last_week,
    }
    return table(
        "Campaigns",
        f"Every campaign, what wants somebody first; the {_MOST} launched last where there are more. Click a campaign to see it alone, a head to sort. "
        "Completion is of mails sent, correct is of completions. Day 30 is the completion to which the pace of the last week leads by the day on which Mimecast puts who has not completed on its watchlist.",
        [query(f"{expr}\nand {_SHOWN}", ref=ref, table=True) for ref, expr in values.items()],
        [
            _TITLE,
            _ACCOUNT,
            marked("Value #A", "State", CAMPAIGN_STATES, custom__width=120),
            share_bar("Value #E", "Completion"),
            share_bar("Value #F", "Correct"),
            coloured("Value #G", "Day 30", unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD, custom__width=90, custom__align="right"),
            Column("Value #B", "Launch", unit="time:YYYY-MM-DD", custom__width=115, custom__align="right"),
            Column("Value #C", "Mails", unit="none", custom__width=80),
            Column("Value #D", "Completed", unit="none", custom__width=110),
            Column("Value #H", "7 days", unit="none", custom__width=85),
            _ID,
        ],
        height=13, pages=True,
        sort=[("State", False), ("Launch", True)], empty="no campaigns",
    )  # fmt: skip


def _progress() -> list[Json]:
    last = Campaigns(BY_TITLE, " @ end()")
    running = f"({last.completion} and {last.age} < 30)"
    letters = dict(zip("ABCDEF", LINES, strict=True))
    return [
        timeseries(
            "Completion of running campaigns", "Campaigns launched in the last 30 days; where there are more than six, those that are furthest behind.",
            [
                query(f"{_ALL.completion}\nand {at_place(place, running)}", "{{title}} ({{account}})", ref=ref)
                for place, ref in enumerate(letters, start=1)
            ],
            height=10, unit="percentunit", custom={"axisSoftMax": 1}, empty="no campaign runs",
            overrides=[fixed_colour(ref, colour, by="byFrameRefID") for ref, colour in letters.items()],
        ),
        timeseries(
            "Completions per day", "Completions of the 24 hours before, one bar a day.",
            [query(f"sum({_ALL.last_day})", "Completions", step="1d")],
            bars=True, legend=False, height=10, overrides=[fixed_colour("Completions", BLUE)], empty="no completions",
        ),
    ]  # fmt: skip


def _attention() -> list[Json]:
    hardest = f"bottomk(10, max by (account, campaign_id, title, question) (question:mimecast_awareness_correct:ratio{{{RECORDED}{BY_TITLE}}}))"
    return [
        table(
            "Stalled campaigns", "Campaigns that are not finished and that nobody has completed for a week, from the eighth day to the ninetieth.",
            [
                query(f"{_ALL.age} and {_ALL.stalled}", ref="A", table=True),
                query(f"{_ALL.sent} - {_ALL.completed} and {_ALL.stalled}", ref="B", table=True),
                query(f"{_ALL.completion} and {_ALL.stalled}", ref="C", table=True),
            ],
            [
                _TITLE,
                share_bar("Value #C", "Completion", 150),
                Column("Value #B", "Not completed", unit="none", custom__width=125),
                Column("Value #A", "Day", unit="none", decimals=0, custom__width=65),
                _ACCOUNT,
                _ID,
            ],
            width=12, height=9, sort=[("Completion", False)], empty="nothing has stalled",
        ),
        table(
            "Scheduled campaigns", "Campaigns that are scheduled, the next one first.",
            [
                query(f"{_ALL.launched} * 1000 and {_ALL.due}", ref="A", table=True),
                query(_ALL.due, ref="B", table=True),
            ],
            [
                _TITLE,
                Column("Value #B", "In days", unit="none", decimals=0, custom__width=85),
                Column("Value #A", "Launch", unit="time:YYYY-MM-DD HH:mm", custom__width=150, custom__align="right"),
                _ACCOUNT,
                _ID,
            ],
            width=12, height=9, sort=[("In days", False)], empty="nothing is scheduled",
        ),
        table(
            "Hardest questions", "The ten questions that the fewest answer correctly: what to explain again. Counts that cannot be right are left out.",
            [query(hardest, table=True)],
            [
                _TITLE,
                share_bar("Value", "Correct", 150),
                Column("question", "Question", custom__width=90, custom__align="right"),
                _ACCOUNT,
                _ID,
            ],
            width=12, height=9, sort=[("Correct", False)], empty="no answers yet",
        ),
        table(
            "Alerts", "Alerts about training that fire now; docs/operations.md says what to do about each.",
            [query(f'max by (alertname, severity, account, title) (ALERTS{{{RECORDED}{BY_TITLE}, alertstate="firing", category="training"}})', table=True)],
            [
                marked("severity", "Severity", SEVERITIES, custom__width=95),
                Column("alertname", "Alert", custom__width=250),
                Column("title", "Campaign", custom__minWidth=120),
                _ACCOUNT,
            ],
            width=12, height=9, sort=[("Severity", True)], empty="no alert fires",
        ),
    ]  # fmt: skip


def build() -> Json:
    """The dashboard."""
    return dashboard(
        OVERVIEW,
        "Awareness overview",
        "How the awareness training goes, over all campaigns.",
        panels=[
            *_numbers(),
            _campaigns(),
            row("Progress"),
            *_progress(),
            row("What wants somebody"),
            *_attention(),
        ],
        variables=FOR_CAMPAIGNS,
        span="30d",
    )
