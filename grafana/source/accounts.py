"""Accounts: for providers, one row an account, the worst first."""

from __future__ import annotations

from layout import ACCOUNTS, EXPORTER, FOR_ACCOUNTS, OVERVIEW, dashboard, link
from palette import ACCOUNT_STATES, BLUE, FRESH_IS_GOOD, HIGH_IS_GOOD, SKY, VERMILLION, ZERO_IS_GOOD, Json
from panels import Column, coloured, fixed_colour, marked, query, share_bar, stat, table, timeseries
from promql import OLD, Campaigns, account, each_account

_ALL = Campaigns("")
UP = each_account("mimecast_up")
AGE = f"(time() - {each_account('mimecast_awareness_data_timestamp_seconds')})"
#: One of palette.ACCOUNT_STATES.
STATE = f"({UP} == 0) * 0 or ({AGE} > {OLD}) * 0 + 1 or {UP} * 0 + 2"

_COMPLETION = account("completion:ratio")


def _numbers() -> list[Json]:
    share: Json = {"unit": "percentunit", "decimals": 0, "thresholds": HIGH_IS_GOOD}
    return [
        stat("Accounts", "Accounts that Prometheus knows of.", f"count({UP})", unit="none", empty="0"),
        stat("Failing", "Accounts whose last refresh failed.", f"sum(1 - {UP})", unit="none", thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Oldest data", "Age of the oldest data being served.", f"max({AGE})", unit="s", decimals=0, thresholds=FRESH_IS_GOOD),
        stat("Stalled campaigns", "Campaigns that are not finished and that nobody has completed for a week, over all accounts.", f"sum({account('campaigns_stalled:count')})", unit="none", thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Completion", "Completions of mails sent, over all accounts.", _ALL.completion_of_all, empty="nothing sent", **share),
        stat("Completed in 7 days", "Completions of the last seven days, over all accounts.", f"sum({_ALL.last_week})", empty="0"),
    ]  # fmt: skip


def _accounts() -> Json:
    values = {
        "A": STATE,
        "B": _COMPLETION,
        "C": account("correct:ratio"),
        "D": account("campaigns_launched:count"),
        "E": account("campaigns_pending:count"),
        "F": account("campaigns_stalled:count"),
        "G": f"sum by (account) ({_ALL.last_week})",
        "H": AGE,
    }
    return table(
        "Accounts, the worst first",
        "One row an account: those that fail first, then the lowest completion. Click an account to see its campaigns, its state to see how the API treats it.",
        [query(expr, ref=ref, table=True) for ref, expr in values.items()],
        [
            Column("account", "Account", links=[link("Open the account's campaigns", OVERVIEW, account="Account")], custom__minWidth=150),
            marked("Value #A", "State", ACCOUNT_STATES, custom__width=100, links=[link("Open the account's health", EXPORTER, account="Account")]),
            share_bar("Value #B", "Completion", 200),
            share_bar("Value #C", "Correct", 200),
            Column("Value #D", "Launched", unit="none", custom__width=105),
            Column("Value #E", "Coming up", unit="none", custom__width=110),
            coloured("Value #F", "Stalled", unit="none", thresholds=ZERO_IS_GOOD, custom__width=90, custom__align="right"),
            Column("Value #G", "7 days", unit="none", custom__width=90),
            coloured("Value #H", "Age of data", unit="s", decimals=0, thresholds=FRESH_IS_GOOD, custom__width=120, custom__align="right"),
        ],
        height=12, pages=True, sort=[("State", False), ("Completion", False)], empty="no account is scraped",
    )  # fmt: skip


def _progress() -> list[Json]:
    return [
        timeseries(
            "Completion over time", "Completions of mails sent: over all accounts, and the lowest and the highest of them.",
            [
                query(f"max({_COMPLETION})", "Highest account", ref="A"),
                query(_ALL.completion_of_all, "All accounts", ref="B"),
                query(f"min({_COMPLETION})", "Lowest account", ref="C"),
            ],
            unit="percentunit", custom={"axisSoftMax": 1}, empty="nothing sent",
            overrides=[fixed_colour("Highest account", SKY), fixed_colour("All accounts", BLUE, lineWidth=3), fixed_colour("Lowest account", VERMILLION)],
        ),
        timeseries(
            "Completions per day", "Completions of the 24 hours before over all accounts, one bar a day.",
            [query(f"sum({_ALL.last_day})", "Completions", step="1d")],
            unit="none", bars=True, legend=False, overrides=[fixed_colour("Completions", BLUE)], empty="no completions",
        ),
    ]  # fmt: skip


def build() -> Json:
    """The dashboard."""
    return dashboard(
        ACCOUNTS,
        "Accounts",
        "How each account's awareness training goes, the worst first.",
        panels=[*_numbers(), _accounts(), *_progress()],
        variables=FOR_ACCOUNTS,
        span="30d",
    )
