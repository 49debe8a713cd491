"""The table of targets. A target's module is imported only when it is asked for, so that it can be instrumented."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

#: Names of the targets, each that of its module in this package.
NAMES: tuple[str, ...] = (
    *("decoder", "exposition", "tokens", "gunzip"),
    *("configuration", "webconfiguration", "http", "bounds"),
)


@dataclass(frozen=True)
class Target:
    """What is fuzzed.

    Attributes:
        hold: takes an input; raises anything at all where the exporter broke a promise.
        seeds: well-formed inputs to start from.
        words: what a mutation may put in.

    """

    hold: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Iterable[bytes]


def target(name: str) -> Target:
    """Import a target; a name that is none of `NAMES` is that of a module elsewhere."""
    module = importlib.import_module(f"fuzzing.{name}" if name in NAMES else name)
    return Target(module.hold, module.SEEDS, module.WORDS)
