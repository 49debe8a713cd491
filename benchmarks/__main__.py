"""`make bench`: everything side by side, printed, and written to benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks import serving
from benchmarks.measuring import memory, percentile
from benchmarks.refreshing import answer_of, compare, longest_hold
from tests.servers import find

Row = tuple[str, str, str, bool | None]
RESULTS = Path(__file__).parent / "RESULTS.md"
SIZES = (100, 1_000, 10_000)
#: Of pushgateway's CPU for the same series, at most this share.
_PUSHGATEWAY_GOALS = {100: 1 / 5, 1_000: 1 / 50, 10_000: 1 / 500}


def main() -> None:
    """Run what the flags ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few seconds on little data; writes no results")
    options = parser.parse_args()
    rows = list(_smoke() if options.smoke else _everything())
    text = _table(rows)
    if not options.smoke:
        RESULTS.write_text(_HEAD.format(cores=os.cpu_count(), python=platform.python_version()) + text + _FOOT)
    sys.stdout.write(text)


_HEAD = """\
# Benchmark results

`make bench` on {cores} cores with Python {python}. Contestants take turns in one run and medians count; compare ratios, not times,
with those of another machine. Campaigns have about 15 series and mail bodies of 8 KB.

"""
_FOOT = """
CPU of a scrape counts the whole server process. nginx sends a file with one worker. Where a peer is not named it could not
be had on the machine.

Where a scrape costs more than nginx's: about 0.3 ms of each is the exporter's own metrics (reading /proc, and
prometheus_client's text of them), about 0.5 ms is HTTP in Python (h11, uvicorn, Starlette), whatever the size; nginx needs
less than 0.1 ms for all of it, and sends a file without reading it (sendfile). The rest of a large plain answer is the
kernel's copy of it. A refresh takes more than twice the floor where field by field leniency (a wrong type costs its field,
not its campaign) is paid for in Python.
"""


def _table(rows: list[Row]) -> str:
    marks = {True: "met", False: "missed", None: ""}
    lines = ["| what | measured | goal | |", "| --- | --- | --- | --- |"]
    return (
        "\n".join([*lines, *(f"| {what} | {found} | {goal} | {marks[met]} |" for what, found, goal, met in rows)])
        + "\n"
    )


def _smoke() -> Iterator[Row]:
    yield from _refreshing((100,), 1)
    yield from _scraping(100, 5, 1, peers=False)


def _everything() -> Iterator[Row]:
    yield from _refreshing((1_000, 10_000), 5)
    for size in SIZES:
        yield from _scraping(size, {100: 200, 1_000: 60, 10_000: 15}[size], 5, peers=True)
    yield from _process()
    yield from _fleet()


def _say(row: Row) -> Row:
    sys.stderr.write(f"{row[0]}: {row[1]} ({row[2]})\n")
    return row


def _refreshing(sizes: tuple[int, ...], rounds: int) -> Iterator[Row]:
    taken = {}
    for size in sizes:
        found = compare(size, rounds)
        taken[size] = found["refresh"]
        over_floor, under_library = found["refresh"] / found["floor"], found["library"] / found["refresh"]
        faster = found["text of the library"] / found["text"]
        large = size == 10_000
        name = f"{size} campaigns"
        yield _say(
            (
                f"refresh of {name} against the floor",
                f"{over_floor:.1f} ×",
                "at most 2 ×" if large else "",
                over_floor <= 2 if large else None,
            )
        )
        yield _say(
            (
                f"refresh of {name} against json, prometheus_client and gzip",
                f"1/{under_library:.1f}",
                "at most 1/7" if large else "",
                under_library >= 7 if large else None,
            )
        )
        yield _say(
            (
                f"text of {name} against prometheus_client",
                f"{faster:.1f} × faster",
                "at least 10 ×" if large else "",
                faster >= 10 if large else None,
            )
        )
        hold, bound = 1000 * longest_hold(size, rounds), 50 if large else 20
        yield _say((f"longest hold of the event loop, {name}", f"{hold:.0f} ms", f"at most {bound} ms", hold <= bound))
    if len(sizes) == 2:
        ratio = taken[sizes[1]] / taken[sizes[0]]
        yield _say(("refresh, 10 000 : 1 000 campaigns", f"{ratio:.1f}", "at most 11", ratio <= 11))  # fmt: skip


