"""`make reliability`: docs/reliability.md out of what the tests, the fuzzer, the mutants and the image's run left behind.

Reads JUnit's XML, whose properties are the figures that tests record, and the JSON files beside it. A test records a
whole number to have it added up with those of its name, and text to have it shown as it is.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
LEFT_BEHIND = ROOT / ".cache" / "reliability"
PAGE = ROOT / "docs" / "reliability.md"

_AREAS: Mapping[str, tuple[str, str, str]] = {
    "faults": (
        "Faults of the API",
        "tests/faults",
        "Each fault meets an empty cache, data that has expired, and scrapes that wait together. Always: the process lives, "
        "`/metrics` answers 200 within its deadline, known data is served until its time and not longer, the failure is "
        "counted under the right reason and told in one log line, no other host is asked, and the first fetch after the "
        "fault is good. The table is tests/faults/table.py.",
    ),
    "load": (
        "Load",
        "EXPORTER_LOAD=full tests/load",
        "Real processes on loopback. Scrapes are answered whole or refused with 503 and counted; idle clients and slow readers "
        "keep no scraper waiting; connections, files and memory come back. What the allocator keeps of the first wave of "
        "slow readers under TLS serves the next wave: it is not given back to the system, and does not grow.",
    ),
    "crash": (
        "Crash and restart",
        "tests/crash",
        "Killed at any moment, with outputs that are full, closed or broken, with files that are reloaded while they are "
        "written: what starts again serves at once, scrapes go on, and the last whole configuration wins.",
    ),
    "secrets": (
        "Secrets",
        "tests/secrets",
        "Secrets stand at every place that takes one, inline, in files and in variables, before APIs that send them all "
        "back in bodies, headers, codes and redirects. They are looked for, in 11 spellings, in every answer, every "
        "command's output, every log level and format, every exception with all that led to it, and found nowhere.",
    ),
}  # fmt: skip
_FILES: Mapping[str, tuple[str, str, str]] = {
    "fuzz": (
        "Fuzzing",
        "make fuzz",
        "Coverage-guided runs over whatever reads bytes from outside. What they found is kept under tests/fixtures/fuzz and tried "
        "again by each `make test`.",
    ),
    "mutants": (
        "Mutants",
        "make mutants",
        "Defects put on purpose into the cache, the API's client and the exposition: the tests notice them. Those that live are "
        "listed with their reasons in tests/mutants.toml.",
    ),
    "image": (
        "The image",
        "make image",
        "Built from what is committed, and run read-only, without capabilities, without new privileges, as its own user; once "
        "more without any shell.",
    ),
}  # fmt: skip
_HEAD = """\
# Reliability, in figures

What was tried against the exporter, and what came of it: written by `make reliability` on {cores} cores with Python {python},
{when}. Each section names the command that makes its figures again; `make test` runs all of it but the longest.
[benchmarks/RESULTS.md](../benchmarks/RESULTS.md) has what it costs, [SECURITY.md](../SECURITY.md) what is promised.
"""


@dataclass
class Area:
    """The tests of one area: how many passed, and the figures they recorded."""

    passed: int = 0
    failed: int = 0
    figures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, case: ET.Element) -> None:
        """Take in a test's result."""
        if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
            self.failed += 1
            return
        self.passed += 1
        for found in case.iter("property"):
            self.figures.setdefault(found.attrib["name"], []).append(found.attrib["value"])

    def rows(self) -> Iterator[tuple[str, str]]:
        """Each figure: whole numbers added up, other text as it is and once."""
        yield "tests passed", str(self.passed)
        for name, values in self.figures.items():
            numbers = all(value.lstrip("-").isdigit() for value in values)
            yield name, str(sum(map(int, values))) if numbers else "; ".join(dict.fromkeys(values))


def main() -> int:
    """Write the page; 1 where a test did not pass or something was not run."""
    file, when = sys.argv[1:]
    areas: dict[str, Area] = {name: Area() for name in _AREAS}
    for case in ET.parse(file).iter("testcase"):
        name = case.attrib["classname"].removeprefix("tests.").split(".")[0]
        areas.setdefault(name, Area()).add(case)
    parts = [_HEAD.format(cores=os.cpu_count(), python=platform.python_version(), when=when)]
    parts += [_section(*_AREAS[name], areas[name].rows()) for name in _AREAS]
    parts += [_section(*told, _left_behind(name)) for name, told in _FILES.items()]
    PAGE.write_text("\n".join(parts))
    wrong = sum(area.failed for area in areas.values())
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} written; {wrong} tests did not pass\n")
    return bool(wrong)


def _left_behind(name: str) -> Iterator[tuple[str, str]]:
    file = LEFT_BEHIND / f"{name}.json"
    if not file.exists():
        yield "not run on this machine", ""
        return
    for what, figure in json.loads(file.read_text()).items():
        yield what, str(figure)


def _section(title: str, command: str, text: str, rows: Iterator[tuple[str, str]]) -> str:
    shown = (
        command
        if command.startswith("make")
        else f"{_variable(command)}.venv/bin/pytest {command.rsplit(maxsplit=1)[-1]}"
    )
    lines = [f"## {title}", "", text, "", f"`{shown}`", "", "| what | figure |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {what} | {figure} |" for what, figure in rows), ""])


def _variable(command: str) -> str:
    return f"{command.split(maxsplit=1)[0]} " if "=" in command else ""


if __name__ == "__main__":
    sys.exit(main())
