"""Watch the web configuration: read it at start, and again within seconds of each change of its files.

A version that cannot be used leaves the previous one in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from exporter.http.server.tls import Tls
from exporter.http.webconfig.files import contents_of, digest
from exporter.http.webconfig.loading import Loader, WebConfig, WebConfigError

_LOGGER = logging.getLogger(__name__)
_INTERVAL = 1.0

ReplaceTls = Callable[[Tls | None], Awaitable[None]]


class WatchedWebConfig:
    """One web configuration file, or none (`path` is None), and the configuration in force.

    Raises:
        WebConfigError: with every problem, when the file cannot be used at start.

    """

    def __init__(self, path: Path | None) -> None:
        loader = Loader(path) if path is not None else None
        self.current = loader.config() if loader is not None else WebConfig()
        #: Whether the files as they are now are in force.
        self.valid = True
        self._path = path
        self._files = loader.files if loader is not None else ()
        self._settled = loader.digest if loader is not None else b""
        # A version is refused when it is found twice: a certificate is often replaced before its key.
        self._suspect = b""
        self._failure = ""
        _log_remarks(self.current)

    def config(self) -> WebConfig:
        """Return the configuration in force."""
        return self.current

    async def watch(self, replace_tls: ReplaceTls, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Check once a second until cancelled.

        Args:
            replace_tls: called with the TLS settings of a new configuration when they differ.
            sleep: waits for so many seconds.

        """
        while self._path is not None:
            await sleep(_INTERVAL)
            await self.check(replace_tls)

    async def check(self, replace_tls: ReplaceTls) -> None:
        """Put changed files into force, or log why that is not possible; a failure is retried at the next check."""
        try:
            await self._check(replace_tls)
        except Exception as error:
            self.valid = False
            if self._failure != (failure := f"{type(error).__name__}: {error}"):
                self._failure = failure
                message = "web configuration not put into force, the exporter tries again: %s"
                _LOGGER.error(message, failure, exc_info=not isinstance(error, OSError))

    async def _check(self, replace_tls: ReplaceTls) -> None:
        path = self._path
        if path is None or (await asyncio.to_thread(_digest_of, self._files) == self._settled and not self._failure):
            self._suspect = b""
            return
        loader, config = await asyncio.to_thread(_attempt, path)
        if isinstance(config, WebConfigError):
            self._refuse(loader, config)
            return
        if config.tls != self.current.tls or self._failure:
            await replace_tls(config.tls)
        if config != self.current:
            _log_remarks(config)
        self.current = config
        self._settle(loader, valid=True)
        _LOGGER.info("web configuration read again", extra={"file": str(path)})

    def _refuse(self, loader: Loader, error: WebConfigError) -> None:
        if loader.digest != self._suspect:
            self._suspect = loader.digest
            return
        self._settle(loader, valid=False)
        for problem in error.problems:
            _LOGGER.error("web configuration cannot be used, the previous one stays in force: %s", problem)

    def _settle(self, loader: Loader, *, valid: bool) -> None:
        self._files, self._settled, self._suspect, self.valid = loader.files, loader.digest, b"", valid
        self._failure = ""


def _digest_of(files: tuple[Path, ...]) -> bytes:
    return digest(map(contents_of, files))


def _attempt(path: Path) -> tuple[Loader, WebConfig | WebConfigError]:
    loader = Loader(path)
    try:
        return loader, loader.config()
    except WebConfigError as error:
        return loader, error


def _log_remarks(config: WebConfig) -> None:
    for remark in config.remarks:
        _LOGGER.warning("web configuration: %s", remark)
