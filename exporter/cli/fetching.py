"""Fetch the data of collectors once, for commands that print it."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.accounts.clients import authentication, client_of, http_settings
from exporter.collectors import COLLECTORS, Collector
from exporter.collectors.selection import records_to_export
from exporter.config import Account, Config
from exporter.mimecast import MimecastClient, MimecastError, Traffic, open_http_client


@dataclass(frozen=True)
class Outcome:
    """The records of one collector of one account, and counts of those skipped; `size` is bytes, `duration` seconds."""

    account: Account
    collector: Collector[Any]
    records: Sequence[Any] = ()
    skipped: Counter[str] = field(default_factory=Counter)
    size: int = 0
    duration: float = 0.0
    error: MimecastError | None = None


def fetch_all(
    config: Config, accounts: Sequence[Account], collectors: Sequence[str] | None = None
) -> list[Outcome] | None:
    """Call each account's enabled or named collectors once, concurrently; return None after printing an error."""
    try:
        return asyncio.run(_fetch_all(config, accounts, collectors))
    except ssl.SSLError as error:
        problem = error.reason or "not a certificate and its key"
    except OSError as error:
        problem = f"{error.strerror}: {error.filename}"
    sys.stderr.write(f"mimecast-exporter: api.tls_config cannot be used: {problem}\n")
    return None


async def _fetch_all(config: Config, accounts: Sequence[Account], collectors: Sequence[str] | None) -> list[Outcome]:
    limit = asyncio.Semaphore(config.api.concurrency)
    async with open_http_client(http_settings(config.api)) as http:

        async def fetch_one(client: MimecastClient, account: Account, name: str) -> Outcome:
            async with limit:
                return await _fetch(client, account, COLLECTORS[name])

        calls = []
        for account in accounts:
            client = client_of(account, config.api, http, authentication(account), Traffic())
            calls += [fetch_one(client, account, name) for name in collectors or account.collectors]
        return list(await asyncio.gather(*calls))


async def _fetch(client: MimecastClient, account: Account, collector: Collector[Any]) -> Outcome:
    started = time.monotonic()
    try:
        answer = await client.fetch(collector.endpoint, lambda item: collector.decode(item, account))
    except MimecastError as error:
        return Outcome(account, collector, error=error)
    records, skipped = records_to_export(answer, collector, account, time.time())
    return Outcome(account, collector, records, skipped, answer.size, time.monotonic() - started)
