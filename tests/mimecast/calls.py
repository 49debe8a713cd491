"""A client against a server that sends what a test says; secrets hold `planted`, and no message may."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import msgspec
import pytest
import trustme

from exporter.mimecast import (
    Answer,
    Endpoint,
    HttpSettings,
    MimecastClient,
    MimecastError,
    SignedRequests,
    open_http_client,
)
from tests import rawserver
from tests.rawserver import json_answer, raw_server
from tests.vendor_samples import NEWER, OLDER, answer

GOOD = json_answer(answer(OLDER, NEWER))
QUEUE = Endpoint("queue/get-queue", "Awareness Training | Dashboard | Read")
LOCATION = {"location": "https://elsewhere.test/login"}


def signed() -> SignedRequests:
    return SignedRequests(
        app_id="app",
        app_key=lambda: "planted-key",
        access_key=lambda: "planted-access",
        secret_key=lambda: "cGxhbnRlZA==",
    )


def client_of(web: httpx.AsyncClient, base_url: str, **settings: Any) -> MimecastClient:
    given: dict[str, Any] = {"base_url": base_url, "auth": signed(), "timeout": 5.0} | settings
    return MimecastClient(web, **given)


def decode(item: msgspec.Raw) -> dict[str, Any] | None:
    value = msgspec.json.decode(item)
    return value if isinstance(value, dict) and "id" in value else None


async def fetch(client: MimecastClient, endpoint: Endpoint = QUEUE) -> Answer[dict[str, Any]]:
    return await client.fetch(endpoint, decode)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost", "api.test"))).configure_cert(context)
    return context


async def fetched(base_url: str, settings: HttpSettings) -> int:
    """The number of items that come back by a client with these settings."""
    async with open_http_client(settings) as web:
        return len((await fetch(client_of(web, base_url))).items)


async def failure(
    web: httpx.AsyncClient, answering: rawserver.Answer, **settings: Any
) -> tuple[MimecastError, MimecastClient]:
    async with raw_server(answering) as server:
        client = client_of(web, server.base_url, **settings)
        with pytest.raises(MimecastError) as caught:
            await fetch(client)
        assert "planted" not in str(caught.value)
        assert len(str(caught.value)) > 20, "it neither names the place nor the cure"
        return caught.value, client
