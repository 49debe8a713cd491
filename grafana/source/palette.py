"""Colours by their meaning, and the thresholds and value mappings that use them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

#: Each colour has one meaning on every dashboard. White text on any of these is legible, and so is each of them beside
#: the dark and the light page. After Okabe and Ito, whose colours colour-blind people can tell apart.
BLUE = "#0072B2"  # completion; in states: as it should be
GREEN = "#007F5F"  # correct answers
AMBER = "#8F6400"  # look at it soon
RED = "#BF4700"  # act now
PURPLE = "#A3557F"  # Mimecast's side: scheduled campaigns, errors of the API
GREY = "#6E6E6E"  # a reference to compare with, or not known
#: For lines and bars only; text never stands on it.
SKY = "#3C8FC7"  # the comparison: earlier campaigns, the median account, the network
#: Nothing to judge: the cell keeps the colours of the page.
PLAIN_CELL = "transparent"

#: Grades from a to f, from the best to the worst.
GRADES = {"a": BLUE, "b": SKY, "c": GREY, "d": AMBER, "f": RED}


def steps(*pairs: tuple[float | None, str]) -> Json:
    """Return thresholds: each colour applies from its value on, the first below all others."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in pairs]}


PLAIN = steps((None, PLAIN_CELL))
#: The default of `mimecast_awareness:completion_day30_ratio:threshold`.
TARGET = 0.8
#: Shares that should reach the target; below 0 are the codes of MISSING.
HIGH_IS_GOOD = steps((None, PLAIN_CELL), (0, RED), (0.6, AMBER), (TARGET, BLUE))
#: Completion divided by the completion that is expected at the campaign's age.
AS_EXPECTED = steps((None, PLAIN_CELL), (0, RED), (0.75, AMBER), (1, BLUE))
ZERO_IS_GOOD = steps((None, PLAIN_CELL), (0, BLUE), (1, RED))
#: Seconds. The last is the default of `mimecast_awareness:data_age_seconds:threshold`.
FRESH_IS_GOOD = steps((None, PLAIN_CELL), (0, BLUE), (900, AMBER), (1800, RED))


def in_a_cell(thresholds: Json) -> Json:
    """Return the thresholds for a table's cell: coloured only where somebody should look."""
    return steps(*((one["value"], PLAIN_CELL if one["color"] == BLUE else one["color"]) for one in thresholds["steps"]))


def words(meanings: dict[str, tuple[str, str]]) -> list[Json]:
    """Return value mappings: `{"1": ("ok", BLUE)}` shows 1 as a blue ok."""
    options = {
        value: {"text": text, "color": colour, "index": place}
        for place, (value, (text, colour)) in enumerate(meanings.items())
    }
    return [{"type": "value", "options": options}]


#: What stands in for a number that cannot be known, by the codes that promql.or_missing gives.
WHY_MISSING = {"-1": "exporter down", "-2": "rules missing", "-3": "collector off"}
_MISSING = {code: (text, GREY if code == "-3" else RED) for code, text in WHY_MISSING.items()}
MISSING = words(_MISSING)
#: For a column of a table in which another column says why.
DASHES = words(dict.fromkeys(WHY_MISSING, ("-", GREY)))
OK = words({"0": ("refused", RED), "1": ("ok", BLUE)})
UP_OR_DOWN = words({"0": ("down", RED), "1": ("up", BLUE)})
YES = words({"0": ("no", GREY), "1": ("yes", BLUE), "false": ("no", GREY), "true": ("yes", BLUE)})
#: `campaign:mimecast_awareness_state:enum`, and NOTHING_SENT of promql.
CAMPAIGN_STATES = words(
    {
        "7": ("nothing sent", RED),
        "4": ("stalled", RED),
        "3": ("behind", AMBER),
        "2": ("on track", BLUE),
        "1": ("just started", BLUE),
        "0": ("scheduled", PURPLE),
        "5": ("completed", BLUE),
        "6": ("ended", GREY),
        **_MISSING,
    }
)
#: What accounts.STATE and health.COLLECTOR_STATE give.
ACCOUNT_STATES = words({"2": ("failing", RED), "1": ("old data", AMBER), "0": ("ok", BLUE), **_MISSING})
SEVERITIES = words({"warning": ("warning", RED), "info": ("info", AMBER), "": ("missing", RED)})
