"""Campaign: one campaign, from its launch on."""

from __future__ import annotations

from layout import CAMPAIGN, FOR_ONE_CAMPAIGN, dashboard
from palette import (
    BLUE,
    CAMPAIGN_STATES,
    GREEN,
    GREY,
    HIGH_IS_GOOD,
    ORANGE,
    SKY,
    YES,
    Json,
    words,
)
from panels import (
    DASHED,
    DATASOURCE,
    Column,
    bar_gauge,
    coloured,
    fixed_colour,
    query,
    share_bar,
    stat,
    table,
    timeseries,
)
from promql import CHOSEN, RAW, RECORDED, Campaigns

_ONE = Campaigns(CHOSEN)
_ANSWERS = _ONE.given("answers", "option")
_KEY = "on (account, campaign_id)"
_OPTION = "on (account, campaign_id, option)"
#: The right option as the API names it; else the one whose count is that of the right answers, where there is one such
#: option and one question.
_NAMED = f"""label_replace(
    max by (account, campaign_id, correct_option) (mimecast_awareness_campaign_info{{{RAW}{CHOSEN}, correct_option!=""}}),
    "option", "$1", "correct_option", "(.*)"
  )"""
_COUNTED = f"""(
    {_ANSWERS} > 0
    == {_KEY} group_left ()
    max by (account, campaign_id) (mimecast_awareness_campaign_correct_answers{{{RAW}{CHOSEN}, question="1"}})
  )"""
_MATCHING = f"""(
    count by (account, campaign_id) ({_COUNTED}) == 1
    unless max by (account, campaign_id) (mimecast_awareness_campaign_correct_answers{{{RAW}{CHOSEN}, question="2"}})
  )"""
_RIGHT = f"""(
  {_NAMED}
  or {_KEY}
  ({_COUNTED} and {_KEY} {_MATCHING})
)"""
_PLAUSIBLE = words(_0=("plausible", BLUE), _1=("cannot be counts", ORANGE))


def _numbers() -> list[Json]:
    share: Json = {"unit": "percentunit", "decimals": 0, "thresholds": HIGH_IS_GOOD}
    return [
        stat("State", "Stalled: not finished and nobody has completed for a week. Finished: nearly everybody has completed.", f"min(\n{_ONE.state}\n)", width=6, unit="none", mappings=CAMPAIGN_STATES, empty="not known"),
        stat("Day", "Days since the launch. On day 30 Mimecast puts who has not completed on its watchlist.", f"floor(max({_ONE.age}))", width=6, unit="none", decimals=0, empty="-"),
        stat("Mails sent", "Mails sent to users, one a person; reminders may count too.", f"sum({_ONE.sent})", width=6, unit="none", empty="not known"),
        stat("Completed", "People who completed, those who answered wrongly included.", f"sum({_ONE.completed})", width=6, unit="none", empty="not known"),
        stat("Not completed", "Mails sent less completions: people to be reminded.", f"sum({_ONE.sent} - {_ONE.completed})", width=6, unit="none", empty="not known"),
        stat("Completion", "Completed of mails sent.", _ONE.completion_of_all, width=6, empty="nothing sent", **share),
        stat("Correct answers", "Right answers of completions; the mean where there are several questions.", _ONE.correctness_of_all, width=6, empty="not known", **share),
        stat("By day 30", "Completion on day 30 at the pace of the last week, from the second day to the thirtieth.", f"max({_ONE.projected})", width=6, empty="-", **share),
    ]  # fmt: skip


def _course() -> list[Json]:
    return [
        timeseries(
            "Completion since the launch",
            "Completed of mails sent, and the completion on day 30 to which each moment's last week led. The dashed line is what is wanted by day 30. The launch and day 30 are marked.",
            [
                query(f"{_ONE.completion_of_all}\nand max({_ONE.age})", "Completion", ref="A"),
                query(f"clamp_max(max({_ONE.projected}), 1)", "Projected for day 30", ref="B"),
                query("max(mimecast_awareness:completion_day30_ratio:threshold)", "Wanted by day 30", ref="C"),
            ],
            width=16, height=10, unit="percentunit", min=0, max=1, empty="nothing sent",
            overrides=[
                fixed_colour("Completion", BLUE, fillOpacity=15, lineWidth=3),
                fixed_colour("Projected for day 30", ORANGE),
                fixed_colour("Wanted by day 30", GREY, **DASHED),
            ],
        ),
        timeseries(
            "Completions per day", "Completions of the 24 hours before, one bar a day. Mimecast reminds once a week.",
            [query(f"sum({_ONE.last_day})", "Completions", step="1d")],
            width=8, height=10, unit="none", bars=True, legend=False, overrides=[fixed_colour("Completions", BLUE)], empty="no completions",
        ),
    ]  # fmt: skip


