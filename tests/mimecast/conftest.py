from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import trustme

from exporter.mimecast import HttpSettings, open_http_client


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http_client(HttpSettings()) as client:
        yield client


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA) -> Iterator[str]:
    with authority.cert_pem.tempfile() as path:
        yield path
