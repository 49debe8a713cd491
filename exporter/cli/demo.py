"""`demo`: run the exporter and the simulator in one process, without a configuration."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from socket import socket

from msgspec.structs import replace

from exporter.cli.logs import set_up_logging
from exporter.cli.serve import listen, load_web, run_loop, serve_exporter
from exporter.cli.simulate import build
from exporter.collectors import COLLECTORS
from exporter.config import Config
from exporter.http.server.listen import address_of
from exporter.simulator import SimulatedAccount, serve
from exporter.yamlfile import read_mapping


def run(options: argparse.Namespace) -> int:
    """Run both until a signal stops them."""
    set_up_logging(options.log_level, options.log_format)
    web, sockets = load_web(options.web_config_file), listen(options.web_listen_address)
    if web is None or sockets is None:
        return 1
    simulator = build(options)

    async def main() -> int:
        async with serve(simulator) as base_url:
            config = _configuration(simulator.accounts, base_url)
            _greet(sockets, "https" if web.current.tls else "http", options.web_telemetry_path)
            return await serve_exporter(config, lambda: config, sockets, web=web, options=options)

    return run_loop(main())


def _configuration(accounts: Sequence[SimulatedAccount], base_url: str) -> Config:
    """Return the configuration of these accounts, without writing a file: the file system may be read-only."""
    own = [account.settings(base_url) | {"collectors": list(COLLECTORS)} for account in accounts]
    # A short time to live, so that the numbers change visibly.
    document = read_mapping({"accounts": own, "cache": {"ttl": "10s"}}, Config, source="demo")
    return replace(document.result(), source="demo")


def _greet(sockets: Sequence[socket], scheme: str, telemetry_path: str) -> None:
    address = next((address for address in map(address_of, sockets) if address.path is None), None)
    if address is None:
        return
    host = "localhost" if address.host in ("", "::", "0.0.0.0", "127.0.0.1") else address.host  # noqa: S104 - compared
    base_url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}"
    with contextlib.suppress(OSError):  # standard output is closed, and the demo runs without it
        sys.stdout.write(
            "The demo is running: the exporter, with a simulated Mimecast API and made-up accounts.\n\n"
            f"  Status of the accounts:  {base_url}/\n"
            f"  Metrics for Prometheus:  {base_url}{telemetry_path}\n\n"
            "Press Ctrl-C to stop it.\n\n"
        )
        sys.stdout.flush()