def _answers() -> list[Json]:
    return [
        bar_gauge(
            "Answers by option",
            "How many people chose each option. The right one is blue and marked, where the API names it or its count tells; where it is not known all are grey.",
            [
                query(f"{_ANSWERS}\nand {_OPTION} {_RIGHT}", "Option {{option}} ✓ right", ref="A", instant=True),
                query(f"{_ANSWERS}\nunless {_OPTION} {_RIGHT}\nand {_KEY} {_RIGHT}", "Option {{option}}", ref="B", instant=True),
                query(f"{_ANSWERS}\nunless {_KEY} {_RIGHT}", "Option {{option}}", ref="C", instant=True),
            ],
            width=8, height=9, unit="none", min=0, colour="fixed", empty="no answers yet",
            overrides=[fixed_colour(ref, colour, by="byFrameRefID") for ref, colour in (("A", BLUE), ("B", ORANGE), ("C", GREY))],
        ),
        table(
            "Correct answers by question", "Right answers of completions, question by question. Counts that cannot be right are left out.",
            [
                query(_ONE.given("correct_answers", "question"), ref="A", table=True),
                query(f"max by (account, campaign_id, title, question) (question:mimecast_awareness_correct:ratio{{{RECORDED}{CHOSEN}}})", ref="B", table=True),
            ],
            [
                Column("question", "Question", custom__width=95),
                share_bar("Value #B", "Correct", 0),
                Column("Value #A", "Right answers", unit="none", custom__width=115),
            ],
            width=8, height=9, sort=[("Question", False)], empty="not known",
        ),
        timeseries(
            "Sent, completed and correct", "Mails sent, people who completed, and people who answered correctly, over time.",
            [
                query(f"sum({_ONE.sent})", "Mails sent", ref="A"),
                query(f"sum({_ONE.completed})", "Completed", ref="B"),
                query(f"sum({_ONE.correct})", "Answered correctly", ref="C"),
            ],
            width=8, height=9, unit="none", empty="nothing sent",
            overrides=[fixed_colour("Mails sent", GREY), fixed_colour("Completed", BLUE), fixed_colour("Answered correctly", GREEN)],
        ),
    ]  # fmt: skip


def _about() -> Json:
    values = {
        "A": f"{_ONE.launched} * 1000",
        "B": f"({_ONE.launched} + 30 * 86400) * 1000",
        "C": _ONE.given("locked"),
        "D": _ONE.given("assign_to_new_users"),
        "E": _ONE.given("email_customized"),
        "F": _ONE.given("implausible"),
    }
    yes_no: Json = {"mappings": YES, "custom__align": "left"}
    return table(
        "About the campaign", "What is known of it that is no count; one row each where several campaigns are chosen or bear the same title.",
        [query(expr, ref=ref, table=True) for ref, expr in values.items()]
        + [query(_ONE.given("info", "custom_module", "custom_content", "correct_option"), ref="G", table=True)],
        [
            Column("title", "Campaign", custom__minWidth=180),
            Column("account", "Account", custom__width=120),
            Column("campaign_id", "Campaign id", custom__width=130),
            Column("Value #A", "Launch", unit="time:YYYY-MM-DD HH:mm", custom__width=150, custom__align="left"),
            Column("Value #B", "Watchlist from", unit="time:YYYY-MM-DD", custom__width=130, custom__align="left"),
            Column("correct_option", "Right option", custom__width=110),
            coloured("Value #F", "Correct answers", mappings=_PLAUSIBLE, custom__width=140, custom__align="left"),
            coloured("Value #C", "Locked", custom__width=85, **yes_no),
            coloured("Value #D", "New users get it", custom__width=130, **yes_no),
            coloured("Value #E", "Mail changed", custom__width=115, **yes_no),
            coloured("custom_module", "Own module", custom__width=110, **yes_no),
            coloured("custom_content", "Own content", custom__width=110, **yes_no),
        ],
        height=5, sort=[("Launch", True)], empty="no campaign is chosen",
    )  # fmt: skip


def _mark(name: str, text: str, colour: str, expr: str) -> Json:
    """A vertical line at a time that a query gives in milliseconds."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expr,
        "step": "1h",
        "useValueForTime": True,
        "titleFormat": text,
        "textFormat": "{{title}}",
        "tagKeys": "account",
    }


def build() -> Json:
    """The dashboard."""
    return dashboard(
        CAMPAIGN,
        "Campaign",
        "One awareness-training campaign from its launch on. Where several are chosen, their numbers are added up.",
        panels=[*_numbers(), *_course(), *_answers(), _about()],
        variables=FOR_ONE_CAMPAIGN,
        span="30d",
        annotations=[
            _mark("Launch", "Launch", SKY, f"{_ONE.launched} * 1000"),
            _mark("Day 30", "Day 30: the watchlist", ORANGE, f"({_ONE.launched} + 30 * 86400) * 1000"),
        ],
    )
