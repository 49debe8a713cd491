"""Exporter: is it well, is its data fresh, how does the API treat it?"""

from __future__ import annotations

from accounts import AGE, STATE, UP
from layout import EXPORTER, FOR_ACCOUNTS, OVERVIEW, dashboard, link
from palette import (
    ACCOUNT_STATES,
    BLUE,
    FRESH_IS_GOOD,
    GREEN,
    GREY,
    OK,
    ORANGE,
    PURPLE,
    SEVERITIES,
    SKY,
    UP_OR_DOWN,
    VERMILLION,
    ZERO_IS_GOOD,
    Json,
    steps,
)
from panels import DASHED, Column, coloured, fixed_colour, marked, query, row, stat, table, timeseries
from promql import PROCESS, RAW, each_account, growth, only_exporters

_LEFT = f"min by (account) (mimecast_api_rate_limit_remaining{{{RAW}}} / (mimecast_api_rate_limit{{{RAW}}} > 0))"
_LEFT_OK = steps((None, GREY), (0, VERMILLION), (0.1, ORANGE), (0.3, BLUE))
_SKEW = each_account("mimecast_api_clock_skew_seconds")
_SKEW_OK = steps((None, VERMILLION), (-60, ORANGE), (-5, BLUE), (5.1, ORANGE), (60, VERMILLION))
_TOOK = each_account("mimecast_api_last_request_duration_seconds")
_SKIPPED = f"max by (account, reason) (mimecast_awareness_campaigns_skipped{{{RAW}}})"
_SCRAPES, _HITS, _STALE = (growth(f"mimecast_cache_{name}_total") for name in ("requests", "hits", "stale_served"))
#: The exporters, those too that have been down for up to a day.
_EXPORTER_UP = only_exporters(f"max by (job, instance) (up{{{PROCESS}}})", "[1d]")
#: Reasons that have the same remedy have the same colour.
_REASONS = {
    "/auth|permission|secret/": VERMILLION,
    "/rate_limited/": ORANGE,
    "/server_error|api_error/": PURPLE,
    "/timeout|connect|tls/": SKY,
    "/invalid_response|too_large/": GREEN,
}
_CODES = {"/ 2..$/": BLUE, "/ 429$/": ORANGE, "/ 4(?!29)..$/": VERMILLION, "/ 5..$/": PURPLE, "/ none$/": GREY}


def _over_range(counter: str) -> str:
    return f"sum(max by (account) (increase({counter}{{{RAW}}}[$__range])))"


