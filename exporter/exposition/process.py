"""The exporter's own metrics: process, Python, build and configuration, collected by prometheus_client."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from exporter.exposition.text import Format, render_metrics

#: Seconds for which process metrics are cached: reading them costs more than a cached scrape.
PROCESS_INTERVAL = 1.0


class ProcessMetrics:
    """The exporter's own metrics."""

    def __init__(self, version: str, clock: Callable[[], float] = time.monotonic, *, revision: str = "unknown") -> None:
        disable_created_metrics()
        self._clock = clock
        #: Metrics that change only with a reload, process metrics, and the others.
        self._static, self._process, self._live = CollectorRegistry(), CollectorRegistry(), CollectorRegistry()
        self._static_text: dict[Format, bytes] = {}
        self._process_text: dict[Format, tuple[float, bytes]] = {}
        ProcessCollector(registry=self._process)
        GCCollector(registry=self._process)
        PlatformCollector(registry=self._static)
        build = Gauge(
            "mimecast_exporter_build_info",
            "Version and Git revision of the exporter, and version of the Python that runs it; always 1.",
            ["version", "revision", "python_version"],
            registry=self._static,
        )
        build.labels(version, revision, platform.python_version()).set(1)
        self._reload_successful = Gauge(
            "mimecast_exporter_config_last_reload_successful",
            "Whether the last attempt to load the configuration succeeded (1) or failed (0).",
            registry=self._static,
        )
        self._reload_time = Gauge(
            "mimecast_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded successfully, in seconds since the epoch.",
            registry=self._static,
        )
        self._account_file_valid = Gauge(
            "mimecast_exporter_account_file_valid",
            "Whether the account file is valid and its accounts are served (1) or not (0).",
            ["file"],
            registry=self._static,
        )
        self._web_config_valid = Gauge(
            "mimecast_exporter_web_config_valid",
            "Whether the web configuration file, as it is now, is valid (1) or not (0).",
            registry=self._live,
        )
        self.requests_refused = Counter(
            "mimecast_exporter_http_requests_refused_total",
            "Requests answered with 503 because --web.max-requests responses were being prepared.",
            registry=self._live,
        )

    def watch_web_config(self, valid: Callable[[], bool]) -> None:
        """Report at each scrape whether the web configuration is valid."""
        self._web_config_valid.set_function(valid)

    def config_loaded(self, now: float, account_files: Mapping[str, Collection[object]]) -> None:
        """Record that the configuration was loaded at `now`, and the problems of each account file."""
        self._static_text.clear()
        self._reload_successful.set(1)
        self._reload_time.set(now)
        self._account_file_valid.clear()
        for file, problems in account_files.items():
            self._account_file_valid.labels(file).set(not problems)

    def config_refused(self) -> None:
        """Record that the configuration could not be loaded and the previous one stays in force."""
        self._static_text.clear()
        self._reload_successful.set(0)

    def collect(self) -> Iterable[Metric]:
        """Return all metrics."""
        return [*self._static.collect(), *self._process.collect(), *self._live.collect()]

    def render(self, form: Format) -> bytes:
        """Return the metrics as text; process metrics are read at most once per `PROCESS_INTERVAL`."""
        if form not in self._static_text:
            self._static_text[form] = render_metrics(self._static.collect(), form)
        now = self._clock()
        rendered_at, process = self._process_text.get(form, (-math.inf, b""))
        if now - rendered_at >= PROCESS_INTERVAL:
            process = render_metrics(self._process.collect(), form)
            self._process_text[form] = now, process
        return self._static_text[form] + process + render_metrics(self._live.collect(), form)
