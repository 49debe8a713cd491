"""From a configuration to running collectors, and from one configuration to the next.

What accounts may share is made once: one connection pool for equal outward settings, one token and one pause for equal
credentials. An account that did not change keeps its collector, and with it its cache.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from exporter.accounts.account import AccountCollector
from exporter.accounts.cache import Backoff, Clock
from exporter.accounts.collection import Collection
from exporter.config import Account, ApiSettings, CacheSettings, Config, OAuth2Credentials
from exporter.mimecast import TOKEN_PATH, ClientCredentials, MimecastClient, Outbound, SignedRequests, open_http_client

_TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True)
class _Identity:
    """What accounts share that use the same credentials at the same host."""

    auth: httpx.Auth
    backoff: Backoff


@dataclass(frozen=True)
class _Running:
    """A collector and the settings it was made of."""

    settings: tuple[Account, CacheSettings, ApiSettings]
    collector: AccountCollector


class Fleet:
    """The running collectors of a configuration.

    Args:
        clock: seconds, monotonic.
        wall_clock: seconds since the epoch.

    """

    def __init__(self, *, clock: Clock = time.monotonic, wall_clock: Callable[[], float] = time.time) -> None:
        self.collection = Collection([])
        self._clock = clock
        self._wall_clock = wall_clock
        self._running: dict[str, _Running] = {}
        self._clients: dict[Outbound, httpx.AsyncClient] = {}
        self._identities: dict[object, _Identity] = {}
        self._fetching = asyncio.Semaphore(1)

    async def apply(self, config: Config) -> None:
        """Run this configuration instead of the last one.

        Raises:
            OSError: a certificate file cannot be used; nothing has changed then.

        """
        outbound = outbound_of(config.api)
        client = self._clients.get(outbound) or open_http_client(outbound, wall_clock=self._wall_clock)
        retired_clients = [old for key, old in self._clients.items() if key != outbound]
        self._clients = {outbound: client}
        self._fetching = asyncio.Semaphore(config.api.concurrency)
        before = self._running
        self._identities = {_key(account): self._identity(account) for account in config.accounts}
        self._running = {account.name: self._run(account, config, client) for account in config.accounts}
        self.collection.replace([running.collector for running in self._running.values()])
        kept = {id(running) for running in self._running.values()}
        await asyncio.gather(*(old.collector.close() for old in before.values() if id(old) not in kept))
        await asyncio.gather(*(old.aclose() for old in retired_clients))

    async def close(self) -> None:
        """Cancel every fetch and close every connection."""
        await self.collection.close()
        await asyncio.gather(*(client.aclose() for client in self._clients.values()))

    def _run(self, account: Account, config: Config, client: httpx.AsyncClient) -> _Running:
        settings = (account, config.cache, config.api)
        running = self._running.get(account.name)
        if running is not None and running.settings == settings:
            return running
        return _Running(settings, self._collector(account, config, client))

    def _collector(self, account: Account, config: Config, client: httpx.AsyncClient) -> AccountCollector:
        identity = self._identities[_key(account)]
        return AccountCollector(
            account.name,
            MimecastClient(
                client,
                base_url=account.base_url,
                auth=identity.auth,
                meaning=account.correct_answers,
                timeout=config.api.timeout,
                max_response_size=config.api.max_response_size,
            ),
            backoff=identity.backoff,
            fetching=self._fetching,
            wanted=account.campaigns,
            ttl=config.cache.ttl,
            max_stale=config.cache.max_stale,
            endpoints=("get-queue", "token") if isinstance(account.credentials, OAuth2Credentials) else ("get-queue",),
            clock=self._clock,
            wall_clock=self._wall_clock,
        )

    def _identity(self, account: Account) -> _Identity:
        known = self._identities.get(_key(account))
        return known or _Identity(authentication(account, self._clock, self._wall_clock), Backoff(self._clock))


def _key(account: Account) -> object:
    return account.base_url, account.credentials


def authentication(
    account: Account, clock: Clock = time.monotonic, wall_clock: Callable[[], float] = time.time
) -> httpx.Auth:
    """How the account proves who it is; secrets are read at each use."""
    credentials = account.credentials
    if isinstance(credentials, OAuth2Credentials):
        return ClientCredentials(
            token_url=account.base_url + TOKEN_PATH,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret.read,
            clock=clock,
        )
    return SignedRequests(
        app_id=credentials.app_id,
        app_key=credentials.app_key.read,
        access_key=credentials.access_key.read,
        secret_key=credentials.secret_key.read,
        wall_clock=wall_clock,
    )


def outbound_of(api: ApiSettings) -> Outbound:
    """How connections are made under these settings."""
    return Outbound(
        proxy_url=api.proxy_url.read() if api.proxy_url else None,
        no_proxy=api.no_proxy,
        ca_file=api.tls.ca_file,
        cert_file=api.tls.cert_file,
        key_file=api.tls.key_file,
        min_version=_TLS_VERSIONS[api.tls.min_version],
    )
