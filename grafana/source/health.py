"""Exporter: whether it is well, whether its data is fresh, and how the API treats it."""

from __future__ import annotations

import re
from pathlib import Path

import health_graphs
from health_graphs import AGE, BY, LEFT, SKEW, SKIPPED, TOOK
from layout import EXPORTER, FOR_EXPORTERS, OVERVIEW, dashboard, link
from palette import (
    ACCOUNT_STATES,
    AMBER,
    BLUE,
    FRESH_IS_GOOD,
    GREY,
    MISSING,
    OK,
    PLAIN_CELL,
    RED,
    SEVERITIES,
    UP_OR_DOWN,
    ZERO_IS_GOOD,
    Json,
    in_a_cell,
    steps,
    words,
)
from panels import row, stat
from promql import PROCESS, SELECTED, exported, only_exporters, or_missing, threshold
from tables import Column, coloured, number, table

#: One of palette.ACCOUNT_STATES.
_OLD = f"{AGE} > on () group_left () mimecast_awareness:data_age_seconds:threshold"
_COLLECTOR_UP = exported("collector_up", BY)
_STATE = f"({_COLLECTOR_UP} == 0) * 0 + 2 or ({_OLD}) * 0 + 1 or {_COLLECTOR_UP} * 0"
#: The exporters, those too that have been down for up to a day.
_EXPORTER_UP = only_exporters(f"max by (job, instance) (up{{{PROCESS}}})", "[1d]")
_LEFT_OK = steps((None, PLAIN_CELL), (0, RED), (0.1, AMBER), (0.3, BLUE))
_SKEW_OK = steps((None, RED), (-60, AMBER), (-5, BLUE), (5.1, AMBER), (60, RED))
_OPERATIONS = "https://example.com/mimecast-exporter/blob/main/docs/operations.md"
_RULES = Path(__file__).parent.parent.parent / "prometheus" / "alerts.yml"
#: Anchors in docs/operations.md by the alerts' names: PromQL has no lower case.
_ANCHORS = words({name: (name.lower(), GREY) for name in re.findall(r"alert: (\w+)", _RULES.read_text())})


def _over_range(counter: str) -> str:
    return f"sum(increase(mimecast_{counter}{{{PROCESS}}}[$__range]))"


def _numbers() -> list[Json]:
    hits = f"{_over_range('cache_hits_total')} / ({_over_range('cache_requests_total')} > 0)"
    loaded = " * ".join(
        f"(min(mimecast_exporter_{name}{{{PROCESS}}}){otherwise})"
        for name, otherwise in (
            ("config_last_reload_successful", ""),
            ("web_config_valid", " or vector(1)"),
            ("account_file_valid", " or vector(1)"),
        )
    )
    open_files = only_exporters(
        f"max by (job, instance) (process_open_fds{{{PROCESS}}} / process_max_fds{{{PROCESS}}})"
    )
    exact: Json = {"width": 6, "unit": "none"}
    share: Json = {"width": 6, "unit": "percentunit", "decimals": 0}
    return [
        stat("Exporters down", "Exporters that Prometheus cannot scrape.", f"sum(1 - ({_EXPORTER_UP}))", thresholds=ZERO_IS_GOOD, empty="no exporter", **exact),
        stat("Collectors failing", "Collectors of accounts whose last refresh failed.", or_missing(f"sum(1 - {_COLLECTOR_UP})", rules=False), thresholds=ZERO_IS_GOOD, **exact),
        stat("Oldest data", "Age of the oldest data being served.", or_missing(f"max({AGE})", rules=False), width=6, unit="s", decimals=0, thresholds=FRESH_IS_GOOD),
        stat("Configuration", "Whether the last attempt to load the configuration, the web configuration and every account file succeeded, on every exporter.", or_missing(loaded, rules=False), mappings=[*OK, *MISSING], **exact),
        stat("Slowest refresh", "The slowest of the collectors' last refreshes, including the token and all pages.", or_missing(f"max({TOOK})", rules=False), width=6, unit="s", decimals=1),
        stat("Rate limit left", "The share of the allowed calls that is left, for the account with the smallest share.", or_missing(f"min({LEFT})", rules=False), thresholds=_LEFT_OK, empty="not reported", **share),
        stat("Cache hits", "Scrapes answered from memory within the time to live, of all scrapes in the time shown.", or_missing(hits, rules=False), empty="no scrapes", **share),
        stat("Open files", "Open files as a share of the limit, for the exporter nearest to its limit.", or_missing(f"max({open_files})", rules=False), thresholds=steps((None, PLAIN_CELL), (0, BLUE), (0.7, AMBER), (0.9, RED)), empty="not reported", **share),
    ]  # fmt: skip


