"""The graphs of the exporter dashboard, and the expressions that they share with its numbers."""

from __future__ import annotations

from palette import AMBER, BLUE, GREY, PURPLE, RED, SKY, Json
from panels import DASHED, fixed_colour, query, timeseries
from promql import PROCESS, SELECTED, exported, growth, only_exporters, threshold

BY = "account, collector"
LEFT = (
    f"min by (account) (mimecast_api_rate_limit_remaining{{{SELECTED}}} / (mimecast_api_rate_limit{{{SELECTED}}} > 0))"
)
SKEW = exported("api_clock_skew_seconds")
TOOK = exported("refresh_duration_seconds", BY)
AGE = f"(time() - max by ({BY}) (mimecast_data_timestamp_seconds{{{SELECTED}}}))"
SKIPPED = exported("awareness_campaigns_skipped", "account, reason")
_REQUESTS, _HITS, _STALE = (
    f"sum(increase(mimecast_cache_{name}_total{{{PROCESS}}}[$__interval]))"
    for name in ("requests", "hits", "stale_served")
)
#: Reasons by who can do something: whoever has the credentials, nobody for a while, Mimecast, the network's operator.
_REASONS = {
    "/auth|permission|secret/": RED,
    "/rate_limited/": AMBER,
    "/server_error|api_error/": PURPLE,
    "/timeout|connect|tls/": SKY,
    "/invalid_response|too_large/": GREY,
}
_CODES = {"/^2..$/": BLUE, "/^429$/": AMBER, "/^4(?!29)..$/": RED, "/^5..$/": PURPLE, "/^none$/": SKY}
#: Exporters are few: shades of one colour.
_ONE_COLOUR: Json = {"colour": "shades", "shade": BLUE}
#: Few points: with hundreds of accounts each costs.
_POINTS: Json = {"step": "5m"}
_BARS: Json = {"unit": "none", "decimals": 0, "bars": "before", "step": "15m"}


def _worst_and_median(worst: str, expr: str, legend: str) -> list[Json]:
    return [query(f"{worst}({expr})", legend, ref="A"), query(f"quantile(0.5, {expr})", "Median", ref="B")]


def _coloured(legend: str) -> list[Json]:
    return [fixed_colour(legend, AMBER), fixed_colour("Median", BLUE)]


def freshness() -> list[Json]:
    """Return the panels about the age of the data and the failures of refreshes."""
    return [
        timeseries(
            "Age of the data", "How old the data is; it grows until the next refresh. Above the dashed line it is stale.",
            [*_worst_and_median("max", AGE, "Oldest"), query(threshold("data_age_seconds"), "Old from", ref="C")],
            unit="s", overrides=[*_coloured("Oldest"), fixed_colour("Old from", GREY, **DASHED)], **_POINTS,
        ),
        timeseries(
            "Failed refreshes", "Refreshes that failed in the time before each bar, by reason; docs/metrics.md explains the reasons. Reasons with the same remedy have the same colour.",
            [query(f"sum by (reason) ({growth('refresh_failures_total', f'{BY}, reason', ' > 0')})", "{{reason}}")],
            empty="no failure known", overrides=[fixed_colour(pattern, colour, by="byRegexp") for pattern, colour in _REASONS.items()], **_BARS,
        ),
    ]  # fmt: skip


