"""Create the running accounts of a configuration, and apply changed configurations to them.

All accounts share one connection pool; accounts with equal credentials at one API host share a token and a backoff.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

import anyio
import httpx

from exporter.accounts.account import RunningAccount
from exporter.accounts.backoff import Backoff
from exporter.accounts.cache import Statistics
from exporter.accounts.clients import authentication, http_settings
from exporter.accounts.clock import Clock, monotonic
from exporter.accounts.collector import Shared
from exporter.accounts.exposition import AccountsExposition
from exporter.accounts.status import LOOKUP_FAMILIES
from exporter.collectors import COLLECTORS
from exporter.config import Account, Config
from exporter.exposition.text import Format, merge, render_record
from exporter.mimecast import HttpSettings, open_http_client


class AccountRegistry:
    """The running accounts, by name."""

    def __init__(self, *, clock: Clock = monotonic, wall_clock: Clock = time.time) -> None:
        self.accounts: dict[str, RunningAccount] = {}
        self._clock = clock
        self._wall_clock = wall_clock
        #: Limits of concurrent refreshes by base URL and collector: one that hangs does not delay the others.
        self._limiters: dict[tuple[str, str], anyio.CapacityLimiter] = {}
        #: Lookups in the caches of each collector that an account has had.
        self.lookups: defaultdict[str, Statistics] = defaultdict(Statistics)
        self._http: tuple[HttpSettings, httpx.AsyncClient] | None = None
        self._shared: dict[object, Shared] = {}
        self._expositions: dict[tuple[str | None, frozenset[str] | None], AccountsExposition] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    async def apply(self, config: Config) -> None:
        """Apply a configuration.

        An account keeps its data, counters and pauses if its name, base URL and credentials are unchanged. An OSError
        means that a certificate file cannot be used and nothing has changed.
        """
        settings = http_settings(config.api)
        previous, self._http = self._http, self._client(settings)
        keys = {(account.base_url, collector) for account in config.accounts for collector in COLLECTORS}
        self._limiters = {key: self._limiters.get(key) or anyio.CapacityLimiter(1) for key in keys}
        for limiter in self._limiters.values():
            limiter.total_tokens = config.api.concurrency
        self._shared = {_key(account): self._shared_by(account) for account in config.accounts}
        running = self.accounts
        self.accounts = {account.name: self._running(account) for account in config.accounts}
        removed = [account for name, account in running.items() if self.accounts.get(name) is not account]
        dropped = [
            collector
            for account in config.accounts
            for collector in self.accounts[account.name].configure(account, config, self._http[1])
        ]
        self._expositions.clear()
        await asyncio.gather(
            *(account.close() for account in removed), *(collector.cache.close() for collector in dropped)
        )
        if previous is not None and previous != self._http:
            self._retire(previous[1])

    def exposition(self, account: str | None, collectors: frozenset[str] | None) -> AccountsExposition:
        """Return the exposition of one account or all (None), and of some collectors or all (None).

        Names that are not collectors' are ignored.
        """
        if collectors is not None:
            collectors = collectors.intersection(COLLECTORS)
            collectors = None if len(collectors) == len(COLLECTORS) else collectors
        known = self._expositions.get((account, collectors))
        if known is None:
            accounts = list(self.accounts.values()) if account is None else [self.accounts[account]]
            known = self._expositions[account, collectors] = AccountsExposition(accounts, collectors, clock=self._clock)
        return known

    def lookup_counters(self, form: Format) -> bytes:
        """Return the counters of cache lookups, by collector."""
        return b"".join(merge(LOOKUP_FAMILIES, [render_record(LOOKUP_FAMILIES, self.lookups, "")], form))

    async def close(self) -> None:
        """Cancel every refresh and close every connection; waiting scrapes are answered with the current data."""
        await asyncio.gather(*(account.close() for account in self.accounts.values()))
        await asyncio.gather(*self._retiring)
        if self._http is not None:
            await self._http[1].aclose()

    def _client(self, settings: HttpSettings) -> tuple[HttpSettings, httpx.AsyncClient]:
        if self._http is not None and self._http[0] == settings:
            return self._http
        return settings, open_http_client(settings)

    def _running(self, account: Account) -> RunningAccount:
        running = self.accounts.get(account.name)
        if running is not None and _key(running.settings) == _key(account):
            return running
        return RunningAccount(account, self._shared[_key(account)])

    def _shared_by(self, account: Account) -> Shared:
        known = self._shared.get(_key(account))
        if known is not None:
            return known
        auth = authentication(account, self._clock, self._wall_clock)
        limiters = {name: self._limiters[account.base_url, name] for name in COLLECTORS}
        return Shared(auth, Backoff(self._clock), limiters, self.lookups, self._clock, self._wall_clock)

    def _retire(self, http: httpx.AsyncClient) -> None:
        """Close a client when no running refresh can use it any more."""

        async def close_when_idle() -> None:
            await asyncio.gather(*(account.idle() for account in self.accounts.values()))
            await http.aclose()

        task = asyncio.create_task(close_when_idle())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _key(account: Account) -> object:
    return account.base_url, account.credentials
