"""Campaign: one campaign, from its launch on."""

from __future__ import annotations

from panels import (
    BLUE,
    GREEN,
    HIGH_IS_GOOD,
    ORANGE,
    RAW,
    RECORDED,
    SKY,
    Json,
    bars,
    dashboard,
    fixed_colour,
    query,
    stat,
    timeseries,
    variables,
)  # fmt: skip

_ONE = f'{RECORDED}, title="$title"'
_ONE_RAW = f'{RAW}, title="$title"'
_BY = "max by (account, campaign_id, title)"
_ANSWERS = f"max by (account, campaign_id, option) (mimecast_awareness_campaign_answers{{{_ONE_RAW}}})"
#: The right option as the API names it, else the one whose count is that of the right answers.
_RIGHT = f"""(
  label_replace(
    max by (account, campaign_id, correct_option) (mimecast_awareness_campaign_info{{{_ONE_RAW}, correct_option!=""}}),
    "option", "$1", "correct_option", "(.*)"
  )
or on (account, campaign_id)
  ({_ANSWERS} == on (account, campaign_id) group_left ()
    max by (account, campaign_id) (mimecast_awareness_campaign_correct_answers{{{_ONE_RAW}, question="1"}}))
)"""


def build() -> Json:
    """The dashboard."""
    panels = [
        stat("Launched", "Days since the launch.", f"max(campaign:mimecast_awareness_launch:age_days{{{_ONE}}})", unit="d", decimals=0, empty="pending"),
        stat("Mails sent", "Mails sent to users; reminders may count.", f"sum({_BY} (campaign:mimecast_awareness_emails_sent:max{{{_ONE}}}))"),
        stat("Completed", "Users that completed, those that answered wrongly included.", f"sum({_BY} (campaign:mimecast_awareness_users_completed:max{{{_ONE}}}))"),
        stat("Completion", "Completed of mails sent.", f"max(campaign:mimecast_awareness_completion:ratio{{{_ONE}}})", unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD, empty="nothing sent"),
        stat("Correct", "Right answers of completions; the mean where there are several questions.", f"max(campaign:mimecast_awareness_correct:ratio{{{_ONE}}})", unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD, empty="not known"),
        stat("Projected for day 30", "Completion on day 30 at the pace of the last week; who has not completed by then goes on Mimecast's watchlist.", f"max(campaign:mimecast_awareness_completion:projected_ratio_day30{{{_ONE}}})", unit="percentunit", decimals=0, thresholds=HIGH_IS_GOOD, empty="past, or too early"),
        timeseries(
            "Sent, completed and correct", "People over time. Where two campaigns bear the same title, each has its lines.",
            [
                query(f"{_BY} (campaign:mimecast_awareness_emails_sent:max{{{_ONE}}})", "Mails sent ({{campaign_id}})", ref="A"),
                query(f"{_BY} (campaign:mimecast_awareness_users_completed:max{{{_ONE}}})", "Completed ({{campaign_id}})", ref="B"),
                query(f"{_BY} (campaign:mimecast_awareness_users_correct:max{{{_ONE}}})", "Correct ({{campaign_id}})", ref="C"),
            ],
            min=0, height=9,
            overrides=[fixed_colour("byRegexp", "/^Mails/", SKY), fixed_colour("byRegexp", "/^Completed/", BLUE), fixed_colour("byRegexp", "/^Correct/", GREEN)],
        ),
        timeseries(
            "Completion since the launch", "Completed of mails sent, and where the pace of each moment's last week led on day 30.",
            [
                query(f"{_BY} (campaign:mimecast_awareness_completion:ratio{{{_ONE}}} and campaign:mimecast_awareness_launch:age_days{{{_ONE}}})", "Completion ({{campaign_id}})", ref="A"),
                query(f"clamp_max({_BY} (campaign:mimecast_awareness_completion:projected_ratio_day30{{{_ONE}}}), 1)", "Projected for day 30 ({{campaign_id}})", ref="B"),
            ],
            unit="percentunit", min=0, max=1, height=9,
            overrides=[fixed_colour("byRegexp", "/^Completion/", BLUE), fixed_colour("byRegexp", "/^Projected/", ORANGE)],
        ),
        bars(
            "Answers by option", "How many people chose each option. The right one is marked, where the API names it or its count tells.",
            [
                query(f"{_ANSWERS}\nunless on (account, campaign_id, option) {_RIGHT}", "Option {{option}}", ref="A", instant=True),
                query(f"{_ANSWERS}\nand on (account, campaign_id, option) {_RIGHT}", "Option {{option}} ✓ right", ref="B", instant=True),
            ],
            width=8, min=0, colour="fixed", empty="no answers yet",
            overrides=[fixed_colour("byRegexp", "/right/", BLUE), fixed_colour("byRegexp", "/^Option \\d+$/", ORANGE)],
        ),
        bars("Correct answers by question", "Right answers of completions, question by question. Implausible counts are left out.", [query(f"max by (account, campaign_id, question) (question:mimecast_awareness_correct:ratio{{{_ONE}}})", "Question {{question}}", instant=True)], width=8, unit="percentunit", decimals=0, min=0, max=1, thresholds=HIGH_IS_GOOD, empty="not known"),
        timeseries("Completions per day", "Completions of the 24 hours before.", [query(f"{_BY} (campaign:mimecast_awareness_users_completed:delta1d{{{_ONE}}})", "{{campaign_id}}")], width=8, min=0, colour="fixed", custom={"drawStyle": "bars", "fillOpacity": 60, "lineWidth": 0}, overrides=[fixed_colour("byRegexp", "/.*/", BLUE)]),
    ]  # fmt: skip
    return dashboard(
        "mimecast-campaign",
        "Campaign",
        "One awareness-training campaign from its launch on.",
        panels=panels,
        found=variables(campaign="one"),
        span="30d",
    )
