"""The shipped dashboards and every query in them, as Grafana would send it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text()) for file in sorted((FOLDER / "dashboards").glob("*.json"))
}

#: What Grafana puts in for variables of which nobody has chosen a value.
ALL = {"job": ".+", "instance": ".+", "account": ".+", "campaign": ".*", "search": ""}

_NOTHING_WRONG = "nothing is wrong"
_DAY_30 = "no campaign passes day 30 in the first minutes"
_LATER = "looks from midnight on, and an instant query is about now"
#: Queries that rightly give nothing where there are numbers of the first minutes only, and nothing is wrong; and why.
#: tests/test_dashboard_numbers.py shows each give data.
EMPTY_AT_FIRST = {
    "awareness-overview: Alerts A": _NOTHING_WRONG,
    "awareness-overview: Completions per day A": _LATER,
    "awareness-overview: Results by day 30 A": _DAY_30,
    "awareness-overview: Results by day 30 B": _DAY_30,
    "awareness-overview: Results by day 30 C": _DAY_30,
    "awareness-overview: Results by day 30 Y": _DAY_30,
    "awareness-overview: Results by day 30 Z": _DAY_30,
    "campaign: Completions per day A": _LATER,
    "campaign: Result by day 30 A": _DAY_30,
    "campaign: Days to 50 % A": "nobody saw it happen in the first minutes",
    "campaign: Usual days to 50 % A": _DAY_30,
    "campaign: Completion since the launch B": _DAY_30,
    "exporter: Alerts A": _NOTHING_WRONG,
    "exporter: Failed refreshes A": _NOTHING_WRONG,
    "exporter: Campaigns B": _NOTHING_WRONG,
    "phishing-and-risk: Click and submit rate by simulation A": _LATER,
    "phishing-and-risk: Click and submit rate by simulation B": _LATER,
}


@dataclass(frozen=True)
class Query:
    """A query of a panel, of a variable (`panel` is its name with a dollar sign), or of an annotation (with an @)."""

    dashboard: str
    panel: str
    expr: str
    target: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}"

    @property
    def selects(self) -> bool:
        """Whether it is a variable's, which asks for the labels of series."""
        return self.panel.startswith("$")

    def sent(self, variables: Mapping[str, str] = ALL, seconds: int = 3600, end: int = 0) -> str:
        """The query with variables and intervals filled in, as PromQL.

        Of `label_values` it is the selector whose series are asked for, of `query_result` the query.

        Args:
            variables: values by name, escaped as Grafana does; those not given are ALL's.
            seconds: how long the time shown is.
            end: when it ends, in seconds since the epoch.

        """
        filled = {
            "__rate_interval": "1m",
            "__interval": "15m",
            "__interval_ms": "900000",
            "__range": f"{seconds}s",
            "__to": f"{end}000",
        }
        filled |= ALL | dict(variables)
        asked = re.fullmatch(r"label_values\((.*), \w+\)|query_result\((.*)\)", self.expr)
        expr = (asked[1] or asked[2]) if asked else self.expr
        return re.sub(r"\$\{?([a-z_]+)\}?", lambda found: filled[found[1]], expr)


def panels(dashboard: str) -> list[dict[str, Any]]:
    """Every panel but rows."""
    return [panel for panel in DASHBOARDS[dashboard]["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    """Every query of every dashboard: of its variables, its annotations and its panels."""
    for name, dashboard in DASHBOARDS.items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield Query(name, f"${variable['name']}", variable["query"]["query"], variable)
        for annotation in dashboard["annotations"]["list"]:
            yield Query(name, f"@{annotation['name']}", annotation["expr"], annotation)
        for panel in panels(name):
            for target in panel["targets"]:
                yield Query(name, f"{panel['title']} {target['refId']}", target["expr"], target)


def query(name: str) -> Query:
    """The one query of a name, such as `accounts: Failing A`."""
    (found,) = (each for each in queries() if str(each) == name)
    return found


def everything(value: Any, key: str) -> Iterator[Any]:
    """What stands under a key, wherever it is."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for below in value.values():
            yield from everything(below, key)
    elif isinstance(value, list):
        for below in value:
            yield from everything(below, key)
