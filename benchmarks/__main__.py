"""`make bench`: everything side by side, printed, and written to benchmarks/RESULTS.md and docs/performance.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import (
    collectors,
    fleets,
    footprint,
    holding,
    lifetime,
    profile,
    refreshing,
    rules,
    scraping,
    serving,
    stalled,
    training,
)
from benchmarks.profile import Parts
from benchmarks.refreshing import LARGE
from benchmarks.rows import Row, table

RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    """Run what the flags ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few seconds on little data; writes no results")
    parser.add_argument("--python", default=sys.executable, help="the Python of an environment as users install it")
    options = parser.parse_args()
    serving.python_of_users = str(Path(options.python).absolute())
    parts: list[Parts] = []
    seconds_of_rules: dict[str, float] = {}
    rows = list(_smoke(parts) if options.smoke else _everything(parts, seconds_of_rules))
    facts = {"cores": os.cpu_count(), "python": platform.python_version()}
    text = _HEAD.format(**facts) + table(rows) + _PROFILE + profile.table(parts) + _FOOT
    if not options.smoke:
        RESULTS.write_text(text)
        footprint.PAGE.write_text(footprint.page(footprint.measured(), seconds_of_rules, facts))
    sys.stdout.write(text)


def _smoke(parts: list[Parts]) -> Iterator[Row]:
    yield from refreshing.rows((100,), 1)
    yield from holding.rows((100,), 1)
    yield from scraping.rows(100, 1, parts, peers=False)


def _everything(parts: list[Parts], seconds_of_rules: dict[str, float]) -> Iterator[Row]:
    yield from refreshing.rows((1_000, LARGE), 5)
    yield from holding.rows((1_000, LARGE), 5)
    for size in (100, 1_000, LARGE):
        yield from scraping.rows(size, 5, parts, peers=True)
    yield from fleets.rows(5)
    yield from collectors.rows(5)
    yield from stalled.rows()
    yield from lifetime.rows(60)
    yield from rules.rows(seconds_of_rules)
    yield from training.rows()


_HEAD = """\
# Benchmark results

`make bench` on {cores} cores with Python {python}. Contestants take turns in one run and medians count; compare ratios, not times,
with those of another machine. Campaigns are the simulator's: about 15 series each, and mail bodies of 8 KB.

"""
_PROFILE = """
## Where the CPU of a cached scrape goes

"""
_FOOT = """
CPU of a scrape counts the whole server process, on one connection that is kept, with the headers that Prometheus sends.
nginx sends a file with one worker; pushgateway and prometheus_client's server hold the same series.

## What is missed, and why

The CPU of nginx, for any size. The tables above show where the difference lies:

- **HTTP** in Python (parser in C, then an event loop, a task and a route for each request) costs several times what all of
  a request costs nginx.
- **The exporter's own metrics** are a large part of a small scrape: prometheus_client opens three files of /proc for them,
  once a second at most, and they are compressed anew in each scrape. nginx exports nothing about itself.
- **The body**: nginx hands the kernel a file (sendfile), a program's own bytes are copied to the socket. Tried: the same bytes
  in a memory file, sent by sendfile. It saved a quarter of a large scrape's CPU, and left it at 1.7 times nginx's (plain)
  and 5 times (gzip), for a second way of sending beside TLS's, twice the memory of the text, and clocks of its own for
  readers that stall. Left out: accounts have tens to hundreds of campaigns, where it saves nothing.
- **A fleet's** counters of scrapes move with each scrape: three lines an account are written and packed, and each account
  is asked whether its data is fresh. The rest is kept.

A refresh takes about twice its floor, because fields are decoded one by one in Python, so that a wrong type costs its field
only. That ratio, the time to start (240 to 430 ms seen) and the growth from 1 000 to 10 000 campaigns (10 to 11.3 times, once
16.8) are so close to their goals that the noise of a shared machine decides.
"""


if __name__ == "__main__":
    main()