def _scraping(size: int, scrapes: int, rounds: int, *, peers: bool) -> Iterator[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = stack.enter_context(serving.answering(answer_of(size)))
        ours = stack.enter_context(serving.exporter(folder, serving.configuration(api)))
        ours.scrape(serving.PROMETHEUS)
        for coding, headers in (("gzip", serving.PROMETHEUS), ("plain", serving.PLAIN)):
            contestants = {"exporter": ours}
            if peers:
                contestants |= _peers(stack, folder / coding, ours, headers)
            cpu: dict[str, list[float]] = {name: [] for name in contestants}
            times: dict[str, list[float]] = {name: [] for name in contestants}
            for _ in range(rounds):
                for name, target in contestants.items():
                    used, took = target.measure(headers, scrapes if name != "pushgateway" else max(2, scrapes // 20))
                    cpu[name].append(used)
                    times[name] += took
            yield from _compared(size, coding, cpu, times)
        if size == 10_000:
            peak = memory(ours.pid)[1]
            yield _say(("peak memory, 10 000 campaigns", f"{peak:.0f} MB", "less than 200 MB", peak < 200))


def _peers(stack: ExitStack, folder: Path, ours: serving.Target, headers: dict[str, str]) -> dict[str, serving.Target]:
    folder.mkdir()
    peers: dict[str, serving.Target] = {}
    if program := find("nginx"):
        peers["nginx"] = stack.enter_context(serving.nginx(program, folder, _body(ours, headers)))
    if headers is serving.PROMETHEUS and (program := find("pushgateway")):
        text = b"".join(
            line + b"\n" for line in _body(ours, serving.PLAIN).splitlines() if b"awareness_campaign_" in line
        )
        peers["pushgateway"] = stack.enter_context(serving.pushgateway(program, folder, text))
    return peers


def _body(target: serving.Target, headers: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", target.port)
    connection.request("GET", target.path, headers=headers)
    return connection.getresponse().read()


def _compared(size: int, coding: str, cpu: dict[str, list[float]], times: dict[str, list[float]]) -> Iterator[Row]:
    median = {name: statistics.median(values) for name, values in cpu.items()}
    what = f"cached scrape, {size} campaigns, {coding}"
    p50, p99 = (1000 * percentile(times["exporter"], share) for share in (0.5, 0.99))
    yield _say((f"{what}: CPU, p50, p99", f"{1000 * median['exporter']:.1f} ms, {p50:.1f} ms, {p99:.1f} ms", "", None))
    if "nginx" in median:
        ratio = median["exporter"] / max(median["nginx"], 1e-6)
        large = size == 10_000
        yield _say(
            (
                f"{what}: CPU against nginx",
                f"{ratio:.1f} ×",
                "at most 1.2 ×" if large else "",
                ratio <= 1.2 if large else None,
            )
        )
    if "pushgateway" in median:
        share, goal = median["exporter"] / median["pushgateway"], _PUSHGATEWAY_GOALS[size]
        yield _say((f"{what}: CPU against pushgateway", f"1/{1 / share:.0f}", f"at most 1/{1 / goal:.0f}", share <= goal))  # fmt: skip


def _process() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name, serving.answering(answer_of(14)) as api:
        folder = Path(name)
        took = 1000 * serving.startup(folder, serving.configuration(api), 9)
        yield _say(("process start to first answered scrape", f"{took:.0f} ms", "at most 350 ms", took <= 350))
        with serving.exporter(folder, serving.configuration(api)) as target:
            target.scrape(serving.PROMETHEUS)
            idle = memory(target.pid)[0]
            yield _say(("memory when idle, one small account", f"{idle:.0f} MB", "at most 45 MB", idle <= 45))
    with tempfile.TemporaryDirectory() as name, serving.answering(answer_of(300)) as api:
        with serving.exporter(Path(name), serving.configuration(api, ttl="0s")) as target:
            scrapes, growth = serving.soak(target, 90)
            yield _say(
                (
                    f"memory after {scrapes} scrapes, each with a refresh",
                    f"{100 * growth:+.1f} %",
                    "within 3 %",
                    growth <= 0.03,
                )
            )


def _fleet() -> Iterator[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        api = stack.enter_context(serving.answering(answer_of(50)))
        ours = stack.enter_context(serving.exporter(folder, serving.configuration(api, accounts=1000)))
        ours.scrape(serving.PROMETHEUS | {"X-Prometheus-Scrape-Timeout-Seconds": "110"})
        contestants = {"exporter": ours}
        if program := find("nginx"):
            (folder / "nginx").mkdir()
            body = _body(ours, serving.PROMETHEUS)
            contestants["nginx"] = stack.enter_context(serving.nginx(program, folder / "nginx", body))
        cpu = {
            name: statistics.median(target.measure(serving.PROMETHEUS, 5)[0] for _ in range(5))
            for name, target in contestants.items()
        }
        yield _say(("1 000 accounts × 50 campaigns: memory an account", f"{memory(ours.pid)[0]:.0f} kB", "", None))
        yield _say(
            ("1 000 accounts × 50 campaigns: CPU of a cached scrape", f"{1000 * cpu['exporter']:.0f} ms", "", None)
        )
        if "nginx" in cpu:
            ratio = cpu["exporter"] / max(cpu["nginx"], 1e-6)
            yield _say(
                ("1 000 accounts × 50 campaigns: CPU against nginx", f"{ratio:.1f} ×", "at most 3 ×", ratio <= 3)
            )


if __name__ == "__main__":
    main()
