"""A running account: its enabled collectors and its status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx

from exporter.accounts.clients import client_of
from exporter.accounts.collector import RunningCollector, Shared
from exporter.accounts.status import ACCOUNT_FAMILIES, AccountStatus
from exporter.collectors import COLLECTORS
from exporter.config import Account, Config
from exporter.exposition.text import FamilyTexts, format_labels, render_record
from exporter.mimecast import Traffic


class RunningAccount:
    """A running account. It has no collectors until `configure` is called."""

    def __init__(self, settings: Account, shared: Shared) -> None:
        self.settings = settings
        self.collectors: dict[str, RunningCollector] = {}
        self.status = AccountStatus(settings.name, Traffic(), (), ())
        self._shared = shared
        self._labels = format_labels(("account",), (settings.name,))
        self._texts: FamilyTexts | None = None

    def configure(self, settings: Account, config: Config, http: httpx.AsyncClient) -> Sequence[RunningCollector]:
        """Apply settings, and return the collectors that are no longer enabled; the caller closes them.

        Collectors that stay enabled keep their data, counters and pauses.
        """
        self.settings = settings
        wall_clock = self._shared.wall_clock
        client = client_of(settings, config.api, http, self._shared.auth, self.status.traffic, wall_clock=wall_clock)
        before, self.collectors = self.collectors, {}
        for name in settings.collectors:
            running = before.pop(name, None) or RunningCollector(
                COLLECTORS[name], settings, client, config.cache, shared=self._shared, on_refreshed=self._forget_texts
            )
            running.configure(settings, client, config.cache)
            self.collectors[name] = running
        endpoints = tuple(COLLECTORS[name].endpoint.name for name in settings.collectors)
        self.status.endpoints = (*endpoints, "token") if settings.oauth2 else endpoints
        self.status.collectors = tuple(running.status for running in self.collectors.values())
        self._forget_texts()
        return list(before.values())

    @property
    def status_texts(self) -> FamilyTexts:
        """The samples of the account's status; the same object until the end of a refresh."""
        if self._texts is None:
            self._texts = render_record(ACCOUNT_FAMILIES, self.status, self._labels)
        return self._texts

    async def idle(self) -> None:
        """Wait for the running refreshes."""
        await asyncio.gather(*(running.cache.idle() for running in self.collectors.values()))

    async def close(self) -> None:
        """Cancel the running refreshes, and start no more."""
        await asyncio.gather(*(running.cache.close() for running in self.collectors.values()))

    def _forget_texts(self) -> None:
        self._texts = None
