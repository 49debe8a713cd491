"""A logger for what clients do wrong: what strangers send is worth a debug line only."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any


class ClientFaultsAreNoNews(logging.LoggerAdapter[logging.Logger]):
    """uvicorn warns of every malformed request; what strangers send is worth a debug line only."""

    @property
    def level(self) -> int:
        """The level in force, which uvicorn compares with its own TRACE."""
        return self.logger.getEffectiveLevel()

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        """Messages pass as they are."""
        return msg, kwargs

    def warning(self, msg: object, *args: object, **_: object) -> None:
        """All of uvicorn's connection warnings are about clients."""
        self.logger.debug(msg, *args)
