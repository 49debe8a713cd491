"""The rules that dashboards for everybody are held to, those of the public dashboard linter among them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from exporter.collectors.metrics import ACCOUNT_METRICS, CAMPAIGN_METRICS, SCRAPE_METRICS

from exporter.exposition.process import Telemetry
from tests.dashboards import ALL, DASHBOARDS, EMPTY_AT_FIRST, FOLDER, Query, panels, queries
from tests.rules import FOLDER as RULES
from tests.stack import prometheus_running

QUERIES = list(queries())
PANELS = [(name, panel) for name in DASHBOARDS for panel in panels(name)]
COLUMNS = [(name, panel) for name, panel in PANELS if panel["type"] == "table"]
RECORDED = {
    name
    for file in ("recording", "thresholds")
    for name in re.findall(r"record: (\S+)", (RULES / f"{file}.yml").read_text())
}
EXPORTED = {metric.name for metric in (*CAMPAIGN_METRICS, *ACCOUNT_METRICS, *SCRAPE_METRICS)} | {
    family.name + ("_total" if family.type == "counter" else "") for family in Telemetry("").collect()
}
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "ALERTS"}
OF_THE_PROCESS = {f"process_{name}" for name in ("resident_memory_bytes", "open_fds", "start_time_seconds")} | {
    "process_cpu_seconds_total"
}
#: What the linter takes for a unit, as far as it is used.
UNITS = {"none", "short", "percentunit", "s", "bytes"}
VARIABLES = {
    "awareness-overview": ["datasource", "job", "instance", "account", "title"],
    "campaign": ["datasource", "job", "instance", "account", "title", "campaign"],
    "accounts": ["datasource", "job", "instance", "account"],
    "exporter": ["datasource", "job", "instance", "account"],
}


def named(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, Query) else str(value["title"])


def selectors(query: Query) -> Iterator[tuple[str, str]]:
    """Each selector's name and matchers; a name without braces has none."""
    expr = re.sub(r'"(?:[^"\\]|\\.)*"', lambda text: text[0].replace("{", "").replace("}", ""), query.expr)
    yield from re.findall(r"(?<![\w:])([a-zA-Z_][\w:]*)\{([^}]*)\}", expr)
    for name in re.findall(r"(?<![\w:])\w+(?::\w+)+(?![\w:{])", expr):
        yield name, ""


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


