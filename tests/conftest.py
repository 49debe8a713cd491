"""What every test needs: an environment without surprises and one event loop implementation."""

from __future__ import annotations

import os

import pytest

#: Variables that would change what the exporter, httpx or ssl do.
_SCRUBBED_PREFIXES = (
    "MIMECAST_",
    "SSL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "NOTIFY_SOCKET",
    "LISTEN_",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the proxies, certificates or credentials of the machine it runs on."""
    for name in list(os.environ):
        if name.upper().startswith(_SCRUBBED_PREFIXES):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the event loop the exporter runs on."""
    return "asyncio", {"use_uvloop": True}
