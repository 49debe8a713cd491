"""The state that the handlers share, and their options."""

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
    """Options of the handlers; see the flags with the same names. `external_url` has no trailing slash."""

    telemetry_path: str = "/metrics"
    external_url: str = ""
    timeout_offset: float = 0.5
    default_scrape_timeout: float = 10.0
    enable_lifecycle: bool = False


@dataclass(frozen=True)
class AppState:
    """The state that the handlers share. `reload` returns an empty string, or why the configuration was refused."""

    registry: AccountRegistry
    process: ProcessMetrics
    config: Callable[[], Config]
    reload: Callable[[], Awaitable[str]]
    options: HandlerOptions
    clock: Clock
    wall_clock: Clock


def state_of(request: Request) -> AppState:
    """Return the state of the request's application."""
    state: AppState = request.app.state.exporter
    return state
