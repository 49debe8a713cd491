from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from exporter.mimecast import Outbound, open_http_client


@pytest.fixture
async def web() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http_client(Outbound()) as client:
        yield client
