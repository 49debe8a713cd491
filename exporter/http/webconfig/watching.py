"""Watch the web configuration, and apply changes of its files within seconds.

An invalid version leaves the previous one in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from exporter.http.server.tls import Tls
from exporter.http.webconfig.loading import Files, Loader, WebConfig, WebConfigError, read_files

_LOGGER = logging.getLogger(__name__)
_INTERVAL = 1.0

ReplaceTls = Callable[[Tls | None], Awaitable[None]]


class WatchedWebConfig:
    """A web configuration file, or none, and the configuration in force; WebConfigError if it is invalid at start."""

    def __init__(self, path: Path | None) -> None:
        loader = Loader(path) if path is not None else None
        self.current = loader.config() if loader is not None else WebConfig()
        #: Whether the current files are in force.
        self.valid = True
        self._path = path
        self._settled: Files = loader.files if loader is not None else {}
        # A version is refused when it is read twice, because a certificate may be replaced before its key.
        self._suspect: Files = {}
        self._failure = ""

    async def watch(self, replace_tls: ReplaceTls, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Check once a second until cancelled; call `replace_tls` with changed TLS settings."""
        while self._path is not None:
            await sleep(_INTERVAL)
            await self.check(replace_tls)

    async def check(self, replace_tls: ReplaceTls) -> None:
        """Apply changed files, or log why that is not possible; a failure is retried at the next check."""
        try:
            await self._check(replace_tls)
        except Exception as error:
            self.valid = False
            if self._failure != (failure := f"{type(error).__name__}: {error}"):
                self._failure = failure
                message = "web configuration not applied, the exporter tries again: %s"
                _LOGGER.error(message, failure, exc_info=not isinstance(error, OSError))

    async def _check(self, replace_tls: ReplaceTls) -> None:
        files = await asyncio.to_thread(read_files, self._settled)
        if self._path is None or (files == self._settled and not self._failure):
            self._suspect = {}
            return
        loader = await asyncio.to_thread(Loader, self._path)
        try:
            config = await asyncio.to_thread(loader.config)
        except WebConfigError as error:
            self._refuse(loader.files, error)
            return
        if config.tls != self.current.tls or self._failure:
            await replace_tls(config.tls)
        self.current = config
        self._settle(loader.files, valid=True)
        _LOGGER.info("web configuration loaded", extra={"file": str(self._path)})

    def _refuse(self, files: Files, error: WebConfigError) -> None:
        if files != self._suspect:
            self._suspect = files
            return
        self._settle(files, valid=False)
        for problem in error.problems:
            _LOGGER.error("web configuration cannot be used, the previous one stays in force: %s", problem)

    def _settle(self, files: Files, *, valid: bool) -> None:
        self._settled, self._suspect, self._failure, self.valid = files, {}, "", valid
