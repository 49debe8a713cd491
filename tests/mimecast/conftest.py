from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.mimecast import HttpSettings, open_http_client


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http_client(HttpSettings()) as client:
        yield client
