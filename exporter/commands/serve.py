"""`serve`: the exporter itself."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Coroutine, Sequence
from socket import socket
from typing import Any

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
    if config is None:
        return 1
    sockets = listen(options.web_listen_address)
    return 1 if sockets is None else run_loop(serve_exporter(config, sockets, options))


def listen(addresses: Sequence[str] | None) -> list[socket] | None:
    """The listening sockets, or None after the error was printed."""
    try:
        return bind([parse_listen_address(address) for address in addresses or [DEFAULT_LISTEN]])
    except (ListenError, ValueError) as error:
        sys.stderr.write(f"mimecast-exporter: {error}\n")
        return None


def run_loop(main: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop; gives what `main` gives."""
    import uvloop  # noqa: PLC0415 - commands that serve nothing do without it

    return uvloop.run(main)


async def serve_exporter(config: Config, sockets: Sequence[socket], options: argparse.Namespace) -> int:
    """Serve this configuration until a signal ends it."""
    telemetry = Telemetry(__version__)
    fleet = Fleet()
    try:
        await fleet.apply(config)
    except OSError as error:
        log.error("api.tls_config cannot be used: %s", error)
        return 1
    telemetry.config_loaded(time.time())
    exporter = Exporter(fleet.collection, telemetry, _settings(options, config), lambda: redacted(config))
    application = MaxRequests(
        exporter.application(),
        limit=options.web_max_requests,
        exempt_paths=HEALTH_PATHS,
        on_refused=telemetry.requests_refused.inc,
    )
    log.info("starting", extra={"version": __version__, "accounts": len(config.accounts), "config": config.source})
    await serve(application, sockets, on_stop=fleet.close, ready=_ready)
    log.info("stopped")
    return 0


def _settings(options: argparse.Namespace, config: Config) -> Settings:
    return Settings(
        telemetry_path=options.web_telemetry_path,
        external_url=options.web_external_url,
        timeout_offset=options.timeout_offset,
        scrape_timeout=config.api.timeout,
    )


def _ready(addresses: Sequence[str]) -> None:
    for address in addresses:
        log.info("listening", extra={"address": address})
