"""`make reliability`: write docs/reliability.md from the results of the tests, the fuzzer and `make image`.

Reads JUnit's XML, whose properties are the figures that tests record, and the JSON files beside it. A test records a
whole number to have it added up with those of its name, and text to have it shown as it is.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / ".cache" / "reliability"
PAGE = ROOT / "docs" / "reliability.md"
TEMPLATE = Path(__file__).with_name("reliability.template.md")
#: Folders of tests, and results of other commands: each is a section of the page.
TESTED = ("faults", "load", "crash", "secrets")
RUN_APART = ("fuzz", "image")


@dataclass
class Area:
    """The tests of one folder: how many passed, and the figures they recorded."""

    passed: int = 0
    failed: int = 0
    figures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, case: ET.Element) -> None:
        """Add the result of a test."""
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
    """Write the page; return 1 if a test did not pass."""
    file, when = sys.argv[1:]
    areas = {name: Area() for name in TESTED}
    for case in ET.parse(file).iter("testcase"):
        areas[case.attrib["classname"].split(".")[1]].add(case)
    sections = {name: _table(area.rows()) for name, area in areas.items()}
    sections |= {name: _table(_results(RESULTS / f"{name}.json")) for name in RUN_APART}
    facts = {"cores": os.cpu_count(), "python": platform.python_version(), "when": when}
    PAGE.write_text(TEMPLATE.read_text().format(**sections, **facts))
    wrong = sum(area.failed for area in areas.values())
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} written; {wrong} tests did not pass\n")
    return int(wrong > 0)


def _results(file: Path) -> Iterator[tuple[str, str]]:
    if file.exists():
        yield from ((what, str(figure)) for what, figure in json.loads(file.read_text()).items())
    else:
        yield "not run on this machine", ""


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows), ""])


if __name__ == "__main__":
    sys.exit(main())