def test_the_dashboards_are_what_their_source_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, FOLDER / "source", tmp_path], check=True)
    shipped = {file.name: file.read_text() for file in (FOLDER / "dashboards").glob("*.json")}
    assert {file.name: file.read_text() for file in tmp_path.glob("*.json")} == shipped, "run `make docs`"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_has_a_stable_uid_and_ids_of_its_own(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"].startswith("mimecast-")
    assert len({other["uid"] for other in DASHBOARDS.values()}) == len(DASHBOARDS)
    assert not {"id", "__inputs", "__requires"} & dashboard.keys()
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_choose_the_data_source_and_what_is_shown(name: str) -> None:
    variables = {variable["name"]: variable for variable in DASHBOARDS[name]["templating"]["list"]}
    assert list(variables) == VARIABLES[name]
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert variables["datasource"]["label"] == "Data source"
    for which in ("job", "instance"):
        assert variables[which]["multi"]
        assert variables[which]["allValue"] == ".+"
        assert variables[which]["label"] == which.capitalize()
    for variable in variables.values():
        if variable["type"] == "query":
            assert variable["refresh"] == 2
            assert variable["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=named)
def test_a_panel_says_what_it_shows_in_which_unit(name: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert len(panel["description"]) > 20
    assert panel["targets"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["noValue"]
    assert defaults["unit"] in UNITS
    assert defaults["thresholds"]["steps"][0]["value"] is None


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=named)
def test_each_query_of_a_panel_has_a_letter_of_its_own(name: str, panel: dict[str, Any]) -> None:
    letters = [target["refId"] for target in panel["targets"]]
    assert len(set(letters)) == len(letters)


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


@pytest.mark.parametrize("name", DASHBOARDS)
def test_colours_are_those_that_colour_blind_people_can_tell_apart(name: str) -> None:
    palette = set(re.findall(r'"(#[0-9A-Fa-f]{6})"', (FOLDER / "source" / "palette.py").read_text()))
    used = [*everything(DASHBOARDS[name], "fixedColor"), *everything(DASHBOARDS[name]["panels"], "color")]
    assert {colour for colour in used if isinstance(colour, str)} <= palette
    modes = {colour["mode"] for colour in used if isinstance(colour, dict)}
    assert modes <= {"fixed", "shades", "thresholds"}


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_query_names_series_that_exist(query: Query) -> None:
    for name, _ in selectors(query):
        assert name in RECORDED | EXPORTED | OF_PROMETHEUS | OF_THE_PROCESS


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_query_matches_job_and_instance(query: Query) -> None:
    for name, matchers in selectors(query):
        if not name.endswith(":threshold"):
            assert 'job=~"$job"' in matchers
        # Recorded series and alerts count an account once, whatever the instance.
        if ":" not in name and name != "ALERTS":
            assert 'instance=~"$instance"' in matchers


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_counters_are_seen_through_rates_and_intervals_are_grafanas(query: Query) -> None:
    counters = re.findall(r"\w+_total\b", query.expr)
    seen = re.findall(r"\b(\w+)\(\w+_total\{[^}]*\}(\[[^\]]*\])", query.expr)
    assert len(seen) == len(counters)
    for function, window in seen:
        assert function in ("rate", "increase")
        assert window in ("[$__rate_interval]", "[$__range]")
        assert function == "increase" or window == "[$__rate_interval]"


def test_every_query_is_promql(promtool: Path, tmp_path: Path) -> None:
    values = {"account": "acme", "title": 'a \\"quoted\\" title', "campaign": "0123456789ab"}
    rules = [{"record": f"query:{number}:x", "expr": query.sent(values)} for number, query in enumerate(QUERIES)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_empty_prometheus_answers_every_query_with_nothing_and_no_error(prometheus: Path, tmp_path: Path) -> None:
    with prometheus_running(prometheus, tmp_path, {}) as server:
        # What Grafana sends for All of a variable without values.
        assert [server.query(query.sent(ALL | {"account": "()"})) for query in QUERIES] == [[]] * len(QUERIES)


def test_links_lead_to_dashboards_and_set_variables_that_these_have() -> None:
    by_uid = {dashboard["uid"]: name for name, dashboard in DASHBOARDS.items()}
    links = {url for dashboard in DASHBOARDS.values() for url in everything(dashboard, "url")}
    assert {re.sub(r"^/d/([\w-]+).*", r"\1", url) for url in links} == set(by_uid)
    for url in links:
        name = by_uid[url.removeprefix("/d/").split("?")[0]]
        assert set(re.findall(r"var-(\w+)=|\{(\w+):queryparam", url)) <= {
            pair for variable in VARIABLES[name] for pair in ((variable, ""), ("", variable))
        }


@pytest.mark.parametrize(("name", "panel"), COLUMNS, ids=named)
def test_a_cells_link_keeps_the_time_and_takes_its_values_from_the_row(name: str, panel: dict[str, Any]) -> None:
    (organize,) = (change["options"] for change in panel["transformations"] if change["id"] == "organize")
    heads = set(organize["renameByName"].values())
    for link in everything(panel["fieldConfig"], "url"):
        assert link.endswith("&${__url_time_range}")
        assert set(re.findall(r'__data\.fields\["([^"]+)"\]:percentencode', link)) <= heads
    assert {sort["displayName"] for sort in panel["options"]["sortBy"]} <= heads


def test_the_linter_is_told_why_a_rule_is_left() -> None:
    exclusions = yaml.safe_load((FOLDER / "dashboards" / ".lint").read_text())["exclusions"]
    assert set(exclusions) == {"uneditable-dashboard", "target-instance-rule", "target-job-rule"}
    assert all(exclusion["reason"] for exclusion in exclusions.values())


def test_each_query_has_a_name_of_its_own_and_those_known_to_be_empty_at_first_exist() -> None:
    names = {str(query) for query in QUERIES}
    assert len(names) == len(QUERIES)
    assert set(EMPTY_AT_FIRST) <= names


def test_provisioning_is_what_grafana_reads() -> None:
    (datasource,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert datasource["type"] == "prometheus"
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/mimecast.yaml").read_text())["providers"]
    assert provider["options"]["path"]