def _numbers() -> list[Json]:
    hits = f"{_over_range('mimecast_cache_hits_total')} / ({_over_range('mimecast_cache_requests_total')} > 0)"
    loaded = " * ".join(
        f"(min(mimecast_exporter_{name}{{{PROCESS}}}){otherwise})"
        for name, otherwise in (
            ("config_last_reload_successful", ""),
            ("web_config_valid", " or vector(1)"),
            ("account_file_valid", " or vector(1)"),
        )
    )
    return [
        stat("Exporters down", "Exporters that Prometheus cannot scrape.", f"sum(1 - ({_EXPORTER_UP}))", width=6, unit="none", thresholds=ZERO_IS_GOOD, empty="no exporter"),
        stat("Accounts", "Accounts that are scraped.", f"count({UP})", width=6, unit="none", empty="0"),
        stat("Accounts failing", "Accounts whose last refresh failed.", f"sum(1 - {UP})", width=6, unit="none", thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Oldest data", "Age of the oldest data being served.", f"max({AGE})", width=6, unit="s", decimals=0, thresholds=FRESH_IS_GOOD),
        stat("Slowest refresh", "The slowest account's last refresh: token, all pages, reading and decoding.", f"max({_TOOK})", width=6, unit="s"),
        stat("Lowest rate limit", "The part of the allowed calls that is left, of the account that has the least.", f"min({_LEFT})", width=6, unit="percentunit", decimals=0, thresholds=_LEFT_OK, empty="not told"),
        stat("Cache hits", "Scrapes answered from memory within the time to live, of all scrapes in the range shown.", hits, width=6, unit="percentunit", decimals=0),
        stat("Configuration", "Whether the last attempt to load the configuration, the web configuration and every account file succeeded, on every exporter.", loaded, width=6, unit="none", mappings=OK),
    ]  # fmt: skip


def _accounts() -> Json:
    values = {
        "A": STATE,
        "B": AGE,
        "C": _TOOK,
        "D": each_account("mimecast_api_last_response_bytes"),
        "E": each_account("mimecast_awareness_campaigns"),
        "F": f"sum by (account) ({_SKIPPED})",
        "G": _LEFT,
        "H": _SKEW,
        "I": f"sum by (account) (max by (account, reason) (increase(mimecast_api_failures_total{{{RAW}}}[$__range])))",
    }
    to_overview = link("Open the account's campaigns", OVERVIEW, account="Account")
    return table(
        "Accounts and the API", "One row an account, those that fail first. Left out are campaigns without series (filtered, too old, invalid, twice, over the limit); failures are those in the range shown.",
        [query(expr, ref=ref, table=True) for ref, expr in values.items()],
        [
            Column("account", "Account", links=[to_overview], custom__minWidth=130),
            marked("Value #A", "State", ACCOUNT_STATES, custom__width=100),
            coloured("Value #B", "Age of data", unit="s", decimals=0, thresholds=FRESH_IS_GOOD, custom__width=130, custom__align="right"),
            Column("Value #I", "Failures", unit="none", decimals=0, custom__width=95),
            Column("Value #C", "Last refresh", unit="s", custom__width=115),
            Column("Value #D", "Answer", unit="bytes", decimals=0, custom__width=95),
            Column("Value #E", "Campaigns", unit="none", custom__width=110),
            Column("Value #F", "Left out", unit="none", custom__width=90),
            coloured("Value #G", "Rate limit left", unit="percentunit", decimals=0, thresholds=_LEFT_OK, custom__width=125, custom__align="right"),
            coloured("Value #H", "Clock skew", unit="s", decimals=0, thresholds=_SKEW_OK, custom__width=110, custom__align="right"),
        ],
        height=9, pages=True, sort=[("State", False), ("Age of data", True)], empty="no account is scraped",
    )  # fmt: skip


def _exporters() -> list[Json]:
    values = {
        "A": _EXPORTER_UP,
        "B": f"max by (job, instance, version, python_version) (mimecast_exporter_build_info{{{PROCESS}}})",
        "C": f"min by (job, instance) (mimecast_exporter_config_last_reload_successful{{{PROCESS}}})",
        "D": f"max by (job, instance) (mimecast_exporter_config_last_reload_success_timestamp_seconds{{{PROCESS}}}) * 1000",
        "E": only_exporters(f"max by (job, instance) (process_start_time_seconds{{{PROCESS}}}) * 1000"),
    }
    return [
        table(
            "Exporters", "One row an exporter. Version and the rest are not known of one that is down.",
            [query(expr, ref=ref, table=True) for ref, expr in values.items()],
            [
                Column("instance", "Exporter", custom__minWidth=130),
                marked("Value #A", "State", UP_OR_DOWN, custom__width=80),
                Column("version", "Version", custom__width=90),
                Column("python_version", "Python", custom__width=85),
                marked("Value #C", "Configuration", OK, custom__width=120),
                Column("Value #D", "Loaded", unit="dateTimeFromNow", custom__width=115, custom__align="left"),
                Column("Value #E", "Started", unit="dateTimeFromNow", custom__width=115, custom__align="left"),
            ],
            width=14, height=6, sort=[("State", False)], empty="no exporter is scraped",
        ),
        table(
            "Alerts", "Alerts about the exporter and its accounts that fire now; docs/operations.md says what to do about each.",
            [query('max by (alertname, severity, account, instance) (ALERTS{job=~"$job", alertstate="firing", category="exporter"})', table=True)],
            [
                marked("severity", "Severity", SEVERITIES, custom__width=95),
                Column("alertname", "Alert", custom__minWidth=200),
                Column("account", "Account", custom__width=110),
            ],
            width=10, height=6, sort=[("Severity", False)], empty="no alert fires",
        ),
    ]  # fmt: skip


def _freshness() -> list[Json]:
    return [
        timeseries(
            "Age of the data", "How old the served data is; it grows until the next refresh. Above the dashed line it is stale.",
            [
                query(f"max({AGE})", "Oldest account", ref="A"),
                query(f"quantile(0.5, {AGE})", "Median account", ref="B"),
                query("max(mimecast_awareness:data_age_seconds:threshold)", "Stale from", ref="C"),
            ],
            unit="s", overrides=[fixed_colour("Oldest account", VERMILLION), fixed_colour("Median account", BLUE), fixed_colour("Stale from", GREY, **DASHED)],
        ),
        timeseries(
            "Failed refreshes", "Refreshes that failed in each step, by reason; docs/metrics.md explains the reasons. Reasons with the same remedy have the same colour.",
            [query(f"sum by (reason) ({growth('mimecast_api_failures_total', 'reason')}) > 0", "{{reason}}", step="15m")],
            unit="none", decimals=0, bars=True, empty="none failed",
            overrides=[fixed_colour(pattern, colour, by="byRegexp") for pattern, colour in _REASONS.items()],
        ),
    ]  # fmt: skip


def _api() -> list[Json]:
    return [
        timeseries(
            "Duration of a refresh", "The last refresh: token where one was needed, all pages, reading and decoding.",
            [query(f"max({_TOOK})", "Slowest account", ref="A"), query(f"quantile(0.5, {_TOOK})", "Median account", ref="B")],
            unit="s", overrides=[fixed_colour("Slowest account", VERMILLION), fixed_colour("Median account", BLUE)],
        ),
        timeseries(
            "Requests by status", "Calls to the API in each step by endpoint and HTTP status; none where no answer came.",
            [query(f"sum by (endpoint, code) ({growth('mimecast_api_requests_total', 'endpoint', 'code')}) > 0", "{{endpoint}} {{code}}", step="15m")],
            unit="none", decimals=0, bars=True, empty="no requests",
            overrides=[
                *(fixed_colour(pattern, colour, by="byRegexp") for pattern, colour in _CODES.items()),
                fixed_colour("token 200", SKY),
            ],
        ),
        timeseries(
            "Rate limit left", "The part of the allowed calls that is left until the limit starts anew.",
            [query(f"min({_LEFT})", "Lowest account", ref="A"), query(f"quantile(0.5, {_LEFT})", "Median account", ref="B")],
            width=8, unit="percentunit", custom={"axisSoftMax": 1}, empty="not told",
            overrides=[fixed_colour("Lowest account", VERMILLION), fixed_colour("Median account", BLUE)],
        ),
        timeseries(
            "Clock skew", "The API's clock minus the exporter's. Signed requests are refused where clocks differ too much.",
            [query(f"max({_SKEW})", "Furthest ahead", ref="A"), query(f"min({_SKEW})", "Furthest behind", ref="B")],
            width=8, unit="s", decimals=0, custom={"axisSoftMin": -5, "axisSoftMax": 5}, empty="not known",
            overrides=[fixed_colour("Furthest ahead", ORANGE), fixed_colour("Furthest behind", BLUE)],
        ),
        timeseries(
            "Campaigns", "Campaigns that have series, and those left out by reason: by your filters, or because they cannot be read.",
            [
                query(f"sum({each_account('mimecast_awareness_campaigns')})", "with series", ref="A"),
                query(f"sum by (reason) ({_SKIPPED}) > 0", "left out: {{reason}}", ref="B"),
            ],
            width=8, unit="none", decimals=0,
            overrides=[fixed_colour("with series", BLUE), fixed_colour("B", ORANGE, by="byFrameRefID"), fixed_colour("left out: invalid", VERMILLION)],
        ),
    ]  # fmt: skip


def _cache_and_process() -> list[Json]:
    return [
        timeseries(
            "Scrapes by how they were answered", "Scrapes of accounts in each step: from memory within the time to live, after a fetch, or with older data because the API failed or was slow.",
            [
                query(f"sum({_HITS})", "from memory", ref="A", step="15m"),
                query(f"clamp_min(sum({_SCRAPES}) - sum({_HITS}) - sum({_STALE}), 0)", "fetched", ref="B", step="15m"),
                query(f"sum({_STALE})", "stale", ref="C", step="15m"),
            ],
            unit="none", decimals=0, bars=True, empty="no scrapes",
            overrides=[fixed_colour("from memory", BLUE), fixed_colour("fetched", SKY), fixed_colour("stale", VERMILLION)],
        ),
        timeseries(
            "Duration of a scrape", "How long Prometheus waited for the slowest scrape of each exporter.",
            [query(only_exporters(f"max by (job, instance) (scrape_duration_seconds{{{PROCESS}}})"), "{{instance}}")],
            unit="s", **_ONE_COLOUR,
        ),
        timeseries("Memory", "Resident memory of each exporter.", [query(only_exporters(f"process_resident_memory_bytes{{{PROCESS}}}"), "{{instance}}")], width=8, unit="bytes", **_ONE_COLOUR),
        timeseries("CPU", "Share of one core that each exporter uses.", [query(only_exporters(f"rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval])"), "{{instance}}")], width=8, unit="percentunit", **_ONE_COLOUR),
        timeseries(
            "Open files and refused requests", "File descriptors in use, of those allowed; and requests answered 503 in each step because too many others were being answered.",
            [
                query(only_exporters(f"process_open_fds{{{PROCESS}}}"), "{{instance}}: open files", ref="A"),
                query(f"increase(mimecast_exporter_http_requests_refused_total{{{PROCESS}}}[$__rate_interval])", "{{instance}}: refused", ref="B"),
            ],
            width=8, unit="none", decimals=0,
            overrides=[fixed_colour("A", BLUE, by="byFrameRefID"), fixed_colour("B", VERMILLION, by="byFrameRefID")],
        ),
    ]  # fmt: skip


#: Exporters are few: shades of one colour.
_ONE_COLOUR: Json = {"colour": "shades", "shade": BLUE}


def build() -> Json:
    """The dashboard."""
    return dashboard(
        EXPORTER,
        "Exporter",
        "Health of the Mimecast awareness exporter.",
        panels=[
            *_numbers(),
            _accounts(),
            *_exporters(),
            row("Freshness and failures"),
            *_freshness(),
            row("The API"),
            *_api(),
            row("Cache and process"),
            *_cache_and_process(),
        ],
        variables=FOR_ACCOUNTS,
        span="6h",
    )
