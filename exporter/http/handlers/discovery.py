"""`/sd`: every account as a target of `/probe`, in the format of Prometheus's `http_sd_configs`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from exporter.config import Account
from exporter.http.handlers.state import state_of

#: A Host header: a name or an address in brackets, and an optional port (RFC 9110, section 7.2).
_HOST = re.compile(r"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?", re.ASCII)


async def service_discovery(request: Request) -> Response:
    """Answer with one target group per account.

    Targets have the address of the external URL or, by default, of the request, whose Host header must be valid.
    """
    state = state_of(request)
    url, host = state.options.external_url, request.headers.get("host", "localhost")
    with suppress(ValueError):  # of the port, or of an address in brackets
        if url or _HOST.fullmatch(host):
            address = urlsplit(url or f"{request.scope['scheme']}://{host.removesuffix(':')}")
            return JSONResponse(targets([running.settings for running in state.registry.accounts.values()], address))
    raise HTTPException(400, "the Host header is not an address: set --web.external-url")


def targets(accounts: Sequence[Account], address: SplitResult) -> list[dict[str, Any]]:
    """Return one target group per account.

    `instance` is the account, because all targets have the same address: their `probe_success` would be one series.
    """
    port = f":{443 if address.scheme == 'https' else 80}" if address.port is None else ""
    return [
        {
            "targets": [address.netloc.rpartition("@")[2] + port],
            "labels": {
                **account.labels,
                "__scheme__": address.scheme,
                "__metrics_path__": address.path.rstrip("/") + "/probe",
                "__param_target": account.name,
                "instance": account.name,
            },
        }
        for account in accounts
    ]
