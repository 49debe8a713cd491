"""One account as it runs: its enabled collectors, and the text of its own status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx

from exporter.accounts.backoff import Backoff
from exporter.accounts.clients import client_of
from exporter.accounts.clock import Clock
from exporter.accounts.collector import RunningCollector
from exporter.accounts.status import ACCOUNT_FAMILIES, AccountStatus
from exporter.collectors import COLLECTORS
from exporter.config import Account, Config
from exporter.exposition.text import FamilyTexts, format_labels, render_record
from exporter.mimecast import Credentials, Traffic


class RunningAccount:
    """One account; `configure` enables its collectors.

    Args:
        settings: the account's settings.
        auth: how it authenticates.
        pauses: those of all that use the same credentials.
        limiter: bounds how many refreshes run at once.
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.

    """

    def __init__(
        self,
        settings: Account,
        *,
        auth: Credentials,
        pauses: Backoff,
        limiter: AbstractAsyncContextManager[Any],
        clock: Clock,
        wall_clock: Clock,
    ) -> None:
        self.settings = settings
        self.collectors: dict[str, RunningCollector] = {}
        self.status = AccountStatus(settings.name, Traffic(), (), ())
        self._auth = auth
        self._pauses = pauses
        self._limiter = limiter
        self._clock = clock
        self._wall_clock = wall_clock
        self._labels = format_labels(("account",), (settings.name,))
        self._texts: FamilyTexts | None = None

    def configure(self, settings: Account, config: Config, http: httpx.AsyncClient) -> Sequence[RunningCollector]:
        """Take settings into use, and return the collectors that are no longer enabled, for the caller to close.

        Those that stay enabled keep data, counters, age and pause.
        """
        self.settings = settings
        client = client_of(settings, config.api, http, self._auth, self.status.traffic, wall_clock=self._wall_clock)
        before, self.collectors = self.collectors, {}
        for name in settings.collectors:
            running = before.pop(name, None)
            if running is None:
                running = RunningCollector(
                    COLLECTORS[name],
                    settings,
                    client,
                    cache=config.cache,
                    pauses=self._pauses,
                    limiter=self._limiter,
                    on_refreshed=self._forget_texts,
                    clock=self._clock,
                    wall_clock=self._wall_clock,
                )
            else:
                running.configure(settings, client, config.cache)
            self.collectors[name] = running
        endpoints = tuple(COLLECTORS[name].endpoint.name for name in settings.collectors)
        self.status.endpoints = (*endpoints, "token") if settings.oauth2 else endpoints
        self.status.collectors = tuple(running.status for running in self.collectors.values())
        self._forget_texts()
        return list(before.values())

    @property
    def is_refreshing(self) -> bool:
        """Whether a refresh of any collector runs."""
        return any(running.cache.is_refreshing for running in self.collectors.values())

    @property
    def status_texts(self) -> FamilyTexts:
        """The samples of the account's own status; the same object as long as nothing changed."""
        if self._texts is None or self.is_refreshing:
            self._texts = render_record(ACCOUNT_FAMILIES, self.status, self._labels)
        return self._texts

    async def idle(self) -> None:
        """Wait for the refreshes that run now."""
        await asyncio.gather(*(running.cache.idle() for running in self.collectors.values()))

    async def close(self) -> None:
        """Cancel the refreshes that run, and start no others."""
        await asyncio.gather(*(running.close() for running in self.collectors.values()))

    def _forget_texts(self) -> None:
        self._texts = None
