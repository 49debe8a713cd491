"""The mutants that may live: what they change is no defect, or is noticed where this run does not look."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
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


@dataclass(frozen=True)
class Accepted:
    """Mutants that may live for one reason: each function, and what its changes match from their beginning."""

    reason: str
    changes: Sequence[tuple[str, re.Pattern[str]]]

    def holds(self, survivor: Survivor) -> bool:
        """Whether the mutant is one of these."""
        return any(survivor.function == name and change.match(survivor.change) for name, change in self.changes)


def accepted() -> list[Accepted]:
    """The list.

    Raises:
        ValueError: a reason is missing or empty.

    """
    found = []
    for group in tomllib.loads(ACCEPTED.read_text())["accepted"]:
        if not group.get("reason", "").strip():
            raise ValueError(f"{ACCEPTED.name}: a reason is missing beside {group}")
        changes = [(name, change) for name, patterns in group["in"].items() for change in patterns]
        found.append(Accepted(group["reason"], [(name, re.compile(change, re.DOTALL)) for name, change in changes]))
    return found
