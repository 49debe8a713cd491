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
ALL = {"job": ".+", "instance": ".+", "account": ".*", "title": ".*", "campaign": ".*"}

#: Queries that rightly give nothing where there are numbers of the first minutes only, and nothing is wrong; and why.
#: tests/test_dashboard_numbers.py shows each give data.
EMPTY_AT_FIRST = {
    "awareness-overview: Alerts A": "no alert about training has waited long enough",
    "awareness-overview: Completion of running campaigns B": "each account's demo has one campaign that is running",
    "awareness-overview: Completion of running campaigns C": "each account's demo has one campaign that is running",
    "awareness-overview: Completion of running campaigns D": "each account's demo has one campaign that is running",
    "awareness-overview: Completion of running campaigns E": "each account's demo has one campaign that is running",
    "awareness-overview: Completion of running campaigns F": "each account's demo has one campaign that is running",
    "awareness-overview: Campaigns G": "projects nothing before there are numbers for a day",
    "awareness-overview: Stalled campaigns A": "tells nothing before there are numbers for a week",
    "awareness-overview: Stalled campaigns B": "tells nothing before there are numbers for a week",
    "awareness-overview: Stalled campaigns C": "tells nothing before there are numbers for a week",
    "campaign: By day 30 A": "projects nothing before there are numbers for a day",
    "campaign: Completion since the launch B": "projects nothing before there are numbers for a day",
    "campaign: Answers by option C": "grey are the options of campaigns whose right option is not known",
    "accounts: Accounts, the worst first F": "tells nothing before there are numbers for a week",
    "accounts: Stalled campaigns A": "tells nothing before there are numbers for a week",
    "exporter: Alerts A": "no alert about the exporter fires",
    "exporter: Failed refreshes A": "no refresh has failed",
    "exporter: Campaigns B": "no campaign is left out",
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

    def sent(self, variables: Mapping[str, str] = ALL, seconds: int = 3600) -> str:
        """The query with variables and intervals filled in, as PromQL.

        Of `label_values` it is the selector whose series are asked for, of `query_result` the query.

        Args:
            variables: values by name, escaped as Grafana does; those not given are ALL's.
            seconds: how long the time shown is.

        """
        filled = {"__rate_interval": "1m", "__interval": "15s", "__range": f"{seconds}s"} | ALL | dict(variables)
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
