"""The composition root: build the running exporter from its configuration, and reload it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp

from exporter import about
from exporter.accounts.clock import Clock, monotonic
from exporter.accounts.registry import AccountRegistry
from exporter.config import Config, ConfigError, digest_of_files
from exporter.exposition.process import ProcessMetrics
from exporter.http.handlers.lifecycle import HEALTH_PATHS
from exporter.http.handlers.routes import application
from exporter.http.handlers.state import AppState, HandlerOptions
from exporter.http.middleware.max_requests import MaxRequests
from exporter.http.middleware.protection import Protection
from exporter.http.webconfig.watching import WatchedWebConfig

log = logging.getLogger(__name__)

#: Seconds for which changed files must stay as they are before they are loaded: they may still be being written.
_SETTLING = 1.0


class App:
    """A running exporter. `read` reads the configuration again; it raises ConfigError with every problem."""

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        *,
        clock: Clock = monotonic,
        wall_clock: Clock = time.time,
    ) -> None:
        self._config = config
        self._read = read
        self._clock = clock
        self._wall_clock = wall_clock
        self._loading = asyncio.Lock()
        self._digest = digest_of_files(config)
        self.process = ProcessMetrics(about.VERSION, revision=about.revision())
        self.registry = AccountRegistry(clock=clock, wall_clock=wall_clock)

    async def start(self) -> None:
        """Apply the initial configuration; raise OSError if a file of `api.tls_config` cannot be used."""
        await self.registry.apply(self._config)
        self._loaded()

    async def reload(self) -> str:
        """Load the configuration again; return an empty string, or why it was refused and nothing has changed."""
        async with self._loading:
            try:
                config = await asyncio.to_thread(self._read)
                await self.registry.apply(config)
            except ConfigError as error:
                return self._refused("; ".join(str(problem) for problem in error.problems))
            except OSError as error:
                return self._refused(f"api.tls_config cannot be used: {error.strerror or error}")
            except Exception as error:
                log.exception("unexpected error while loading the configuration")
                return self._refused(f"unexpected {type(error).__name__}; see the traceback in the exporter's log")
            self._config = config
            self._loaded()
            log.info("configuration loaded", extra={"config": config.source, "accounts": len(config.accounts)})
            return ""

    async def watch(self, interval: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Reload after each change of a configuration file, checked every `interval` seconds, until cancelled."""
        while True:
            await sleep(interval)
            digest = await asyncio.to_thread(digest_of_files, self._config)
            if digest == self._digest and not await self._is_repaired():
                continue
            await sleep(_SETTLING)
            if await asyncio.to_thread(digest_of_files, self._config) == digest:
                self._digest = digest
                await self.reload()

    async def _is_repaired(self) -> bool:
        """Report whether the problems of invalid account files have changed, as when a missing secret was added."""
        problems = self._config.problems()
        if not problems:
            return False
        try:
            return (await asyncio.to_thread(self._read)).problems() != problems
        except Exception as error:
            return not isinstance(error, ConfigError)  # what is unexpected, the reload reports

    async def close(self) -> None:
        """Cancel every refresh; waiting scrapes are answered with the current data."""
        await self.registry.close()

    def application(
        self, options: HandlerOptions, *, max_requests: int = 40, web: WatchedWebConfig | None = None
    ) -> ASGIApp:
        """Return the ASGI application, protected by the web configuration in force."""
        protection = web or WatchedWebConfig(None)
        self.process.watch_web_config(lambda: protection.valid)
        state = AppState(
            registry=self.registry,
            process=self.process,
            config=lambda: self._config,
            reload=self.reload,
            options=options,
            clock=self._clock,
            wall_clock=self._wall_clock,
        )
        bounded = MaxRequests(application(state), max_requests, HEALTH_PATHS, self.process.request_refused)
        return Protection(bounded, lambda: protection.current, HEALTH_PATHS)

    def _loaded(self) -> None:
        self.process.config_loaded(self._wall_clock(), self._config.account_files_status)
        for problem in self._config.problems():
            log.error("account file invalid, its accounts are not served: %s", problem)

    def _refused(self, why: str) -> str:
        self.process.config_refused()
        text = f"configuration not loaded, the previous one stays in force: {why}"
        log.error("%s", text)
        return text
