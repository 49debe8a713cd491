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

from tests.dashboards import DASHBOARDS, EMPTY_AT_FIRST, FOLDER, Query, everything, panels, queries
from tests.rules import FOLDER as RULES
from tests.stack import prometheus_running

QUERIES = list(queries())
PANELS = [(name, panel) for name in DASHBOARDS for panel in panels(name)]
TABLES = [(name, panel) for name, panel in PANELS if panel["type"] == "table"]
RECORDED = {
    name
    for file in ("recording", "thresholds")
    for name in re.findall(r"record: (\S+)", (RULES / f"{file}.yml").read_text())
}
#: Every metric that the reference lists.
EXPORTED = set(
    re.findall(r"(?m)^\| `((?:mimecast|process|probe)_\w+)`", (RULES.parent / "docs" / "metrics.md").read_text())
)
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "ALERTS"}
#: What the linter takes for a unit, as far as it is used.
UNITS = {"none", "short", "percentunit", "s", "bytes"}
VARIABLES = {
    "awareness-overview": ["datasource", "job", "account"],
    "campaign": ["datasource", "job", "account", "campaign"],
    "phishing-and-risk": ["datasource", "job", "account"],
    "accounts": ["datasource", "job", "account", "search"],
    "exporter": ["datasource", "job", "instance", "account"],
}
MAX_QUERY_TEXT = 20_000


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
    assert (variables["job"]["hide"] == 0) == ("instance" in variables), (
        "only the exporter's dashboard asks for the job"
    )
    for variable in variables.values():
        if variable["type"] == "query":
            assert variable["refresh"] == 2
            assert variable["multi"], "Grafana escapes only such values as regular expressions"
            assert variable["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_all_is_one_short_expression_however_many_values_there_are(name: str) -> None:
    for variable in DASHBOARDS[name]["templating"]["list"]:
        if variable.get("includeAll"):
            assert variable["allValue"] == ".+"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_sends_little_text(name: str) -> None:
    sent = [query.sent() for query in QUERIES if query.dashboard == name]
    assert sum(map(len, sent)) <= MAX_QUERY_TEXT


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
    assert panel["pluginVersion"]


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=named)
def test_a_step_is_the_panels_so_that_it_does_not_widen_rate_intervals(name: str, panel: dict[str, Any]) -> None:
    assert not [target for target in panel["targets"] if "interval" in target]
    bars = panel["fieldConfig"]["defaults"].get("custom", {}).get("drawStyle") == "bars"
    assert not bars or panel["interval"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_titles_say_what_is_shown(name: str) -> None:
    titles = [panel["title"] for panel in panels(name)]
    assert len(set(titles)) == len(titles)
    assert all(title[0].isupper() and len(title) > 2 for title in titles)


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


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_query_names_series_that_exist(query: Query) -> None:
    for name, _ in selectors(query):
        assert name in RECORDED | EXPORTED | OF_PROMETHEUS


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_query_matches_job_and_account_or_instance(query: Query) -> None:
    for name, matchers in selectors(query):
        if not name.endswith(":threshold"):
            # The alert that no exporter is scraped has no job.
            assert 'job=~"$job"' in matchers or (name == "ALERTS" and 'job=~"$job|"' in matchers)
        if name not in OF_PROMETHEUS and not name.endswith(":threshold"):
            assert ('account=~"$account"' in matchers) or ('instance=~"$instance"' in matchers) or query.selects


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_counters_are_seen_through_rates_and_intervals_are_grafanas(query: Query) -> None:
    counters = re.findall(r"\w+_total\b", query.expr)
    seen = re.findall(r"\b(\w+)\(\w+_total\{[^}]*\}(\[[^\]]*\])", query.expr)
    assert len(seen) == len(counters)
    for function, window in seen:
        # A bar is of its own step alone.
        assert (function, window) in {
            ("rate", "[$__rate_interval]"),
            ("increase", "[$__interval]"),
            ("increase", "[$__range]"),
        }


def test_every_query_is_promql(promtool: Path, tmp_path: Path) -> None:
    values = {"account": "acme", "campaign": "0123456789ab", "search": "ac"}
    rules = [{"record": f"query:{number}:x", "expr": query.sent(values)} for number, query in enumerate(QUERIES)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_where_nothing_is_scraped_no_query_gives_a_number_as_if_it_were_known(prometheus: Path, tmp_path: Path) -> None:
    with prometheus_running(prometheus, tmp_path, {}) as server:
        answers = {str(query): server.query(query.sent()) for query in QUERIES}
    values = {name: {sample["value"][1] for sample in samples} for name, samples in answers.items()}
    assert {name: found for name, found in values.items() if found - {"-1"}} == {}


@pytest.mark.parametrize(("name", "panel"), [each for each in PANELS if each[1]["type"] == "stat"], ids=named)
def test_a_number_that_is_not_known_has_words(name: str, panel: dict[str, Any]) -> None:
    (mappings,) = (each["options"] for each in panel["fieldConfig"]["defaults"]["mappings"][-1:])
    assert {mappings[code]["text"] for code in ("-1", "-2", "-3")} == {
        "exporter down",
        "rules missing",
        "collector off",
    }


def test_links_lead_to_dashboards_and_set_variables_that_these_have() -> None:
    by_uid = {dashboard["uid"]: name for name, dashboard in DASHBOARDS.items()}
    links = {url for dashboard in DASHBOARDS.values() for url in everything(dashboard, "url") if url.startswith("/")}
    assert {re.sub(r"^/d/([\w-]+).*", r"\1", url) for url in links} == set(by_uid)
    for url in links:
        name = by_uid[url.removeprefix("/d/").split("?")[0]]
        assert set(re.findall(r"var-(\w+)=|\{(\w+):queryparam", url)) <= {
            pair for variable in VARIABLES[name] for pair in ((variable, ""), ("", variable))
        }


@pytest.mark.parametrize(("name", "panel"), TABLES, ids=named)
def test_a_cells_link_sets_the_time_and_takes_its_values_from_the_row(name: str, panel: dict[str, Any]) -> None:
    (organize,) = (change["options"] for change in panel["transformations"] if change["id"] == "organize")
    heads = set(organize["renameByName"].values())
    for link in everything(panel["fieldConfig"], "url"):
        assert "&${__url_time_range}" in link or "&from=${" in link or link.startswith("https://")
        assert set(re.findall(r'__data\.fields\["([^"]+)"\]', link)) <= heads
    assert {sort["displayName"] for sort in panel["options"]["sortBy"]} <= heads


def test_every_exception_for_the_linter_has_a_reason() -> None:
    exclusions = yaml.safe_load((FOLDER / "dashboards" / ".lint").read_text())["exclusions"]
    assert set(exclusions) == {
        "uneditable-dashboard",
        "template-instance-rule",
        "target-instance-rule",
        "target-job-rule",
        "target-rate-interval-rule",
    }
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
