"""Colours and thresholds: after Okabe and Ito, told apart by everybody, legible on a dark and on a light page."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE, GREY = (
    "#2B8CCB", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#8E8E8E",
)  # fmt: skip

#: Darker kin of theirs, on which white words can be read.
AMBER, PLUM, DARK_GREY, NAVY = "#B87A00", "#A3557F", "#707070", "#005F8F"
#: For lines of which nobody knows the names beforehand, in this order.
LINES = (SKY, ORANGE, GREEN, PURPLE, VERMILLION, BLUE)


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Thresholds: each colour from its value on, the first from the beginning."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in pairs]}


#: In each of these grey is for what is not known.
PLAIN = steps((None, GREY), (0, BLUE))
#: Shares that should be high: of people who completed, of answers that are right.
HIGH_IS_GOOD = steps((None, GREY), (0, VERMILLION), (0.5, ORANGE), (0.8, BLUE))
ZERO_IS_GOOD = steps((None, GREY), (0, BLUE), (1, VERMILLION))
#: Seconds. The last is the default of `mimecast_awareness:data_age_seconds:threshold`.
FRESH_IS_GOOD = steps((None, GREY), (0, BLUE), (900, ORANGE), (1800, VERMILLION))


def words(**meanings: tuple[str, str]) -> list[Json]:
    """Value mappings: `_1=("ok", BLUE)` shows 1 as a blue ok."""
    options = {
        value.lstrip("_"): {"text": text, "color": colour, "index": place}
        for place, (value, (text, colour)) in enumerate(meanings.items())
    }
    return [{"type": "value", "options": options}]


OK = words(_0=("refused", VERMILLION), _1=("ok", BLUE))
UP_OR_DOWN = words(_0=("down", VERMILLION), _1=("up", BLUE))
YES = words(_0=("no", GREY), _1=("yes", BLUE), false=("no", GREY), true=("yes", BLUE))
#: What promql.Campaigns.state gives: what wants somebody first, then what is under way, then what is over.
NOTHING_SENT, STALLED, RUNNING, COMING_UP, OVERDUE, DONE = range(6)
CAMPAIGN_STATES = words(
    _0=("nothing sent", VERMILLION),
    _1=("stalled", VERMILLION),
    _2=("running", BLUE),
    _3=("coming up", PLUM),
    _4=("overdue", DARK_GREY),
    _5=("finished", NAVY),
)
ACCOUNT_STATES = words(_0=("failing", VERMILLION), _1=("old data", AMBER), _2=("ok", BLUE))
SEVERITIES = words(critical=("critical", VERMILLION), warning=("warning", AMBER), info=("info", BLUE))
