"""The running exporter: a configuration, its collectors, and the way from one configuration to the next.

Knows nothing of sockets or signals: whoever serves it calls `reload` and `close`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

from exporter import __version__
from exporter.accounts.cache import Clock
from exporter.accounts.registry import Fleet
from exporter.config import Config, ConfigError, redacted
from exporter.exposition.process import Telemetry
from exporter.http.handlers.routes import HEALTH_PATHS, Exporter, Settings, Subject
from exporter.http.middleware.max_requests import MaxRequests
from exporter.http.middleware.protection import Protection
from exporter.http.webconfig.watching import WatchedWebConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServiceOptions:
    """What the command line says of serving; see the flags of the same names."""

    telemetry_path: str = "/metrics"
    external_url: str = ""
    timeout_offset: float = 0.5
    max_requests: int = 40
    lifecycle: bool = False


class Service:
    """One exporter, from its first configuration to its end.

    Args:
        config: the configuration to begin with.
        read: reads the configuration anew; raises ConfigError with every problem.
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.

    """

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        *,
        clock: Clock = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._read = read
        self._wall_clock = wall_clock
        self._loading = asyncio.Lock()
        self.telemetry = Telemetry(__version__)
        self.fleet = Fleet(clock=clock, wall_clock=wall_clock)

    async def start(self) -> None:
        """Take the first configuration into use.

        Raises:
            OSError: a certificate file of `api.tls_config` cannot be used.

        """
        await self.fleet.apply(self._config)
        self._note_loaded()

    async def reload(self) -> str:
        """Take what the configuration says now into use; where it is refused nothing changes, and the text says why."""
        async with self._loading:
            try:
                config = await asyncio.to_thread(self._read)
                await self.fleet.apply(config)
            except ConfigError as error:
                return self._refused("; ".join(str(problem) for problem in error.problems))
            except OSError as error:
                return self._refused(f"api.tls_config cannot be used: {error.strerror}")
            self._config = config
            self._note_loaded()
            log.info("configuration loaded", extra={"config": config.source, "accounts": len(config.accounts)})
            return ""

    async def close(self) -> None:
        """Cancel every fetch; scrapes that wait are answered with what is there."""
        await self.fleet.close()

    def application(self, options: ServiceOptions, web: WatchedWebConfig | None = None) -> ASGIApp:
        """The exporter as an ASGI application, protected as the web configuration in force says."""
        protection = web or WatchedWebConfig(None)
        self.telemetry.watch_web_config(lambda: protection.valid)
        settings = Settings(
            telemetry_path=options.telemetry_path,
            external_url=options.external_url,
            timeout_offset=options.timeout_offset,
            scrape_timeout=self._config.api.timeout,
            lifecycle=options.lifecycle,
        )
        subject = Subject(
            collection=self.fleet.collection,
            telemetry=self.telemetry,
            accounts=lambda: self._config.accounts,
            configuration=lambda: redacted(self._config),
            reload=self.reload,
        )
        refused = self.telemetry.requests_refused.inc
        bounded = MaxRequests(Exporter(subject, settings).application(), options.max_requests, HEALTH_PATHS, refused)
        return Protection(bounded, protection.config, HEALTH_PATHS)

    def _note_loaded(self) -> None:
        self.telemetry.config_loaded(self._wall_clock(), self._config.account_files_status)
        for problems in self._config.account_files_status.values():
            for problem in problems:
                log.error("account file left out: %s", problem)

    def _refused(self, why: str) -> str:
        self.telemetry.config_refused()
        log.error("configuration not loaded, the old one goes on: %s", why)
        return f"configuration not loaded, the old one goes on: {why}"
