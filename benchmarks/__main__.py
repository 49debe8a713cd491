"""`make bench`: everything side by side, printed, and written to benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import fleets, holding, lifetime, refreshing, scraping
from benchmarks.refreshing import LARGE
from benchmarks.rows import Row, table

RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    """Run what the flags ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few seconds on little data; writes no results")
    options = parser.parse_args()
    text = table(list(_smoke() if options.smoke else _everything()))
    if not options.smoke:
        RESULTS.write_text(_HEAD.format(cores=os.cpu_count(), python=platform.python_version()) + text + _FOOT)
    sys.stdout.write(text)


def _smoke() -> Iterator[Row]:
    yield from refreshing.rows((100,), 1)
    yield from holding.rows((100,), 1)
    yield from scraping.rows(100, 1, peers=False)


def _everything() -> Iterator[Row]:
    yield from refreshing.rows((1_000, LARGE), 5)
    yield from holding.rows((1_000, LARGE), 5)
    for size in (100, 1_000, LARGE):
        yield from scraping.rows(size, 5, peers=True)
    yield from fleets.rows(5)
    yield from lifetime.rows(90)


_HEAD = """\
# Benchmark results

`make bench` on {cores} cores with Python {python}. Contestants take turns in one run and medians count; compare ratios, not times,
with those of another machine. Campaigns are the simulator's: about 15 series each, and mail bodies of 8 KB.

"""
_FOOT = """
CPU of a scrape counts the whole server process, on one connection that is kept, with the headers that Prometheus sends.
nginx sends a file with one worker; pushgateway and prometheus_client's server hold the same series.

## What is missed, and why

TODO
"""


if __name__ == "__main__":
    main()
