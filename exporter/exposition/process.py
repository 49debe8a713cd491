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
        self._own, self._process = CollectorRegistry(), CollectorRegistry()
        #: Rendered again after each change.
        self._own_text: dict[Format, bytes] = {}
        self._process_text: dict[Format, tuple[float, bytes]] = {}
        self._is_web_config_valid: Callable[[], bool] = lambda: True
        self._rendered_web_config_valid = True
        ProcessCollector(registry=self._process)
        GCCollector(registry=self._process)
        PlatformCollector(registry=self._own)
        build = Gauge(
            "mimecast_exporter_build_info",
            "Version and Git revision of the exporter, and version of the Python that runs it; always 1.",
            ["version", "revision", "python_version"],
            registry=self._own,
        )
        build.labels(version, revision, platform.python_version()).set(1)
        self._reload_successful = Gauge(
            "mimecast_exporter_config_last_reload_successful",
            "Whether the last attempt to load the configuration succeeded (1) or failed (0).",
            registry=self._own,
        )
        self._reload_time = Gauge(
            "mimecast_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded successfully, in seconds since the epoch.",
            registry=self._own,
        )
        self._account_file_valid = Gauge(
            "mimecast_exporter_account_file_valid",
            "Whether the account file is valid and its accounts are served (1) or not (0).",
            ["file"],
            registry=self._own,
        )
        self._web_config_valid = Gauge(
            "mimecast_exporter_web_config_valid",
            "Whether the web configuration file, as it is now, is valid (1) or not (0).",
            registry=self._own,
        )
        self._web_config_valid.set(1)
        self._requests_refused = Counter(
            "mimecast_exporter_http_requests_refused_total",
            "Requests answered with 503 because --web.max-requests responses were being prepared.",
            registry=self._own,
        )

    def watch_web_config(self, valid: Callable[[], bool]) -> None:
        """Report at each scrape whether the web configuration is valid."""
        self._is_web_config_valid = valid

    def config_loaded(self, now: float, account_files: Mapping[str, Collection[object]]) -> None:
        """Record that the configuration was loaded at `now`, and the problems of each account file."""
        self._reload_successful.set(1)
        self._reload_time.set(now)
        self._account_file_valid.clear()
        for file, problems in account_files.items():
            self._account_file_valid.labels(file).set(not problems)
        self._own_text.clear()

    def config_refused(self) -> None:
        """Record that the configuration could not be loaded and the previous one stays in force."""
        self._reload_successful.set(0)
        self._own_text.clear()

    def request_refused(self) -> None:
        """Count a request that was refused because too many responses were being prepared."""
        self._requests_refused.inc()
        self._own_text.clear()

    def collect(self) -> Iterable[Metric]:
        """Return all metrics."""
        return [*self._own.collect(), *self._process.collect()]

    def render(self, form: Format) -> bytes:
        """Return the metrics as text; process metrics are read at most once per `PROCESS_INTERVAL`."""
        if (valid := self._is_web_config_valid()) != self._rendered_web_config_valid:
            self._rendered_web_config_valid = valid
            self._web_config_valid.set(valid)
            self._own_text.clear()
        if form not in self._own_text:
            self._own_text[form] = render_metrics(self._own.collect(), form)
        now = self._clock()
        rendered_at, process = self._process_text.get(form, (-math.inf, b""))
        if now - rendered_at >= PROCESS_INTERVAL:
            process = render_metrics(self._process.collect(), form)
            self._process_text[form] = now, process
        return self._own_text[form] + process
