"""The mutants that may live: what they change is no defect, or is noticed where this run does not look."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ACCEPTED = Path(__file__).with_name("accepted.toml")


@dataclass(frozen=True)
class Survivor:
    """A mutant no test noticed, by what it changes: numbers of mutants move with every edit.

    Attributes:
        function: its module, class and name, with dots.
        change: the lines taken away and put in, marked with - and +, without their indentation.

    """

    function: str
    change: str


def accepted() -> dict[Survivor, str]:
    """Each mutant of the list, and its reason.

    Raises:
        ValueError: a reason is missing or empty.

    """
    found: dict[Survivor, str] = {}
    for group in tomllib.loads(ACCEPTED.read_text())["accepted"]:
        if not group.get("reason", "").strip():
            raise ValueError(f"{ACCEPTED.name}: a reason is missing beside {group}")
        for mutant in group["mutants"]:
            found[Survivor(mutant["function"], mutant["change"].strip())] = group["reason"]
    return found
