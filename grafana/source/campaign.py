"""Campaign: one campaign, from its launch on."""

from __future__ import annotations

from layout import CAMPAIGN, FOR_ONE_CAMPAIGN, dashboard
from palette import AMBER, BLUE, CAMPAIGN_STATES, GREEN, GREY, HIGH_IS_GOOD, PURPLE, SKY, YES, Json, words
from panels import DASHED, DATASOURCE, fixed_colour, query, stat, timeseries
from promql import BY_CAMPAIGN, CHOSEN, SELECTED, campaign, exported, kept, or_missing, state
from tables import Column, coloured, date, number, share_bar, table, wrapped


def _exported(name: str, *labels: str) -> str:
    return exported(f"awareness_campaign_{name}", ", ".join((BY_CAMPAIGN, *labels)), CHOSEN)


def _recorded(name: str) -> str:
    return campaign(name, CHOSEN)


_SENT, _COMPLETED, _LAUNCH = (
    _exported(name) for name in ("emails_sent", "users_completed", "launch_timestamp_seconds")
)
#: Recorded for campaigns of the last 90 days; of older ones, what the API says.
_COMPLETION = f"({_recorded('completion:ratio')}\nor {_COMPLETED} / ({_SENT} > 0))"
_DAY_30 = kept("day_ratio", f'{CHOSEN}, day="30"')
_TO_REMIND = f"({_recorded('users_to_remind:count')}\nor ({_SENT} > 0) - {_COMPLETED})"
_RIGHT_ANSWERS = (
    f"({_exported('correct_answers', 'question')} unless on (account, campaign_id) {_exported('implausible')} == 1)"
)
_CORRECT = f"avg({_RIGHT_ANSWERS} / on (account, campaign_id) group_left () ({_COMPLETED} > 0))"
_ANSWERS = _exported("answers", "option")
_KEY = "on (account, campaign_id)"
#: The right option as the API names it; else the one whose count is that of the right answers, where there is one such
#: option and one question.
_NAMED = f"""label_replace(
  max by (account, campaign_id, correct_option) (mimecast_awareness_campaign_info{{{CHOSEN}, correct_option!=""}}),
  "option", "$1", "correct_option", "(.*)"
)"""
_COUNTED = f"""({_ANSWERS} > 0 == {_KEY} group_left ()
  max by (account, campaign_id) (mimecast_awareness_campaign_correct_answers{{{CHOSEN}, question="1"}}))"""
_MATCHING = f"""(count by (account, campaign_id) ({_COUNTED}) == 1
  unless max by (account, campaign_id) (mimecast_awareness_campaign_correct_answers{{{CHOSEN}, question="2"}}))"""
_RIGHT = f"({_NAMED}\nor {_KEY} ({_COUNTED} and {_KEY} {_MATCHING}))"


def _numbers() -> list[Json]:
    share: Json = {"unit": "percentunit", "decimals": 0}
    settings: Json = {"width": 6, "now": True}
    judged = settings | share | {"thresholds": HIGH_IS_GOOD}
    own = kept("days_to_half", CHOSEN)
    median = f"last_over_time(account:mimecast_awareness_completion_days_to_half:median{{{SELECTED}}}[2h])"
    return [
        stat("State", "Behind: completion is below what is expected at the campaign's age, and not on pace to reach the target by day 30. Stalled: below the target, and nobody has completed for a week. Completed: nearly everybody has completed. Ended: launched more than 90 days ago.", or_missing(f"max({state(CHOSEN)})"), unit="none", mappings=CAMPAIGN_STATES, empty="not known", **settings),
        stat("Day", "Days since the launch. After day 30 Mimecast puts people who have not completed on its watchlist.", or_missing(f"floor((time() - max({_LAUNCH} <= time())) / 86400)", rules=False), unit="none", decimals=0, empty="not launched", **settings),
        stat("Completion", "People who completed, whatever they answered, of those who were sent the campaign.", or_missing(f"max({_COMPLETION})", rules=False), empty="nothing sent", **settings, **share),
        stat("To remind", "People who were sent the campaign and have not completed it.", or_missing(f"max({_TO_REMIND})", rules=False), unit="none", empty="nothing sent", **settings),
        stat("Correct answers", "Share of correct answers; the mean if there are several questions.", or_missing(_CORRECT, rules=False), empty="not known", **settings, **share),
        stat("Result by day 30", "Completion on day 30; the dashed line below is the target on that day.", or_missing(f"max({_DAY_30})"), empty="not reached", **judged),
        stat("Days to 50 %", "The campaign's age when completion passed 50 %.", or_missing(f"max({own})"), unit="none", decimals=1, empty="not reached", **settings | {"width": 5}),
        stat("Usual days to 50 %", "The median of the account's earlier campaigns.", or_missing(f"max({median})"), unit="none", decimals=1, empty="too few campaigns", **settings | {"width": 7}),
    ]  # fmt: skip


