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


@dataclass(frozen=True)
class Query:
    """A query of a panel, or of a variable (`panel` is then its name with a dollar sign)."""

    dashboard: str
    panel: str
    expr: str
    target: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}"

    def sent(self, variables: Mapping[str, str], seconds: int = 3600) -> str:
        """The query with variables and intervals filled in; `label_values` as the selector it asks for."""
        filled = {"__rate_interval": "1m", "__interval": "15s", "__range": f"{seconds}s", **variables}
        asked = re.fullmatch(r"label_values\((.*), \w+\)", self.expr)
        return re.sub(r"\$\{?([a-z_]+)\}?", lambda found: filled[found[1]], asked[1] if asked else self.expr)


def panels(dashboard: str) -> list[dict[str, Any]]:
    """Every panel but rows."""
    return [panel for panel in DASHBOARDS[dashboard]["panels"] if panel["type"] != "row"]


def queries() -> Iterator[Query]:
    """Every query of every dashboard."""
    for name, dashboard in DASHBOARDS.items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                yield Query(name, f"${variable['name']}", variable["query"]["query"], variable)
        for panel in panels(name):
            for target in panel["targets"]:
                yield Query(name, f"{panel['title']} {target['refId']}", target["expr"], target)
