"""`healthcheck`: check that the running exporter is healthy, in containers without curl."""

from __future__ import annotations

import argparse
import sys

from exporter.cli.flags import DEFAULT_LISTEN
from exporter.http.health import check_health
from exporter.http.server.listen import parse_listen_address


def run(options: argparse.Namespace) -> int:
    """Check the exporter that runs with the same `--web` flags; return 1 if it is not healthy."""
    try:
        addresses = [parse_listen_address(text) for text in options.web_listen_address or [DEFAULT_LISTEN]]
    except ValueError as error:
        sys.stderr.write(f"mimecast-exporter: {error}\n")
        return 1
    health = check_health(addresses, options.timeout, tls_first=options.web_config_file is not None)
    (sys.stdout if health.ok else sys.stderr).write(f"{'healthy' if health.ok else 'not healthy'}: {health.text}\n")
    return 0 if health.ok else 1
