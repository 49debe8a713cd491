"""The rules that dashboards for everybody are held to, the public dashboard linter's among them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.metrics import ACCOUNT_METRICS, CAMPAIGN_METRICS
from exporter.telemetry import Telemetry
from tests.dashboards import DASHBOARDS, FOLDER, Query, panels, queries
from tests.rules import FOLDER as RULES

QUERIES = list(queries())
PANELS = [(name, panel) for name in DASHBOARDS for panel in panels(name)]
RECORDED = set(re.findall(r"record: (\S+)", (RULES / "recording.yml").read_text()))
EXPORTED = {metric.name for metric in (*CAMPAIGN_METRICS, *ACCOUNT_METRICS)} | {
    family.name + ("_total" if family.type == "counter" else "") for family in Telemetry("").registry.collect()
}
#: What Prometheus itself says of targets and alerts.
OWN = {"up", "scrape_duration_seconds", "ALERTS"}
#: Everything here needs room for these variables and nothing else.
VARIABLES = {
    "awareness-overview": ["datasource", "job", "instance", "account", "title"],
    "campaign": ["datasource", "job", "instance", "account", "title", "campaign"],
    "accounts": ["datasource", "job", "instance", "account"],
    "exporter": ["datasource", "job", "instance", "account"],
}


def named(value: Any) -> str:
    return str(value) if isinstance(value, Query) else f"{value[0]}: {value[1]['title']}"


def test_the_dashboards_are_what_their_source_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, FOLDER / "source", tmp_path], check=True)
    for file in (FOLDER / "dashboards").glob("*.json"):
        assert (tmp_path / file.name).read_text() == file.read_text(), "run `make docs`"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_its_variables_and_a_stable_uid(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == VARIABLES[name]
    assert dashboard["uid"].startswith("mimecast-")
    assert "id" not in dashboard
    assert len({other["uid"] for other in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize(
    ("name", "panel"), PANELS, ids=lambda value: value if isinstance(value, str) else value["title"]
)
def test_a_panel_says_what_it_shows_in_which_unit(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 10
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["noValue"]
    assert defaults["thresholds"]["steps"][0]["value"] is None


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_on_the_grid_and_on_no_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARDS[name]["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_query_matches_job_and_instance_and_names_series_that_exist(query: Query) -> None:
    if query.panel in ("$job", "$instance"):
        return  # these find them
    for name, matchers in re.findall(r"([a-zA-Z_][a-zA-Z0-9_:]*)\{([^}]*)\}", query.expr):
        assert name in RECORDED | EXPORTED | OWN, name
        assert 'job=~"$job"' in matchers
        if ":" not in name and name != "ALERTS":  # recorded series and alerts count an account once
            assert 'instance=~"$instance"' in matchers


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_counters_are_seen_through_rates_and_intervals_are_grafanas(query: Query) -> None:
    for name, window in re.findall(r"(?:(\w+)\()?\w+_total\{[^}]*\}(\[[^\]]*\])?", query.expr):
        assert name in ("rate", "increase")
        assert window in ("[$__rate_interval]", "[$__range]", "[1h]")
        assert name == "increase" or window == "[$__rate_interval]"


def test_every_query_is_promql(promtool: Path, tmp_path: Path) -> None:
    values = {"job": ".*", "instance": ".*", "account": ".*", "title": 'a "quoted" title'.replace('"', '\\"')}
    rules = [{"record": f"query:{number}:x", "expr": query.sent(values)} for number, query in enumerate(QUERIES)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_links_lead_to_dashboards_that_exist() -> None:
    text = "".join((FOLDER / "dashboards" / f"{name}.json").read_text() for name in DASHBOARDS)
    linked = set(re.findall(r'"url": "/d/([\w-]+)', text))
    assert linked
    assert linked <= {dashboard["uid"] for dashboard in DASHBOARDS.values()}


def test_provisioning_is_what_grafana_reads() -> None:
    (datasource,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert datasource["type"] == "prometheus"
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/mimecast.yaml").read_text())["providers"]
    assert provider["options"]["path"]
