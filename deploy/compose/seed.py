"""Fill a Prometheus that has not run yet with a history and with what the recording rules make of it.

    seed.py HISTORY.om DATA_FOLDER RULE_FILE...

`mimecast-exporter simulate --history` writes the history; `prometheus` and `promtool` must be on PATH. A temporary
Prometheus evaluates each rule over the whole past, level by level: what a rule reads must be in a block before.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml

Rule = dict[str, Any]

#: Seconds between the samples of the history, and so between evaluations.
STEP = 3600

#: Each value of the monthly average is computed from the one before, so a query over the whole past cannot give it.
SKIPPED = {"account:mimecast_awareness_safe_score_low_grades:average30d"}


def main(history: str, data: str, *rule_files: str) -> None:
    """Move the blocks of the past into the data folder once all are made."""
    rules = [rule for file in rule_files for rule in _rules(Path(file))]
    with TemporaryDirectory(dir=data) as folder:
        blocks = Path(folder)
        _create_blocks(Path(history), blocks)
        times = _times(blocks)
        for level in _levels(rules):
            _record([rule for rule in rules if rule["record"] in level], blocks, times)
        for meta in blocks.glob("*/meta.json"):
            meta.parent.rename(Path(data, meta.parent.name))


def _times(blocks: Path) -> range:
    """Return the times of the history's samples, in seconds."""
    metas = [json.loads(file.read_text()) for file in blocks.glob("*/meta.json")]
    first, last = min(meta["minTime"] for meta in metas), max(meta["maxTime"] for meta in metas)
    return range(first // 1000, last // 1000 + 1, STEP)


def _create_blocks(samples: Path, folder: Path) -> None:
    command = ["promtool", "tsdb", "create-blocks-from", "--quiet", "--max-block-duration=4400h", "openmetrics"]
    subprocess.run([*command, samples, folder], check=True)


def _rules(file: Path) -> list[Rule]:
    groups = yaml.safe_load(file.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if rule["record"] not in SKIPPED]


def _read_by(rule: Rule) -> set[str]:
    """Return the names in a rule's expression."""
    return set(re.findall(r"[\w:]+", rule["expr"]))


def _levels(rules: list[Rule]) -> Iterator[set[str]]:
    """Yield the names of the series, each after those that its rules read."""
    sorter = TopologicalSorter[str]()
    names = {rule["record"] for rule in rules}
    for rule in rules:
        sorter.add(rule["record"], *(_read_by(rule) & names - {rule["record"]}))
    sorter.prepare()
    while sorter.is_active():
        level = sorter.get_ready()
        yield set(level)
        sorter.done(*level)


def _record(rules: list[Rule], blocks: Path, times: range) -> None:
    """Add the blocks of what these rules record."""
    families: dict[str, list[str]] = {rule["record"]: [] for rule in rules}
    with _prometheus(blocks) as client:
        for rule in rules:
            families[rule["record"]] += _samples(client, rule, times)
    file = blocks / "recorded.om"
    with file.open("w") as out:
        for name, lines in families.items():
            out.writelines([f"# TYPE {name} gauge\n", *lines])
        out.write("# EOF\n")
    _create_blocks(file, blocks)


@contextmanager
def _prometheus(blocks: Path) -> Iterator[httpx.Client]:
    """Run Prometheus with these blocks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    flags = [f"--web.listen-address={address}", f"--storage.tsdb.path={blocks}", "--config.file=/dev/null"]
    flags += ["--storage.tsdb.retention.time=1000d", f"--query.lookback-delta={STEP}s", "--log.level=error"]
    with subprocess.Popen(["prometheus", *flags]) as process:
        try:
            with httpx.Client(base_url=f"http://{address}/api/v1", timeout=600, trust_env=False) as client:
                while process.poll() is None and not _answers(client):
                    time.sleep(0.1)
                yield client
        finally:
            process.terminate()


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("query", params={"query": "1"}).is_success
    except httpx.TransportError:
        return False


def _samples(client: httpx.Client, rule: Rule, times: range) -> Iterator[str]:
    """Yield a rule's samples as OpenMetrics, series by series."""
    query = {"query": rule["expr"], "start": times[0], "end": times[-1], "step": STEP}
    response = client.post("query_range", data=query).raise_for_status()
    series: dict[str, dict[int, str]] = {}
    for found in response.json()["data"]["result"]:
        labels = {name: value for name, value in found["metric"].items() if name != "__name__"} | rule.get("labels", {})
        text = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(labels.items()))
        # Where `or` joins expressions with and without a metric name, a series comes in two parts.
        series.setdefault(text, {}).update(found["values"])
    for labels_text, values in series.items():
        for moment, value in _kept(rule, values, times):
            yield f"{rule['record']}{{{labels_text}}} {value} {moment}\n"


def _kept(rule: Rule, values: dict[int, str], times: range) -> Iterator[tuple[int, str]]:
    """Yield a series' samples, up to the end where a rule keeps a value by reading its own series.

    `or` prefers its first operand: a rule that begins with its own series keeps the first value, others the last.
    """
    if rule["record"] not in _read_by(rule):
        yield from sorted(values.items())
        return
    keeps_first = rule["expr"].lstrip("( \n").startswith(f"last_over_time({rule['record']}")
    kept = None
    for moment in times:
        if kept is None or not keeps_first:
            kept = values.get(moment, kept)
        if kept is not None:
            yield moment, kept


if __name__ == "__main__":
    main(*sys.argv[1:])