def _course() -> list[Json]:
    latest = f"max_over_time(mimecast_awareness_campaign_users_completed{{{CHOSEN}}}[1d] offset -1d)"
    first = f"min_over_time(mimecast_awareness_campaign_users_completed{{{CHOSEN}}}[1d] offset -1d)"
    midnight = f"mimecast_awareness_campaign_users_completed{{{CHOSEN}}}"
    by = "max by (account, campaign_id)"
    return [
        timeseries(
            "Completion since the launch",
            "Completion, compared with the median of the account's earlier campaigns at the same age and with the expected completion (the target from day 30 on). The launch and day 30 are marked.",
            [
                query(f"max({_COMPLETION})", "This campaign", ref="A"),
                query(f"max({_recorded('completion:account_median_ratio')})", "Median of earlier campaigns", ref="B"),
                query(f"max({_recorded('completion:expected_ratio')})", "Expected", ref="C"),
            ],
            width=15, height=10, unit="percentunit", min=0, max=1, empty="no numbers from this time",
            overrides=[
                fixed_colour("This campaign", BLUE, fillOpacity=15, lineWidth=3),
                fixed_colour("Median of earlier campaigns", SKY),
                fixed_colour("Expected", GREY, **DASHED),
            ],
        ),
        timeseries(
            "Completions per day", "People who completed, by day; the last bar is today so far. Mimecast reminds once a week.",
            [query(f"sum({by} ({latest}) - ({by} ({midnight}) or {by} ({first}))) >= 0", "Completions")],
            width=9, height=10, unit="none", decimals=0, bars="after", step="1d", legend=False,
            overrides=[fixed_colour("Completions", BLUE)], empty="no numbers from this time",
        ),
    ]  # fmt: skip


def _answers() -> list[Json]:
    share = f"{_ANSWERS} / {_KEY} group_left () (sum by (account, campaign_id) ({_ANSWERS}) > 0)"
    return [
        table(
            "Answers by option", "How many people chose each option. The correct one is marked if the API names it or if its count identifies it.",
            {"A": _ANSWERS, "B": share, "C": f"({_ANSWERS}) * 0 + 1 and on (account, campaign_id, option) {_RIGHT}"},
            [
                Column("option", "Option", custom__width=65),
                share_bar("B", "Share of answers", 0),
                number("A", "People", 70),
                coloured("Value #C", "Correct", 90, mappings=words({"1": ("✓ correct", GREEN)}), unit="none", noValue=""),
            ],
            width=12, height=8, sort=[("Option", False)], empty="not known", now=True,
        ),
        table(
            "Correct answers by question", "Correct answers of completions, by question. Implausible counts are left out.",
            {"A": _RIGHT_ANSWERS, "B": f"{_RIGHT_ANSWERS} / {_KEY} group_left () ({_COMPLETED} > 0)"},
            [
                Column("question", "Question", custom__width=90),
                share_bar("B", "Share of completions", 0),
                number("A", "Correct", 85),
            ],
            width=12, height=8, sort=[("Question", False)], empty="not known", now=True,
        ),
    ]  # fmt: skip


def _about() -> Json:
    values = {
        "A": f"{_LAUNCH} * 1000",
        "B": _SENT,
        "C": _exported("locked"),
        "D": _exported("assign_to_new_users"),
        "E": _exported("email_customized"),
        "F": _exported("implausible"),
        "G": _exported("info", "custom_module", "custom_content", "correct_option"),
    }
    yes_no: Json = {"mappings": YES, "unit": "none"}
    return table(
        "About the campaign", "Further data of the campaign.", values,
        [
            wrapped("title", "Campaign", custom__minWidth=150),
            date("A", "Launch"),
            number("B", "Emails sent", 110),
            Column("correct_option", "Correct option", custom__width=125),
            Column("Value #F", "Correct answers", custom__width=135, mappings=words({"0": ("plausible", BLUE), "1": ("implausible", AMBER)})),
            Column("Value #C", "Locked", custom__width=80, **yes_no),
            Column("Value #D", "New users get it", custom__width=130, **yes_no),
            Column("Value #E", "Email customized", custom__width=140, **yes_no),
            Column("custom_module", "Custom module", custom__width=125, **yes_no),
            Column("custom_content", "Custom content", custom__width=125, **yes_no),
            Column("campaign_id", "Campaign id", custom__width=130),
        ],
        height=4, sort=[("Launch", True)], empty="not known", now=True,
    )  # fmt: skip


def _mark(name: str, colour: str, expr: str) -> Json:
    """Return a vertical line at a time that a query gives in milliseconds."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expr,
        "step": "1h",
        "useValueForTime": True,
        "titleFormat": name,
        "textFormat": "{{title}}",
        "tagKeys": "account",
    }


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        CAMPAIGN,
        "Campaign",
        "One awareness-training campaign since its launch; by default the running campaign that was launched last.",
        panels=[*_numbers(), *_course(), *_answers(), _about()],
        variables=FOR_ONE_CAMPAIGN,
        span="45d",
        annotations=[
            _mark("Launch", PURPLE, f"{_LAUNCH} * 1000"),
            _mark("Day 30", AMBER, f"({_LAUNCH} + 30 * 86400) * 1000"),
        ],
    )
