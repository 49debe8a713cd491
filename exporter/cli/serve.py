"""The `serve` command: run the exporter."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, NoReturn

from exporter import about
from exporter.app import App
from exporter.cli.flags import DEFAULT_LISTEN
from exporter.cli.loading import load, read
from exporter.cli.logs import set_up_logging
from exporter.config import Config
from exporter.http.handlers.state import HandlerOptions
from exporter.http.server.listen import ListenAddress, ListenError, Listeners, bind, parse_listen_address
from exporter.http.server.server import serve
from exporter.http.server.systemd import passed_sockets, refuse_passed_sockets
from exporter.http.webconfig.loading import WebConfigError
from exporter.http.webconfig.watching import WatchedWebConfig

log = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal; return 1 if the configuration or an address cannot be used."""
    allow_many_files()
    set_up_logging(options.log_level, options.log_format)
    config, web = load(options.config_file), load_web(options.web_config_file)
    if config is None or web is None:
        return 1
    sockets = listen(options.web_listen_address, from_systemd=options.web_systemd_socket)
    if sockets is None:
        return 1
    serving = serve_exporter(
        config,
        lambda: read(options.config_file),
        sockets,
        web=web,
        options=options,
        watch=options.config_watch if options.config_file else None,
    )
    return run_loop(serving)


def allow_many_files() -> None:
    """Raise the limit of open files, and so of connections, to the hard limit, as Go's runtime does."""
    import resource  # noqa: PLC0415 - few commands need it

    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def load_web(file: str | None) -> WatchedWebConfig | None:
    """Return the web configuration, or None after printing every error."""
    try:
        return WatchedWebConfig(Path(file) if file else None)
    except WebConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"mimecast-exporter: {problem}\n")
    except OSError as error:
        sys.stderr.write(f"mimecast-exporter: {file}: no TLS context can be made: {error.strerror}\n")
    return None


def listen(addresses: Sequence[str] | None, *, from_systemd: bool = False) -> Listeners | None:
    """Return the listening sockets, or None after printing the error."""
    try:
        if from_systemd:
            return passed_sockets()
        refuse_passed_sockets()
        return bind(map(parse_listen_address, addresses or [DEFAULT_LISTEN]))
    except (ListenError, ValueError) as error:
        sys.stderr.write(f"mimecast-exporter: {error}\n")
        return None


def run_loop(main: Coroutine[Any, Any, int]) -> NoReturn:
    """Run `main` on uvloop, and exit with its status at once, without waiting for threads and TLS handshakes."""
    import uvloop  # noqa: PLC0415 - few commands need it

    loop = uvloop.new_event_loop()
    try:
        status = loop.run_until_complete(main)
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        logging.shutdown()
        sys.stdout.flush()
    os._exit(status)


async def serve_exporter(
    config: Config,
    reread: Callable[[], Config],
    sockets: Listeners,
    *,
    web: WatchedWebConfig,
    options: argparse.Namespace,
    watch: float | None = None,
) -> int:
    """Serve this configuration until a signal ends it; `watch` is the interval at which its files are checked."""
    app = App(config, reread)
    try:
        await app.start()
    except OSError as error:
        sys.stderr.write(f"mimecast-exporter: api.tls_config cannot be used: {error.strerror}\n")
        return 1
    versions = {"version": about.VERSION, "revision": about.revision()}
    log.info("starting", extra=versions | {"accounts": len(config.accounts), "config": config.source})
    handlers = HandlerOptions(
        telemetry_path=options.web_telemetry_path,
        external_url=options.web_external_url or "",
        timeout_offset=options.timeout_offset,
        default_scrape_timeout=options.default_scrape_timeout,
        enable_lifecycle=options.web_enable_lifecycle,
    )
    watching = asyncio.create_task(app.watch(watch)) if watch else None
    await serve(
        app.application(handlers, max_requests=options.web_max_requests, web=web),
        sockets,
        tls=web.current.tls,
        watch_tls=web.watch,
        on_stop=app.close,
        on_reload=app.reload,
        ready=_ready,
    )
    if watching is not None:
        watching.cancel()
    log.info("stopped")
    return 0


def _ready(addresses: Sequence[ListenAddress]) -> None:
    for address in addresses:
        log.info("listening", extra={"address": str(address)})
