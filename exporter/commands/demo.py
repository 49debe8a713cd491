"""`demo`: simulator and exporter in one process, no configuration needed."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from exporter.commands.loading import read
from exporter.commands.serve import listen, run_loop, serve_exporter
from exporter.commands.simulate import build
from exporter.config import Config
from exporter.logs import set_up_logging
from exporter.simulator import configuration, serve
from exporter.web.listen import Listeners, address_of

_CACHE = "cache: {ttl: 10s}\n"


def run(options: argparse.Namespace) -> int:
    """Run both until a signal ends them."""
    set_up_logging(options.log_level, options.log_format)
    listeners = listen(options.web_listen_address)
    if listeners is None:
        return 1
    simulator = build(options)

    async def main() -> int:
        async with serve(simulator) as base_url:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "demo.yaml"
                file.write_text(configuration(simulator.accounts, base_url) + _CACHE)
                config = read(str(file))
            _greet(listeners, options.web_telemetry_path)
            return await serve_exporter(config, _the_same(config), listeners, options)

    return run_loop(main())


def _the_same(config: Config) -> Callable[[], Config]:
    return lambda: config


def _greet(listeners: Listeners, telemetry_path: str) -> None:
    address = next((address for address in map(address_of, listeners) if address.path is None), None)
    if address is None:
        return
    host = "localhost" if address.host in ("", "::", "0.0.0.0", "127.0.0.1") else address.host  # noqa: S104 - compared
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{address.port}"
    sys.stdout.write(
        "The demo runs: a simulated Mimecast API and the exporter. Open\n\n"
        f"  {base_url}/\n  {base_url}{telemetry_path}\n\nCtrl-C ends it.\n\n"
    )
    sys.stdout.flush()
