"""Rows of the results: what was measured, beside its goal where it has one."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the results; `met` is None where there is no goal, and where nothing was measured."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None

    def __post_init__(self) -> None:
        sys.stderr.write(f"{self.what}: {self.measured}{f' ({self.goal})' if self.goal else ''}\n")


def at_most(what: str, value: float, goal: float | None, unit: str = " ×", digits: int = 1) -> Row:
    """Return a row that is met by what is small enough."""
    if goal is None:
        return Row(what, f"{value:.{digits}f}{unit}")
    return Row(what, f"{value:.{digits}f}{unit}", f"at most {goal:g}{unit}", value <= goal)


def a_share(what: str, value: float, goal: float | None) -> Row:
    """Return a row that is met by a share that is small enough, written as 1/n."""
    if goal is None:
        return Row(what, f"1/{1 / value:.1f}")
    return Row(what, f"1/{1 / value:.{0 if value < 0.05 else 1}f}", f"at most 1/{1 / goal:.0f}", value <= goal)


def left_out(what: str, why: str) -> Row:
    """Return a row of what could not be measured here."""
    return Row(what, f"left out: {why}")


def table(rows: Iterable[Row]) -> str:
    """Return the rows as Markdown."""
    marks = {True: "met", False: "**missed**", None: ""}
    lines = (f"| {row.what} | {row.measured} | {row.goal} | {marks[row.met]} |" for row in rows)
    return "\n".join(["| what | measured | goal | |", "| --- | --- | --- | --- |", *lines]) + "\n"
