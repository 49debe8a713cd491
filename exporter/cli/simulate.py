"""`simulate`: run the simulated API, or write a history of its metrics."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from exporter.cli.history import expositions
from exporter.cli.logs import set_up_logging
from exporter.cli.serve import listen, run_loop
from exporter.collectors import COLLECTORS
from exporter.simulator import Simulator, configuration, fleet, openmetrics, serve

#: The labels of the exporter as prometheus/prometheus.example.yml scrapes it.
_TARGET = {"job": "mimecast", "instance": "localhost:10587"}


def run(options: argparse.Namespace) -> int:
    """Print a configuration for the simulated API and serve it until a signal; or write a history."""
    set_up_logging(options.log_level, options.log_format)
    if options.history is not None:
        _write_history(options)
        return 0
    sockets = listen([options.listen])
    if sockets is None:
        return 1
    simulator = build(options)

    async def main() -> int:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with serve(simulator, sockets[0]) as base_url:
            sys.stdout.write(f"# The simulated API listens on {base_url}\n")
            sys.stdout.write(configuration(simulator.accounts, base_url, tuple(COLLECTORS)))
            sys.stdout.flush()
            await stopping.wait()
        return 0

    return run_loop(main())


def _write_history(options: argparse.Namespace) -> None:
    scrapes = expositions(build(options), options.history, options.history_step)
    for text in openmetrics(scrapes, _TARGET | dict(options.history_label or ())):
        sys.stdout.write(text)


def build(options: argparse.Namespace) -> Simulator:
    """Return the simulator that the flags describe."""
    return Simulator(
        fleet(options.accounts),
        campaigns=options.campaigns,
        seed=options.seed,
        speed=options.speed,
        page_size=options.page_size,
    )
