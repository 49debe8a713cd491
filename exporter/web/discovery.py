"""HTTP service discovery: every account as a target for `/probe`, in Prometheus's `http_sd` format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from exporter.config import Account

PROBE_PATH = "/probe"


def targets(
    accounts: Sequence[Account], external_url: str, request_scheme: str, request_host: str
) -> list[dict[str, Any]]:
    """One target group an account.

    `instance` is the account: without it Prometheus keeps one `probe_success` for all, silently. The address is the
    external URL's where one is set, else the one the request was made to.
    """
    parts = urlsplit(external_url or f"{request_scheme}://{request_host}")
    port = f":{443 if parts.scheme == 'https' else 80}" if parts.port is None else ""
    return [
        {
            "targets": [parts.netloc.rpartition("@")[2] + port],
            "labels": {
                **account.labels,
                "__scheme__": parts.scheme,
                "__metrics_path__": parts.path.rstrip("/") + PROBE_PATH,
                "__param_target": account.name,
                "instance": account.name,
            },
        }
        for account in accounts
    ]
