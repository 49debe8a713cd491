"""The web configuration in force: read at start, and again within seconds of each change of its files.

A version that cannot be used leaves the one before in force.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from exporter.http.server.worker import Worker
from exporter.http.webconfig.files import contents_of, digest
from exporter.http.webconfig.loading import Reading, WebConfig, WebConfigError

_LOGGER = logging.getLogger(__name__)
_INTERVAL = 1.0

Changed = Callable[[WebConfig], Awaitable[None]]


class WatchedWebConfig:
    """One web configuration file, or none (`path` is None), and what is in force of it.

    Raises:
        WebConfigError: with every problem, when the file cannot be used at the start.

    """

    def __init__(self, path: Path | None) -> None:
        reading = Reading(path) if path is not None else None
        self.current = reading.config() if reading is not None else WebConfig()
        #: Whether the files as they are now can be used.
        self.valid = True
        self._path = path
        self._worker = Worker("web-config")
        self._files = reading.files if reading is not None else ()
        self._settled = reading.digest if reading is not None else b""
        # A refused version is told of when it was found twice: a certificate is often replaced before its key.
        self._suspect = b""
        _remark(self.current)

    def config(self) -> WebConfig:
        """The configuration in force."""
        return self.current

    async def watch(self, changed: Changed, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Look once a second until cancelled; `changed` is called with each new configuration in force."""
        while self._path is not None:
            await sleep(_INTERVAL)
            try:
                await self.look(changed)
            except Exception:
                _LOGGER.exception("web configuration not looked at; another look follows")

    async def look(self, changed: Changed) -> None:
        """Take changed files into force, or say why not."""
        path = self._path
        if path is None or await self._worker.run(lambda: digest(map(contents_of, self._files))) == self._settled:
            self._suspect = b""
            return
        reading, config = await self._worker.run(lambda: _attempt(path))
        if isinstance(config, WebConfigError):
            self._refuse(reading, config)
            return
        self._settle(reading, valid=True)
        _LOGGER.info("web configuration read again", extra={"file": str(path)})
        if config != self.current:
            self.current = config
            _remark(config)
            await changed(config)

    def _refuse(self, reading: Reading, error: WebConfigError) -> None:
        if reading.digest != self._suspect:
            self._suspect = reading.digest
            return
        self._settle(reading, valid=False)
        for problem in error.problems:
            _LOGGER.error("web configuration cannot be used, the one before stays in force: %s", problem)

    def _settle(self, reading: Reading, *, valid: bool) -> None:
        self._files, self._settled, self._suspect, self.valid = reading.files, reading.digest, b"", valid


def _attempt(path: Path) -> tuple[Reading, WebConfig | WebConfigError]:
    reading = Reading(path)
    try:
        return reading, reading.config()
    except WebConfigError as error:
        return reading, error


def _remark(config: WebConfig) -> None:
    for remark in config.remarks:
        _LOGGER.warning("web configuration: %s", remark)
