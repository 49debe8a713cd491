"""`make mutants`: every mutant that mutmut makes, each against the tests that reach it; a survivor must be accepted.

`accepted.toml` lists what may live, with the reason. Ends with 1 where another mutant lives.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from mutation.accepted import ACCEPTED, accepted
from mutation.tree import Mutant, Outcome, Tree

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / ".cache/reliability/mutants.json"
WORK = ROOT / ".cache/mutants/work"


def main() -> int:
    """Run what the flags ask for; gives 1 where an unlisted mutant lives."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="mutants tried at a time")
    parser.add_argument("names", nargs="*", metavar="name", help="patterns of functions, such as exporter.cache.*")
    options = parser.parse_args()
    tree = Tree.make(ROOT, WORK)
    chosen = [mutant for mutant in tree.mutants() if not options.names or _matches(mutant, options.names)]
    sys.stdout.write(f"{len(chosen)} mutants\n")
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(_told(pool.map(tree.outcome, chosen)))
        living = [mutant for mutant, outcome in zip(chosen, outcomes, strict=True) if outcome == "lives"]
        survivors = list(pool.map(tree.survivor, living))
    allowed = accepted()
    unlisted = [survivor for survivor in survivors if not any(group.holds(survivor) for group in allowed)]
    for survivor in unlisted:
        sys.stdout.write(f"\nLIVES: {survivor.function}\n{survivor.change}\n")
    counted = Counter(outcomes)
    figures = {
        "mutants": len(chosen),
        "noticed by a test": counted["noticed"],
        "noticed because a test had no end": counted["endless"],
        f"live, with a reason in {ACCEPTED.relative_to(ROOT)}": len(survivors) - len(unlisted),
        "live, without one": len(unlisted),
    }
    sys.stdout.write("\n" + "".join(f"{what}: {figure}\n" for what, figure in figures.items()))
    if not options.names:
        for name, change in (entry for group in allowed for entry in group.changes):
            if not any(survivor.function == name and change.match(survivor.change) for survivor in survivors):
                sys.stdout.write(f"\nno such mutant lives, take it off the list: {name}, {change.pattern}\n")
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    return int(bool(unlisted))


def _told(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The same, telling how far it has come."""
    for number, outcome in enumerate(outcomes, 1):
        yield outcome
        if number % 100 == 0:
            sys.stdout.write(f"{number} tried\n")
            sys.stdout.flush()


def _matches(mutant: Mutant, patterns: list[str]) -> bool:
    return any(fnmatch(mutant.function, pattern) for pattern in patterns)


if __name__ == "__main__":
    sys.exit(main())
