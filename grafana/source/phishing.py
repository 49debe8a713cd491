"""Phishing and risk: simulations, SAFE scores and the training performance of the company."""

from __future__ import annotations

from layout import FOR_ACCOUNTS, OVERVIEW, PHISHING, dashboard, link
from palette import AMBER, BLUE, GRADES, GREY, RED, Json, words
from panels import bar_gauge, fixed_colour, query, stat, timeseries
from promql import (
    BY_CAMPAIGN,
    SELECTED,
    account,
    exported,
    or_missing,
    or_missing_row,
    simulation,
    with_account_column,
)
from tables import Column, coloured, date, number, share_bar, table, wrapped

_MAX_ROWS = 500
_SENT, _LAUNCH = (
    exported(f"awareness_phishing_campaign_{name}", BY_CAMPAIGN) for name in ("sent", "launch_timestamp_seconds")
)
_CLICKED, _SUBMITTED = simulation("clicked:ratio"), simulation("submitted:ratio")
#: Simulations old enough to judge, and not older than a year.
_YEAR = f"({simulation('launch:age_days')} >= 7 < 365)"
_GRADES = exported("awareness_safe_score_users", "account, grade")


def _numbers() -> list[Json]:
    share: Json = {"unit": "percentunit", "decimals": 1, "width": 6}
    low, unwatched = account("safe_score_low_grades:ratio"), account("performance_videos_not_watched:ratio")
    return [
        stat("Click rate", "The mean over the phishing simulations launched 7 to 365 days ago of the share of people who clicked, of those it was sent to.", or_missing(f"avg({_CLICKED} and {_YEAR})", "phishing"), empty="no simulation", **share),
        stat("Submit rate", "The same for people who submitted data. Whether people who submitted count as clicked as well is not documented.", or_missing(f"avg({_SUBMITTED} and {_YEAR})", "phishing"), empty="no simulation", **share),
        stat("Grade D or F", "Share of people whose SAFE score has the grade D or F; the mean over the accounts.", or_missing(f"avg({low})", "safe_score"), empty="no scores", **share),
        stat("Unseen videos", "Share of the training videos sent that were not watched; the mean over the accounts.", or_missing(f"avg({unwatched})", "performance"), empty="no videos", **share),
    ]  # fmt: skip


def _collectors() -> Json:
    """Return a row for each collector of this dashboard: on, failing, or how to switch it on."""
    names = ("phishing", "safe_score", "performance")
    matchers = f'{SELECTED}, collector=~"{"|".join(names)}"'
    up = exported("collector_up", "account, collector", matchers)
    off = "\nor ".join(
        f'label_replace(-1 * absent(mimecast_collector_up{{{SELECTED}, collector="{name}"}}), "collector", "{name}", "", "")'
        for name in names
    )
    meanings = {"-1": ("off", GREY), "0": ("failing", RED), "1": ("on", BLUE)}
    how = words(
        {
            "-1": ("set collectors: [campaigns, phishing, safe_score, performance] in the configuration", GREY),
            "0": ("see the dashboard Exporter", GREY),
            "1": ("", GREY),
        }
    )
    state = f"min by (collector) ({up})\nor ({off}) and on () (count(mimecast_up{{{SELECTED}}}) > 0)"
    return table(
        "Collectors", "The collectors that this dashboard needs. Failing: the last refresh of at least one account failed.",
        {"A": state, "B": f"count by (collector) ({up})", "C": state, "D": f"sum by (collector) (1 - {up})"},
        [
            Column("collector", "Collector", custom__width=120),
            coloured("Value #A", "State", 90, mappings=words(meanings), unit="none"),
            number("B", "Accounts", 90),
            number("D", "Failing", 80),
            Column("Value #C", "What to do", mappings=how, unit="none", custom__align="left", custom__minWidth=200),
        ],
        height=6, empty="the exporter is down",
    )  # fmt: skip


