"""`serve`: the exporter itself."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from socket import socket

from exporter import __version__
from exporter.cli import DEFAULT_LISTEN
from exporter.commands.loading import load
from exporter.config import Config, redacted
from exporter.fleet import Fleet
from exporter.logs import set_up_logging
from exporter.telemetry import Telemetry
from exporter.web.app import HEALTH_PATHS, Exporter, Settings
from exporter.web.server import ListenError, MaxRequests, bind, parse_listen_address, serve

log = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM; 1 where the configuration or an address is not usable."""
    set_up_logging(options.log_level, options.log_format)
    config = load(options.config_file)
    sockets = listen(options.web_listen_address)
    if config is None or sockets is None:
        return 1
    return run_loop(serve_exporter(config, sockets, options))


def listen(addresses: Sequence[str] | None) -> list[socket] | None:
    """The listening sockets, or None after the error was printed."""
    try:
        return bind([parse_listen_address(address) for address in addresses or [DEFAULT_LISTEN]])
    except (ListenError, ValueError) as error:
        sys.stderr.write(f"mimecast-exporter: {error}\n")
        return None


def run_loop(main) -> int:
    import uvloop

    return uvloop.run(main)


async def serve_exporter(config: Config, sockets: Sequence[socket], options: argparse.Namespace) -> int:
    """Serve this configuration until a signal ends it."""
    telemetry = Telemetry(__version__)
    fleet = Fleet()
    await fleet.apply(config)
    telemetry.config_loaded(time.time())
