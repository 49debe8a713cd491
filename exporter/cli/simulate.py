"""`simulate`: the simulated API alone."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from exporter.cli.logs import set_up_logging
from exporter.cli.serve import listen, run_loop
from exporter.simulator import Simulator, configuration, fleet, serve


def run(options: argparse.Namespace) -> int:
    """Serve the simulated API until a signal ends it, and print a configuration that fits it."""
    set_up_logging(options.log_level, options.log_format)
    sockets = listen([options.listen])
    if sockets is None:
        return 1
    simulator = build(options)

    async def main() -> int:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with serve(simulator, sockets[0]) as base_url:
            sys.stdout.write(
                f"# The simulated API listens on {base_url}\n" + configuration(simulator.accounts, base_url)
            )
            sys.stdout.flush()
            await stopping.wait()
        return 0

    return run_loop(main())


def build(options: argparse.Namespace) -> Simulator:
    """The simulator that the flags ask for."""
    return Simulator(
        fleet(options.accounts),
        campaigns=options.campaigns,
        seed=options.seed,
        speed=options.speed,
        page_size=options.page_size,
    )
