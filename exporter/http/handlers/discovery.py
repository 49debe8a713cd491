"""HTTP service discovery: every account as a target for `/probe`, in Prometheus's `http_sd` format."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from exporter.config import Account

PROBE_PATH = "/probe"
#: What a Host header may hold: a name or an address in brackets, and perhaps a port (RFC 9110, 7.2).
_HOST = re.compile(r"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?", re.ASCII)


def targets(
    accounts: Sequence[Account], external_url: str, request_scheme: str, request_host: str
) -> list[dict[str, Any]]:
    """One target group an account.

    `instance` is the account: without it Prometheus keeps one `probe_success` for all, silently. The address is the
    external URL's where one is set, else the one the request was made to.

    Raises:
        ValueError: that one, the Host header, is no address.

    """
    parts = urlsplit(external_url) if external_url else _requested(request_scheme, request_host)
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


def _requested(scheme: str, host: str) -> SplitResult:
    """The parts of the address a request was made to; raises ValueError."""
    if not _HOST.fullmatch(host):
        raise ValueError("the Host header is no address")
    parts = urlsplit(f"{scheme}://{host}")
    return parts if parts.port is not None else parts._replace(netloc=host.removesuffix(":"))
