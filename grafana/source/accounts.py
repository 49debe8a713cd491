"""Accounts: for providers, one row an account, the worst first."""

from __future__ import annotations

from panels import (
    BLUE,
    HIGH_IS_GOOD,
    ORANGE,
    RAW,
    RECORDED,
    VERMILLION,
    ZERO_IS_GOOD,
    Column,
    Json,
    dashboard,
    link,
    query,
    share_bar,
    stat,
    steps,
    table,
    timeseries,
    variables,
)  # fmt: skip

_TO_OVERVIEW = link(
    "Open the account's overview",
    "/d/mimecast-overview?${datasource:queryparam}&var-account=${__data.fields.Account:percentencode}&${__url_time_range}",
)
_STATE = [
    {"type": "value", "options": {"0": {"text": "failing", "color": VERMILLION}, "1": {"text": "ok", "color": BLUE}}}
]


def build() -> Json:
    """The dashboard."""
    panels = [
        stat("Accounts", "Accounts that Prometheus knows of.", f"count(max by (account) (mimecast_up{{{RAW}}}))", empty="0"),
        stat("Failing", "Accounts whose last refresh failed.", f"count(max by (account) (mimecast_up{{{RAW}}}) == 0) or vector(0)", thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Campaigns launched", "Over all accounts chosen.", f"sum(account:mimecast_awareness_campaigns_launched:count{{{RECORDED}}})", empty="0"),
        stat("Stalled", "Campaigns that are not finished and that nobody has completed for a week.", f"sum(account:mimecast_awareness_campaigns_stalled:count{{{RECORDED}}})", thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Completion", "Completions of mails sent, over all accounts chosen.", f"sum(account:mimecast_awareness_users_completed:sum{{{RECORDED}}}) / (sum(account:mimecast_awareness_emails_sent:sum{{{RECORDED}}}) > 0)", unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD),
        stat("Oldest data", "Age of the oldest data being served.", f"max(time() - max by (account) (mimecast_awareness_data_timestamp_seconds{{{RAW}}}))", unit="s", decimals=0, thresholds=steps((None, BLUE), (900, ORANGE), (1800, VERMILLION))),
        table(
            "Accounts", "One row an account, the lowest completion first. Click an account to see its campaigns.",
            [
                query(f"max by (account) (mimecast_up{{{RAW}}})", ref="A", table=True),
                query(f"max by (account) (account:mimecast_awareness_completion:ratio{{{RECORDED}}})", ref="B", table=True),
                query(f"max by (account) (account:mimecast_awareness_correct:ratio{{{RECORDED}}})", ref="C", table=True),
                query(f"max by (account) (account:mimecast_awareness_campaigns_launched:count{{{RECORDED}}})", ref="D", table=True),
                query(f"max by (account) (account:mimecast_awareness_campaigns_pending:count{{{RECORDED}}})", ref="E", table=True),
                query(f"max by (account) (account:mimecast_awareness_campaigns_stalled:count{{{RECORDED}}})", ref="F", table=True),
                query(f"max by (account) (account:mimecast_awareness_users_completed:delta1d{{{RECORDED}}})", ref="G", table=True),
                query(f"time() - max by (account) (mimecast_awareness_data_timestamp_seconds{{{RAW}}})", ref="H", table=True),
            ],
            [
                Column("account", "Account", links=[_TO_OVERVIEW], custom__minWidth=160),
                Column("Value #A", "State", mappings=_STATE, custom__width=90, custom__cellOptions={"type": "color-text"}),
                share_bar("Value #B", "Completion"),
                share_bar("Value #C", "Correct"),
                Column("Value #D", "Launched", custom__width=100),
                Column("Value #E", "Coming up", custom__width=110),
                Column("Value #F", "Stalled", custom__width=90, thresholds=ZERO_IS_GOOD, custom__cellOptions={"type": "color-text"}),
                Column("Value #G", "Last day", custom__width=100),
                Column("Value #H", "Age of data", unit="s", decimals=0, custom__width=120),
            ],
            height=11, sort="Completion",
            empty="-",
        ),
        timeseries("Completion, the ten lowest", "Completions of mails sent of the accounts that are furthest behind.", [query(f"bottomk(10, max by (account) (account:mimecast_awareness_completion:ratio{{{RECORDED}}}))", "{{account}}")], unit="percentunit", min=0, max=1),
        timeseries("Completions per day, the ten busiest", "Completions of the 24 hours before.", [query(f"topk(10, max by (account) (account:mimecast_awareness_users_completed:delta1d{{{RECORDED}}}))", "{{account}}")], min=0),
    ]  # fmt: skip
    return dashboard(
        "mimecast-accounts",
        "Accounts",
        "How each account's awareness training goes, the worst first.",
        panels=panels,
        found=variables(),
        span="30d",
    )