def api() -> list[Json]:
    """Return the panels about what the API answers."""
    return [
        timeseries(
            "Duration of a refresh", "Duration of the last refresh, including the token and all pages.",
            _worst_and_median("max", TOOK, "Slowest"), unit="s", overrides=_coloured("Slowest"), **_POINTS,
        ),
        timeseries(
            "Requests by status", "Calls to the API in the time before each bar, by HTTP status; none means that no response arrived.",
            [query(f"sum by (code) ({growth('api_requests_total', 'account, endpoint, code', ' > 0')})", "{{code}}")],
            empty="no data", overrides=[fixed_colour(pattern, colour, by="byRegexp") for pattern, colour in _CODES.items()], **_BARS,
        ),
        timeseries(
            "Rate limit left over time", "The share of the allowed calls that is left until the limit is reset.",
            _worst_and_median("min", LEFT, "Lowest"),
            width=8, unit="percentunit", custom={"axisSoftMax": 1}, empty="not reported", overrides=_coloured("Lowest"), **_POINTS,
        ),
        timeseries(
            "Clock skew", "The API's clock minus the exporter's. Signed requests are refused if the clocks differ too much.",
            [query(f"max({SKEW})", "Furthest ahead", ref="A"), query(f"min({SKEW})", "Furthest behind", ref="B")],
            width=8, unit="s", decimals=0, custom={"axisSoftMin": -5, "axisSoftMax": 5}, empty="not known",
            overrides=[fixed_colour("Furthest ahead", AMBER), fixed_colour("Furthest behind", BLUE)], **_POINTS,
        ),
        timeseries(
            "Campaigns", "Campaigns that have series, and skipped ones by reason: by your filters, or because they cannot be read.",
            [
                query(f"sum({exported('awareness_campaigns')})", "With series", ref="A"),
                query(f"sum by (reason) ({SKIPPED}) > 0", "Skipped: {{reason}}", ref="B"),
            ],
            width=8, unit="none", decimals=0,
            overrides=[fixed_colour("With series", BLUE), fixed_colour("B", GREY, by="byFrameRefID"), fixed_colour("Skipped: invalid", RED)], **_POINTS,
        ),
    ]  # fmt: skip


def cache_and_process() -> list[Json]:
    """Return the panels about the cache and the exporter's process."""
    refused = f"increase(mimecast_exporter_http_requests_refused_total{{{PROCESS}}}[$__interval])"
    return [
        timeseries(
            "Scrapes by how they were answered", "In the time before each bar: from memory within the time to live, after a fetch, or with older data because the API failed or was slow.",
            [
                query(_HITS, "From memory", ref="A"),
                query(f"clamp_min({_REQUESTS} - {_HITS} - {_STALE}, 0)", "Fetched", ref="B"),
                query(_STALE, "Old data", ref="C"),
            ],
            empty="no data", overrides=[fixed_colour("From memory", BLUE), fixed_colour("Fetched", SKY), fixed_colour("Old data", RED)], **_BARS,
        ),
        timeseries(
            "Duration of a scrape", "How long Prometheus waited for the slowest scrape of each exporter.",
            [query(only_exporters(f"max by (job, instance) (scrape_duration_seconds{{{PROCESS}}})"), "{{instance}}")],
            unit="s", **_ONE_COLOUR,
        ),
        timeseries("Memory", "Resident memory of each exporter.", [query(only_exporters(f"process_resident_memory_bytes{{{PROCESS}}}"), "{{instance}}")], unit="bytes", **_ONE_COLOUR),
        timeseries("CPU", "Share of one core that each exporter uses.", [query(only_exporters(f"rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval])"), "{{instance}}")], unit="percentunit", **_ONE_COLOUR),
        timeseries(
            "Open files and their limit", "Open files, and the number that the exporter may open.",
            [
                query(only_exporters(f"process_open_fds{{{PROCESS}}}"), "{{instance}}", ref="A"),
                query(only_exporters(f"process_max_fds{{{PROCESS}}}"), "{{instance}} limit", ref="B"),
            ],
            unit="none", decimals=0, overrides=[fixed_colour("A", BLUE, by="byFrameRefID"), fixed_colour("B", GREY, by="byFrameRefID", **DASHED)],
        ),
        timeseries(
            "Refused requests", "Requests answered with 503 in the time before each bar because of --web.max-requests.",
            [query(f"sum({refused})", "Refused")],
            legend=False, empty="no data", overrides=[fixed_colour("Refused", RED)], **_BARS,
        ),
    ]  # fmt: skip