def _collectors() -> Json:
    values = {
        "A": or_missing(_STATE, rules=False),
        "B": AGE,
        "C": TOOK,
        "D": exported("response_size_bytes", BY),
        "E": f"sum by ({BY}) (max by ({BY}, reason) (increase(mimecast_refresh_failures_total{{{SELECTED}}}[$__range]))) and {_COLLECTOR_UP}",
    }
    right: Json = {"custom__align": "right"}
    return table(
        "Collectors", "One row for each collector of an account, failing ones first. Failures are those in the time shown. A disabled collector has no row; to enable it, set collectors: [campaigns, phishing, safe_score, performance].",
        values,
        [
            coloured("Value #A", "State", 110, mappings=ACCOUNT_STATES, unit="none"),
            Column("account", "Account", links=[link("Open the account's campaigns", OVERVIEW, account="Account")], custom__minWidth=120),
            Column("collector", "Collector", custom__width=105),
            coloured("Value #B", "Data age", 90, unit="s", decimals=0, thresholds=in_a_cell(FRESH_IS_GOOD), **right),
            number("E", "Failures", 85),
            number("C", "Duration", 90, unit="s", decimals=1),
            number("D", "Response", 95, unit="bytes"),
        ],
        height=12, pages=True, sort=[("State", True), ("Data age", True)], empty="no account is scraped",
    )  # fmt: skip


def _limits() -> Json:
    values = {"A": LEFT, "B": SKEW, "C": exported("awareness_campaigns"), "D": f"sum by (account) ({SKIPPED})"}
    right: Json = {"custom__align": "right"}
    return table(
        "Accounts", "Skipped campaigns have no series: they are filtered, too old, invalid, duplicates, or over the limit.",
        values,
        [
            Column("account", "Account", custom__minWidth=110),
            coloured("Value #A", "Rate left", 80, unit="percentunit", decimals=0, thresholds=in_a_cell(_LEFT_OK), **right),
            coloured("Value #B", "Clock skew", 95, unit="s", decimals=0, thresholds=in_a_cell(_SKEW_OK), **right),
            number("C", "Campaigns", 95),
            number("D", "Skipped", 75),
        ],
        height=9, pages=True, sort=[("Rate left", False)], empty="no account is scraped",
    )  # fmt: skip


def _exporters() -> Json:
    values = {
        "A": _EXPORTER_UP,
        "B": f"max by (job, instance, version, python_version) (mimecast_exporter_build_info{{{PROCESS}}})",
        "C": f"min by (job, instance) (mimecast_exporter_config_last_reload_successful{{{PROCESS}}})",
        "D": f"time() - max by (job, instance) (mimecast_exporter_config_last_reload_success_timestamp_seconds{{{PROCESS}}})",
        "E": only_exporters(f"time() - max by (job, instance) (process_start_time_seconds{{{PROCESS}}} > 0)"),
    }
    return table(
        "Exporters", "One row for each exporter. An exporter that is down has no version and other data.", values,
        [
            Column("instance", "Exporter", custom__minWidth=130),
            coloured("Value #A", "State", 70, mappings=UP_OR_DOWN, unit="none"),
            coloured("Value #C", "Configuration", 115, mappings=OK, unit="none"),
            number("D", "Config age", 105, unit="s"),
            number("E", "Uptime", 105, unit="s"),
            Column("version", "Version", custom__width=75),
            Column("python_version", "Python", custom__width=75),
        ],
        height=5, sort=[("State", False)], empty="no exporter is scraped",
    )  # fmt: skip


def _alerts() -> Json:
    # The alert that no exporter is scraped has no job.
    firing = 'ALERTS{job=~"$job|", alertstate="firing", category="exporter", severity!="none"}'
    labels = "alertname, severity, account, instance, exporter, collector, file"
    # Where an alert names an exporter, an instance names the same.
    place = 'label_replace({}, "instance", "$1", "exporter", "(.+)")'
    place = f'label_join({place}, "where", " ", "account", "collector", "instance", "file")'
    place = f'label_replace({place}, "where", "$1", "where", " *(.*?) *")'
    runbook = [
        {"title": "Open the runbook", "url": f'{_OPERATIONS}#${{__data.fields["Anchor"].text}}', "targetBlank": True}
    ]
    copied = f'label_replace(max by ({labels}) ({firing}), "anchor", "$1", "alertname", "(.*)")'
    return table(
        "Alerts", "Firing alerts about the exporter and its accounts, the most urgent first. Click one for its runbook.",
        {"A": f'{place.format(copied)}\nor label_replace(-1 * absent({threshold("data_age_seconds")}), "alertname", "rules missing", "", "")'},
        [
            coloured("severity", "Severity", 90, mappings=SEVERITIES),
            Column("alertname", "Alert", custom__minWidth=190, links=runbook),
            Column("where", "Account, collector, exporter or file", custom__minWidth=150),
            Column("anchor", "Anchor", mappings=_ANCHORS, custom__hidden=True, custom__hideFrom={"viz": True, "legend": False, "tooltip": False}),
        ],
        height=8, sort=[("Severity", True)], empty="no alert is firing",
    )  # fmt: skip


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        EXPORTER,
        "Exporter",
        "Health of the Mimecast awareness exporter.",
        panels=[
            *_numbers(),
            _alerts(),
            _collectors(),
            _exporters(),
            _limits(),
            row("Freshness and failures"),
            *health_graphs.freshness(),
            row("The API"),
            *health_graphs.api(),
            row("Cache and process"),
            *health_graphs.cache_and_process(),
        ],
        variables=FOR_EXPORTERS,
        span="6h",
    )