def _simulations() -> list[Json]:
    # The rates as known at the end, at the day of the launch: dots that lines connect.
    last = f"last_over_time({{}}{{{{{SELECTED}}}}}[$__interval] @ end() offset -$__interval)"
    by = f"max by ({BY_CAMPAIGN})"
    launch = f"{by} ({last.format('mimecast_awareness_phishing_campaign_launch_timestamp_seconds')})"
    day = f"({launch} >= time() < time() + $__interval_ms / 1000 < $__to / 1000 - 3 * 86400)"
    rates = {
        name: f"avg({by} ({last.format(f'simulation:mimecast_awareness_phishing_{name}:ratio')}) and {day})"
        for name in ("clicked", "submitted")
    }
    return [
        timeseries(
            "Click and submit rate by simulation", "Each dot is a simulation, or the mean of those of several accounts, on the day of its launch; its height is the rate that it has reached until now. Simulations of the last three days are left out.",
            [query(rates["clicked"], "Clicked", ref="A"), query(rates["submitted"], "Submitted data", ref="B")],
            width=24, unit="percentunit", step="1d",
            custom={"spanNulls": True, "showPoints": "always", "pointSize": 9},
            overrides=[fixed_colour("Clicked", AMBER), fixed_colour("Submitted data", RED)],
        ),
    ]  # fmt: skip


def _by_simulation() -> Json:
    shown = f"topk({_MAX_ROWS}, {_LAUNCH} and {simulation('launch:age_days')})"
    median = f"{_CLICKED} * 0 + on (account) group_left () {account('phishing_clicked:median')}"
    columns = {"B": _SENT, "C": _CLICKED, "D": median, "E": _SUBMITTED}
    return table(
        "Simulations", f"The newest first ({_MAX_ROWS} at most). The median is that of the account's simulations of the last 400 days. Clicks and submissions are separate counts of Mimecast; do not add them.",
        {"A": or_missing_row(with_account_column(f"{shown} * 1000"), "title", "phishing"), **{ref: f"{expr}\nand {shown}" for ref, expr in columns.items()}},
        [
            wrapped("title", "Simulation", custom__minWidth=140),
            Column("shown_account", "Account", custom__minWidth=120),
            date("A", "Launched"),
            number("B", "Sent", 60),
            share_bar("C", "Clicked", 110),
            number("D", "Median", 75, unit="percentunit"),
            share_bar("E", "Submitted", 110),
        ],
        width=24, height=9, sort=[("Launched", True)], empty="no simulation",
    )  # fmt: skip


def _risk() -> list[Json]:
    grades = f"sum by (grade) ({_GRADES})"
    wrong = exported("awareness_performance_users_by_incorrect_answers", "account, incorrect")
    return [
        timeseries(
            "People by SAFE score grade", "Share of people with each grade, from A, the best, to F; there is no E.",
            [query(grades, "{{grade}}")],
            unit="none", height=9, span="30d", step="6h",
            custom={"stacking": {"mode": "percent", "group": "A"}, "fillOpacity": 80, "lineWidth": 0},
            overrides=[fixed_colour(grade, colour) for grade, colour in GRADES.items()],
        ),
        bar_gauge(
            "People by incorrect answers", "How many people have given how many incorrect answers.",
            [query(f"sum by (incorrect) ({wrong})", "{{incorrect}}", instant=True)],
            height=9, unit="none", decimals=0, min=0,
        ),
    ]  # fmt: skip


def _accounts() -> Json:
    values = {
        "A": account("phishing_clicked:median"),
        "B": account("phishing_submitted:median"),
        "C": account("safe_score_low_grades:ratio"),
        "D": account("performance_videos_not_watched:ratio"),
        "E": exported("awareness_phishing_campaigns"),
    }
    percent: Json = {"unit": "percentunit", "decimals": 0}
    return table(
        "Accounts compared", "Those with the highest median click rate first. A dash: the collector is disabled, or there are fewer than three simulations.",
        values,
        [
            Column("account", "Account", links=[link("Open the account's campaigns", OVERVIEW, account="Account")], custom__minWidth=120),
            number("E", "Simulations", 95),
            share_bar("A", "Click rate, median", 145),
            share_bar("B", "Submit rate, median", 150),
            share_bar("C", "Grade D or F", 110),
            number("D", "Unseen videos", 115, **percent),
        ],
        height=9, sort=[("Click rate, median", True)],
    )  # fmt: skip


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        PHISHING,
        "Phishing and risk",
        "How people react to simulated phishing, and how their risk scores develop.",
        panels=[*_numbers(), *_simulations(), *_risk(), _by_simulation(), _accounts(), _collectors()],
        variables=FOR_ACCOUNTS,
        span="365d",
    )
