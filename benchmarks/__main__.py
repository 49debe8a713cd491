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
    yield from lifetime.rows(30)
    yield from rules.rows(seconds_of_rules)
    yield from training.rows()


_HEAD = """\
# Benchmark results

`make bench` on {cores} cores with Python {python}. Contestants take turns in one run and medians count; compare ratios, not times,
with those of another machine. Campaigns are the simulator's: about 15 series each, and mail bodies of 8 KB. The floor of a
refresh is a minimal program: it decodes the same bytes with fixed types, joins ready-made text and compresses it.

"""
_PROFILE = """
## Where the CPU of a cached scrape goes

"""
_FOOT = """
CPU of a scrape counts the whole server process, on one connection that is kept, with the headers that Prometheus sends.
nginx sends a file with one worker; pushgateway and prometheus_client's server hold the same series.

## What is missed, and why

**Small scrapes** cost several times nginx's CPU, as the table above shows: most of it is HTTP in Python (validation of the
request, a parser in C, an event loop, a task and a route for each request), the rest the exporter's own metrics. With a scrape
a minute this is less than half a second a day. Tried and left out, because each saves less than a tenth: head and body in one
system call (7 %), the parsed head of a repeated request (8 %, and passwords would stay in memory).

**Large scrapes**: nginx hands the kernel a file (sendfile); a program's own bytes are copied to the socket, and that copy is most
of what is left. The same bytes in a memory file, sent by sendfile, saved a quarter more, for a second way of sending beside
TLS's, twice the memory of the text, and timers of its own for readers that stall. Left out: accounts have tens to hundreds of
campaigns, where it saves nothing.

**A refresh** is compared with a minimal program, the floor, that neither checks nor converts a value. The exporter takes each field as it comes, so that
a wrong type costs its field and not the campaign; that and the text are most of the difference. A refresh of 1 000 campaigns
takes about 30 ms every five minutes. Its ratio, and the growth from 1 000 to 10 000 campaigns, depend on how much of the answer
fits into the processor's cache.

**The start and the memory of an idle process** are those of the modules. In the order of their import; each row is without what
the rows above it have loaded:

| what | CPU | memory | modules |
| --- | --- | --- | --- |
| Python itself | 16 ms | 9.8 MB | 60 |
| asyncio, with ssl, logging and inspect | 31 ms | 9.5 MB | 81 |
| httpcore, with h11, and anyio for asyncio | 40 ms | 4.7 MB | 97 |
| httpx | 32 ms | 4.8 MB | 73 |
| prometheus_client | 10 ms | 1.4 MB | 32 |
| uvicorn, with click and logging.config | 12 ms | 1.7 MB | 33 |
| the public CAs in the TLS context of the API client | 19 ms | 1.8 MB | 6 |
| Starlette | 9 ms | 0.8 MB | 23 |
| PyYAML | 10 ms | 0.9 MB | 20 |
| msgspec and uvloop | 7 ms | 2.2 MB | 22 |
| the exporter | 43 ms | 3.7 MB | 100 |

Measured apart and on an otherwise idle machine; a start waits for the disk and the scheduler as well. Without httpx,
prometheus_client and uvicorn, memory would meet its goal and the start would be 50 ms shorter. They stay: a well-kept library
is worth more than 50 ms once and 8 MB. Modules of other commands, pages, passwords and error messages are loaded when they are needed. Tried and left
out, because each saves less than a tenth: imports without garbage collection (13 ms), one arena of the allocator (nothing), the
CAs in DER (nothing).
"""


if __name__ == "__main__":
    main()
