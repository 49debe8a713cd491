"""Asking accounts once, for commands that print what came back."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.accounts.registry import authentication, outbound_of
from exporter.config import Account, Config
from exporter.mimecast import MimecastClient, MimecastError, Queue, Traffic, open_http_client


@dataclass(frozen=True)
class Answer:
    """What an account returned: its queue, or the failure."""

    account: Account
    outcome: Queue | MimecastError
    traffic: Traffic


async def ask(config: Config, accounts: Sequence[Account]) -> list[Answer]:
    """Call get-queue once for each account, as many at a time as `api.concurrency` allows.

    Raises:
        OSError: a certificate file of `api.tls_config` cannot be used.

    """
    at_once = asyncio.Semaphore(config.api.concurrency)
    async with open_http_client(outbound_of(config.api)) as http:

        async def ask_one(account: Account) -> Answer:
            client = MimecastClient(
                http,
                base_url=account.base_url,
                auth=authentication(account),
                meaning=account.correct_answers,
                timeout=config.api.timeout,
                max_response_size=config.api.max_response_size,
            )
            async with at_once:
                try:
                    return Answer(account, await client.get_queue(), client.traffic)
                except MimecastError as error:
                    return Answer(account, error, client.traffic)

        return list(await asyncio.gather(*(ask_one(account) for account in accounts)))


def ask_now(config: Config, accounts: Sequence[Account]) -> list[Answer] | str:
    """`ask`, from outside an event loop; a sentence where the settings themselves cannot be used."""
    try:
        return asyncio.run(ask(config, accounts))
    except ssl.SSLError as error:
        return f"api.tls_config cannot be used: {error.reason or 'not a certificate and its key'}"
    except OSError as error:
        return f"api.tls_config cannot be used: {error.strerror}: {error.filename}"
