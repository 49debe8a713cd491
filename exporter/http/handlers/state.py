"""What the handlers serve: the state of the application, and how the endpoints behave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from exporter.accounts.clock import Clock
from exporter.accounts.registry import AccountRegistry
from exporter.config import Config
from exporter.exposition.process import ProcessMetrics


@dataclass(frozen=True)
class HandlerOptions:
    """How the endpoints behave; see the flags of the same names.

    Attributes:
        telemetry_path: where metrics are served.
        external_url: the exporter's address as others see it, without a trailing slash; empty for the request's.
        timeout_offset: seconds subtracted from a scrape's timeout.
        default_scrape_timeout: seconds a scrape waits that names no timeout.
        enable_lifecycle: whether `/-/reload` is allowed.

    """

    telemetry_path: str = "/metrics"
    external_url: str = ""
    timeout_offset: float = 0.5
    default_scrape_timeout: float = 10.0
    enable_lifecycle: bool = False


@dataclass(frozen=True)
class AppState:
    """What is served.

    Attributes:
        registry: the running accounts.
        process: the exporter's own metrics.
        config: returns the configuration in force.
        reload: loads the configuration again; returns an empty string, or why it was refused.
        options: how the endpoints behave.
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.

    """

    registry: AccountRegistry
    process: ProcessMetrics
    config: Callable[[], Config]
    reload: Callable[[], Awaitable[str]]
    options: HandlerOptions
    clock: Clock
    wall_clock: Clock


def state_of(request: Request) -> AppState:
    """Return the state of the application that the request was made to."""
    state: AppState = request.app.state.exporter
    return state
