"""What the process says about itself: process, Python, build and configuration, on prometheus_client."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

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


class Telemetry:
    """The process's own metrics, in registries of their own.

    Args:
        version: the exporter's version.

    """

    def __init__(self, version: str) -> None:
        disable_created_metrics()
        self._moving = CollectorRegistry()
        self._settled = CollectorRegistry()
        self._settled_now: Sequence[Metric] | None = None
        ProcessCollector(registry=self._moving)
        GCCollector(registry=self._moving)
        PlatformCollector(registry=self._settled)
        build = Gauge(
            "mimecast_exporter_build_info",
            "Always 1; the version of the exporter and of the Python that runs it.",
            ["version", "python_version"],
            registry=self._settled,
        )
        build.labels(version, platform.python_version()).set(1)
        self.config_reload_successful = Gauge(
            "mimecast_exporter_config_last_reload_successful",
            "Whether the last attempt to load the configuration succeeded (1) or not (0).",
            registry=self._settled,
        )
        self.config_reload_time = Gauge(
            "mimecast_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded successfully, in seconds since the epoch.",
            registry=self._settled,
        )
        self.account_file_valid = Gauge(
            "mimecast_exporter_account_file_valid",
            "Whether the account file is valid and its accounts are served (1) or not (0).",
            ["file"],
            registry=self._settled,
        )
        self._web_config_valid = Gauge(
            "mimecast_exporter_web_config_valid",
            "Whether the web configuration file and what it names can be used as they are now (1) or not (0).",
            registry=self._moving,
        )
        self.requests_refused = Counter(
            "mimecast_exporter_http_requests_refused_total",
            "Requests answered 503 because --web.max-requests others were being prepared.",
            registry=self._moving,
        )

    def watch_web_config(self, valid: Callable[[], bool]) -> None:
        """Tell of the web configuration what `valid` says at each scrape."""
        self._web_config_valid.set_function(valid)

    def config_loaded(self, now: float, account_files: Mapping[str, Collection[object]]) -> None:
        """Note that the configuration was loaded at `now`, seconds since the epoch.

        `account_files` holds each account file's problems, none where it is valid.
        """
        self._settled_now = None
        self.config_reload_successful.set(1)
        self.config_reload_time.set(now)
        self.account_file_valid.clear()
        for file, problems in account_files.items():
            self.account_file_valid.labels(file).set(not problems)

    def config_refused(self) -> None:
        """Note that the configuration could not be loaded, and the old one goes on."""
        self._settled_now = None
        self.config_reload_successful.set(0)

    def collect(self) -> Iterable[Metric]:
        """All of the metrics."""
        return [*self.settled(), *self.moving()]

    def moving(self) -> Iterable[Metric]:
        """The metrics that move by themselves, as they are now; gauges and counters."""
        return self._moving.collect()

    def settled(self) -> Sequence[Metric]:
        """The metrics that stay until a configuration is loaded or refused; the same object until then."""
        if self._settled_now is None:
            self._settled_now = list(self._settled.collect())
        return self._settled_now
