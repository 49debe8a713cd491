"""Awareness overview: for the person who answers for training."""

from __future__ import annotations

from panels import (
    HIGH_IS_GOOD,
    RECORDED,
    ZERO_IS_GOOD,
    Column,
    Json,
    dashboard,
    link,
    query,
    row,
    share_bar,
    stat,
    table,
    timeseries,
    variables,
)  # fmt: skip

_TITLED = f'{RECORDED}, title=~"$title"'
_BY = "max by (account, campaign_id, title)"
_TO_CAMPAIGN = link(
    "Open the campaign",
    "/d/mimecast-campaign?${datasource:queryparam}&var-account=${__data.fields.Account:percentencode}"
    "&var-title=${__data.fields.Campaign:percentencode}&${__url_time_range}",
)


def _campaign_columns(*values: Column) -> list[Column]:
    return [
        Column("title", "Campaign", links=[_TO_CAMPAIGN], custom__minWidth=220),
        Column("account", "Account", custom__width=140),
        *values,
    ]


def build() -> Json:
    """The dashboard."""
    panels = [
        stat("Launched", "Campaigns that were launched, in the accounts chosen.", f"sum(account:mimecast_awareness_campaigns_launched:count{{{RECORDED}}})", width=3, empty="0"),
        stat("Coming up", "Campaigns that are scheduled and not launched yet.", f"sum(account:mimecast_awareness_campaigns_pending:count{{{RECORDED}}})", width=3, empty="0"),
        stat("Stalled", "Campaigns that are not finished and that nobody has completed for a week.", f"sum(account:mimecast_awareness_campaigns_stalled:count{{{RECORDED}}})", width=3, thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Mails sent", "Mails sent for all launched campaigns. Reminders may count, so this can exceed the number of people times campaigns.", f"sum(account:mimecast_awareness_emails_sent:sum{{{RECORDED}}})", width=3, empty="0"),
        stat("Completed", "How often a campaign was completed by somebody.", f"sum(account:mimecast_awareness_users_completed:sum{{{RECORDED}}})", width=3, empty="0"),
        stat("Last day", "Completions of the last 24 hours, over all campaigns.", f"sum(account:mimecast_awareness_users_completed:delta1d{{{RECORDED}}})", width=3, empty="0"),
        stat("Completion", "Completions of mails sent, over all launched campaigns.", f"sum(account:mimecast_awareness_users_completed:sum{{{RECORDED}}}) / (sum(account:mimecast_awareness_emails_sent:sum{{{RECORDED}}}) > 0)", width=3, unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD),
        stat("Correct", "Right answers of completions, over the campaigns whose right answers are known.", f"avg(account:mimecast_awareness_correct:ratio{{{RECORDED}}})", width=3, unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD),
        table(
            "Campaigns",
            "Every launched campaign. Click a campaign to see it alone; click a head to sort. Completion is of mails sent, correct is of completions; day 30 is where the pace of the last week leads, when Mimecast puts who has not completed on its watchlist.",
            [
                query(f"{_BY} (campaign:mimecast_awareness_launch:age_days{{{_TITLED}}})", ref="A", table=True),
                query(f"{_BY} (campaign:mimecast_awareness_emails_sent:max{{{_TITLED}}})\nand {_BY} (campaign:mimecast_awareness_launch:age_days{{{_TITLED}}})", ref="B", table=True),
                query(f"{_BY} (campaign:mimecast_awareness_users_completed:max{{{_TITLED}}})\nand {_BY} (campaign:mimecast_awareness_launch:age_days{{{_TITLED}}})", ref="C", table=True),
                query(f"{_BY} (campaign:mimecast_awareness_completion:ratio{{{_TITLED}}})", ref="D", table=True),
                query(f"{_BY} (campaign:mimecast_awareness_correct:ratio{{{_TITLED}}})", ref="E", table=True),
                query(f"{_BY} (campaign:mimecast_awareness_completion:projected_ratio_day30{{{_TITLED}}})", ref="F", table=True),
            ],
            _campaign_columns(
                Column("Value #A", "Launched", unit="d", decimals=0, custom__width=125),
                Column("Value #B", "Mails", custom__width=90),
                Column("Value #C", "Completed", custom__width=125),
                share_bar("Value #D", "Completion"),
                share_bar("Value #E", "Correct"),
                Column("Value #F", "Day 30", unit="percentunit", decimals=0, max=1, custom__width=90),
            ),
            height=13,
            sort="Launched",
            empty="-",
        ),
        timeseries("Completion of running campaigns", "Campaigns of the last 30 days, at most ten: the ones that are furthest behind.", [query(f"bottomk(10, {_BY} (campaign:mimecast_awareness_completion:ratio{{{_TITLED}}} and campaign:mimecast_awareness_launch:age_days{{{_TITLED}}} < 30))", "{{account}}: {{title}}")], unit="percentunit", min=0, empty="no campaign runs"),
        timeseries("Completions per day", "Completions of the 24 hours before, by account; the ten accounts with the most.", [query(f"topk(10, sum by (account) (account:mimecast_awareness_users_completed:delta1d{{{RECORDED}}}))", "{{account}}")], min=0),
        row("What needs somebody"),
        table(
            "Stalled", "Campaigns that are not finished and that nobody has completed for a week.",
            [
                query(f"{_BY} (campaign:mimecast_awareness_completion:ratio{{{_TITLED}}} and campaign:mimecast_awareness_stalled:bool{{{_TITLED}}} == 1)", ref="A", table=True),
                query(f"{_BY} (campaign:mimecast_awareness_launch:age_days{{{_TITLED}}} and campaign:mimecast_awareness_stalled:bool{{{_TITLED}}} == 1)", ref="B", table=True),
            ],
            _campaign_columns(Column("Value #B", "Launched", unit="d", decimals=0, custom__width=125), share_bar("Value #A", "Completion")),
            width=12, height=8, sort="Completion", empty="nothing has stalled",
        ),
        table(
            "Coming up", "Campaigns that are scheduled, the next one first.",
            [query(f"{_BY} (campaign:mimecast_awareness_launch:due_days{{{_TITLED}}})", ref="A", table=True)],
            [Column("title", "Campaign", custom__minWidth=220), Column("account", "Account", custom__width=140), Column("Value", "In", unit="d", decimals=0, custom__width=125)],
            width=12, height=8, sort="In", empty="nothing is scheduled",
        ),
    ]  # fmt: skip
    return dashboard(
        "mimecast-overview",
        "Awareness overview",
        "How the awareness training goes, over all campaigns.",
        panels=panels,
        found=variables(campaign="many"),
        span="30d",
    )
