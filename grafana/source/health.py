"""Exporter: is it well, is its data fresh, how does the API treat it?"""

from __future__ import annotations

from panels import (
    BLUE,
    ORANGE,
    PROCESS,
    RAW,
    VERMILLION,
    ZERO_IS_GOOD,
    Json,
    dashboard,
    query,
    row,
    stat,
    steps,
    timeseries,
    variables,
)  # fmt: skip

_OK = [
    {"type": "value", "options": {"0": {"text": "refused", "color": VERMILLION}, "1": {"text": "ok", "color": BLUE}}}
]


def build() -> Json:
    """The dashboard."""
    panels = [
        stat("Version", "The exporters that run.", f"count by (version) (mimecast_exporter_build_info{{{PROCESS}}})", text_mode="name", legend="{{version}}"),
        stat("Accounts up", "Accounts whose last refresh succeeded.", f"sum(max by (account) (mimecast_up{{{RAW}}}))", empty="0"),
        stat("Accounts failing", "Accounts whose last refresh failed.", f"count(max by (account) (mimecast_up{{{RAW}}}) == 0) or vector(0)", thresholds=ZERO_IS_GOOD, empty="0"),
        stat("Oldest data", "Age of the oldest data being served.", f"max(time() - max by (account) (mimecast_awareness_data_timestamp_seconds{{{RAW}}}))", unit="s", decimals=0, thresholds=steps((None, BLUE), (900, ORANGE), (1800, VERMILLION))),
        stat("Cache hits", "Scrapes answered from memory within the time to live, of all scrapes in the range shown.", f"sum(increase(mimecast_cache_hits_total{{{RAW}}}[$__range])) / (sum(increase(mimecast_cache_requests_total{{{RAW}}}[$__range])) > 0)", unit="percentunit", decimals=0),
        stat("Configuration", "Whether the last attempt to load the configuration succeeded, on every exporter.", f"min(mimecast_exporter_config_last_reload_successful{{{PROCESS}}})", mappings=_OK),
        row("Freshness and failures"),
        timeseries("Age of the data", "How old the served data is, by account; the ten oldest.", [query(f"topk(10, time() - max by (account) (mimecast_awareness_data_timestamp_seconds{{{RAW}}}))", "{{account}}")], unit="s", min=0),
        timeseries("Failed refreshes by reason", "Refreshes that failed, per hour; docs/metrics.md explains each reason.", [query(f"sum by (reason) (increase(mimecast_api_failures_total{{{RAW}}}[1h])) > 0", "{{reason}}")], min=0, empty="none failed"),
        row("The API"),
        timeseries("Duration of a refresh", "The last refresh: token, all pages, reading and decoding; the ten slowest accounts.", [query(f"topk(10, max by (account) (mimecast_api_last_request_duration_seconds{{{RAW}}}))", "{{account}}")], unit="s", min=0),
        timeseries("Requests by status", "Calls to the API by endpoint and HTTP status; none where no answer came.", [query(f"sum by (endpoint, code) (rate(mimecast_api_requests_total{{{RAW}}}[$__rate_interval]))", "{{endpoint}} {{code}}")], unit="reqps", min=0),
        timeseries("Rate limit left", "The part of the allowed calls that is left; the ten lowest accounts.", [query(f"bottomk(10, min by (account) (mimecast_api_rate_limit_remaining{{{RAW}}} / (mimecast_api_rate_limit{{{RAW}}} > 0)))", "{{account}}")], unit="percentunit", min=0, max=1),
        timeseries("Size of an answer", "The last good answer, unpacked, all pages; the ten largest.", [query(f"topk(10, max by (account) (mimecast_api_last_response_bytes{{{RAW}}}))", "{{account}}")], unit="bytes", min=0),
        timeseries("Clock skew", "The API's clock minus the exporter's. Signed requests are refused where clocks differ too much.", [query(f"topk(10, max by (account) (mimecast_api_clock_skew_seconds{{{RAW}}}))", "{{account}}")], unit="s"),
        timeseries("Cache", "Scrapes per second by how they were answered.", [query(f"sum(rate(mimecast_cache_hits_total{{{RAW}}}[$__rate_interval]))", "from memory", ref="A"), query(f"sum(rate(mimecast_cache_requests_total{{{RAW}}}[$__rate_interval])) - sum(rate(mimecast_cache_hits_total{{{RAW}}}[$__rate_interval])) - sum(rate(mimecast_cache_stale_served_total{{{RAW}}}[$__rate_interval]))", "fetched", ref="B"), query(f"sum(rate(mimecast_cache_stale_served_total{{{RAW}}}[$__rate_interval]))", "stale", ref="C")], unit="reqps", min=0),
        row("The process"),
        timeseries("Memory", "Resident memory of the exporter.", [query(f"process_resident_memory_bytes{{{PROCESS}}} and on (job, instance) mimecast_exporter_build_info{{{PROCESS}}}", "{{instance}}")], width=8, unit="bytes", min=0),
        timeseries("CPU", "Cores used.", [query(f"rate(process_cpu_seconds_total{{{PROCESS}}}[$__rate_interval]) and on (job, instance) mimecast_exporter_build_info{{{PROCESS}}}", "{{instance}}")], width=8, unit="short", min=0),
        timeseries("Open files, and refused requests", "File descriptors in use, and requests answered 503 per hour.", [query(f"process_open_fds{{{PROCESS}}} and on (job, instance) mimecast_exporter_build_info{{{PROCESS}}}", "{{instance}}: open files", ref="A"), query(f"increase(mimecast_exporter_http_requests_refused_total{{{PROCESS}}}[1h])", "{{instance}}: refused", ref="B")], width=8, min=0),
    ]  # fmt: skip
    return dashboard(
        "mimecast-exporter",
        "Exporter",
        "Health of the Mimecast awareness exporter.",
        panels=panels,
        found=variables(),
        span="6h",
    )
