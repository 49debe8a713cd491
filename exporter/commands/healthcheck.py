"""`healthcheck`: does the exporter serve? For containers, which have no curl."""

from __future__ import annotations

import argparse
import sys

import httpx

from exporter.cli import DEFAULT_LISTEN
from exporter.web.listen import ListenAddress, parse_listen_address


def run(options: argparse.Namespace) -> int:
    """Ask `/-/healthy` where the first address listens; 1 where it does not answer."""
    try:
        address = parse_listen_address((options.web_listen_address or [DEFAULT_LISTEN])[0])
        answer = _ask(address, options.timeout)
    except (ValueError, httpx.HTTPError) as error:
        sys.stderr.write(f"mimecast-exporter: not healthy: {error}\n")
        return 1
    if answer.status_code != httpx.codes.OK:
        sys.stderr.write(f"mimecast-exporter: not healthy: HTTP {answer.status_code}\n")
        return 1
    sys.stdout.write("healthy\n")
    return 0


def _ask(address: ListenAddress, timeout: float) -> httpx.Response:
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address.host, address.host)  # noqa: S104 - compared
    url = f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{address.port}"
    transport = httpx.HTTPTransport(uds=address.path, trust_env=False)
    with httpx.Client(
        transport=transport, base_url="http://localhost" if address.path else url, timeout=timeout
    ) as client:
        return client.get("/-/healthy")
