"""Accounts: for providers, one row for each account, those that fail first."""

from __future__ import annotations

from layout import ACCOUNTS, EXPORTER, FOR_ACCOUNTS_BY_NAME, OVERVIEW, dashboard, link
from palette import (
    ACCOUNT_STATES,
    AMBER,
    BLUE,
    FRESH_IS_GOOD,
    GREY,
    HIGH_IS_GOOD,
    PLAIN_CELL,
    RED,
    SKY,
    ZERO_IS_GOOD,
    Json,
    in_a_cell,
    steps,
)
from panels import DASHED, fixed_colour, query, stat, timeseries
from promql import SELECTED, account, exported, or_missing, threshold
from tables import Column, coloured, number, share_bar, table

_FOUND = f'{SELECTED}, account=~"(?i).*$search.*"'
UP = exported("up")
AGE = f"(time() - min by (account) (mimecast_data_timestamp_seconds{{{SELECTED}}}))"
OLD = f"{AGE} > on () group_left () mimecast_awareness:data_age_seconds:threshold"
#: One of palette.ACCOUNT_STATES.
STATE = f"(({UP} == 0) * 0 + 2 or ({OLD}) * 0 + 1 or {UP} * 0)"
_COMPLETION = account("completion:ratio90d")
_BELOW = f"{_COMPLETION} < on () group_left () mimecast_awareness:completion_day30_ratio:threshold"


def _numbers() -> list[Json]:
    whole: Json = {"unit": "none"}
    none_is_good = whole | {"thresholds": ZERO_IS_GOOD}
    launches = account("campaigns_launched:count90d")
    return [
        stat("Accounts", "Accounts that are scraped.", or_missing(f"count({UP})", rules=False), width=5, **whole),
        stat("Failing", "Accounts with a collector whose last refresh failed.", or_missing(f"sum(1 - {UP})", rules=False), width=5, **none_is_good),
        stat("No launch in 90 days", "Accounts that have launched no campaign in the last 90 days.", or_missing(f"sum({launches} == bool 0)"), width=7, **none_is_good),
        stat("Below the target", "Accounts whose completion over the campaigns of the last 90 days is below the target (80 % by default).", or_missing(f"count({_BELOW}) or count({_COMPLETION}) * 0"), empty="nothing sent", width=7, **none_is_good),
    ]  # fmt: skip


def _accounts() -> Json:
    values = {
        "A": or_missing(STATE),
        "B": _COMPLETION,
        "C": account("campaigns_on_target:ratio365d"),
        "D": account("campaigns_launched:count90d"),
        "E": account("campaigns_behind:count"),
        "F": account("users_to_remind:sum"),
        "G": AGE,
    }
    return table(
        "Accounts, worst first",
        "Failing accounts first, then those with the lowest completion. Completion: over the campaigns launched in the last 90 days. On target: share of the campaigns launched 30 to 365 days ago that reached the target. "
        "Click an account for its campaigns, or its state for its API calls.",
        {ref: expr.replace(SELECTED, _FOUND) for ref, expr in values.items()},
        [
            coloured("Value #A", "State", 110, mappings=ACCOUNT_STATES, unit="none", links=[link("Open the account's exporter", EXPORTER, account="Account")]),
            Column("account", "Account", links=[link("Open the account's campaigns", OVERVIEW, account="Account")], custom__minWidth=120, custom__filterable=True),
            share_bar("B", "Completion", 112, HIGH_IS_GOOD),
            number("C", "On target", 85, unit="percentunit"),
            coloured("Value #D", "Launches", 80, unit="none", thresholds=steps((None, PLAIN_CELL), (0, AMBER), (1, PLAIN_CELL)), custom__align="right"),
            number("E", "Behind", 65),
            number("F", "To remind", 90),
            coloured("Value #G", "Data age", 80, unit="s", decimals=0, thresholds=in_a_cell(FRESH_IS_GOOD), custom__align="right"),
        ],
        height=24, pages=True, sort=[("State", True), ("Completion", False)], empty="no account is scraped",
    )  # fmt: skip


def _progress() -> list[Json]:
    shares = (
        ("A", 0.9, "Top 10 %"),
        ("B", 0.5, "Median"),
        ("C", 0.1, "Bottom 10 %"),
    )
    return [
        timeseries(
            "Completion of accounts", "Completion over the campaigns launched in the 90 days before: 10 % of the accounts are above the upper line, half above the middle one, 10 % below the lower one. The dashed line is the target.",
            [
                *(query(f"quantile({share}, {_COMPLETION})", legend, ref=ref) for ref, share, legend in shares),
                query(threshold("completion_day30_ratio"), "Target", ref="D"),
            ],
            unit="percentunit", min=0, max=1, step="2h", empty="no data",
            overrides=[
                fixed_colour("B", BLUE, by="byFrameRefID", lineWidth=3),
                *(fixed_colour(ref, SKY, by="byFrameRefID") for ref in "AC"),
                fixed_colour("Target", GREY, **DASHED),
            ],
        ),
        timeseries(
            "Accounts by state", "Accounts that fail, and accounts without a launch in the 90 days before.",
            [
                query(f"sum(1 - {UP})", "Failing", ref="A"),
                query(f"sum({account('campaigns_launched:count90d')} == bool 0)", "No launch in 90 days", ref="B"),
            ],
            unit="none", decimals=0, step="2h", custom={"axisSoftMax": 5}, overrides=[fixed_colour("Failing", RED), fixed_colour("No launch in 90 days", GREY)],
        ),
    ]  # fmt: skip


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        ACCOUNTS,
        "Accounts",
        "The progress of awareness training, by account.",
        panels=[*_numbers(), _accounts(), *_progress()],
        variables=FOR_ACCOUNTS_BY_NAME,
        span="30d",
    )
