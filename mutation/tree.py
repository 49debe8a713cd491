"""A copy of the project in which mutmut put every mutant, and the tests run against one of them at a time.

mutmut makes the mutants and finds out which tests reach them. Running them is done here, a process each: its own way,
a fork after the tests have run, crashes where they left threads and event loops behind.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mutation.accepted import Survivor

Outcome = Literal["noticed", "endless", "lives"]
#: Seconds: a test takes one or two at most, those that reach a mutant twenty.
_BOUND_OF_A_TEST, _BOUND = 20, 120.0
#: Of pytest's plugins, those that these tests use: the others double the time of a process.
_PLUGINS = ("anyio", "pytest_timeout", "_hypothesis_pytestplugin")
#: How mutmut names the variants of a function, and what joins a class and its method.
_VARIANT, _JOINT = "__mutmut_", "ǁ"


def _mangled(mutant: str) -> str:
    """The name of a mutant's function as mutmut has it."""
    return mutant.rpartition(_VARIANT)[0]


@dataclass(frozen=True)
class Mutant:
    """Attributes: its name as mutmut has it, and the tests that reach it, the quickest first."""

    name: str
    tests: tuple[str, ...]

    @property
    def function(self) -> str:
        """The function's name as the source has it: module, class and name."""
        module, _, name = _mangled(self.name).rpartition(".")
        own = name.removeprefix("x" + _JOINT).replace(_JOINT, ".") if _JOINT in name else name.removeprefix("x_")
        return f"{module}.{own}"


@dataclass(frozen=True)
class _Reach:
    """What mutmut found out: seconds that each test takes, and the tests that reach a function (mangled)."""

    durations: dict[str, float]
    tests: dict[str, list[str]]


class Tree:
    """The copy, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutants = folder / "mutants"

    @classmethod
    def make(cls, project: Path, folder: Path) -> Tree:
        """Copy what git has or would take in, and let mutmut work on it.

        Raises:
            CalledProcessError: mutmut failed, or the tests fail without any mutant.

        """
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=project, check=True, capture_output=True, text=True
        )
        for name in listed.stdout.splitlines():
            if (project / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, folder / name)
        tree = cls(folder)
        # Trying one mutant makes all of them, and the table of tests.
        mutmut = [sys.executable, "-m", "mutmut", "run", "exporter.cache.*__init____mutmut_1"]
        subprocess.run(mutmut, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        tree._pytest("", tree._reach.durations).check_returncode()
        return tree

    def mutants(self) -> Iterator[Mutant]:
        """All mutants."""
        reach = self._reach
        for meta in sorted(self._mutants.rglob("*.meta")):
            for name in json.loads(meta.read_text())["exit_code_by_key"]:
                reached = sorted(reach.tests.get(_mangled(name), ()), key=reach.durations.__getitem__)
                yield Mutant(name, tuple(reached))

    def outcome(self, mutant: Mutant) -> Outcome:
        """Whether a test notices the mutant: those that reach it, or the rest, which may have called it before."""
        rest = self._reach.durations.keys() - mutant.tests
        runs = [tests for tests in (mutant.tests, sorted(rest)) if tests]
        try:
            noticed = any(self._pytest(mutant.name, tests).returncode for tests in runs)
        except subprocess.TimeoutExpired:
            return "endless"
        return "noticed" if noticed else "lives"

    def survivor(self, mutant: Mutant) -> Survivor:
        """What the mutant changes."""
        shown = subprocess.run(
            [sys.executable, "-m", "mutmut", "show", mutant.name],
            cwd=self._folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        lines = [line for line in shown.stdout.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
        return Survivor(mutant.function, "\n".join(line[0] + line[1:].strip() for line in lines))

    @functools.cached_property
    def _reach(self) -> _Reach:
        table = json.loads((self._mutants / "mutmut-stats.json").read_text())
        return _Reach(table["duration_by_test"], table["tests_by_mangled_function_name"])

    def _pytest(self, mutant: str, tests: Iterable[str]) -> subprocess.CompletedProcess[bytes]:
        plugins = [flag for plugin in _PLUGINS for flag in ("-p", plugin)]
        return subprocess.run(
            [sys.executable, "-P", "-m", "pytest", "-x", "-q", f"--timeout={_BOUND_OF_A_TEST}", *plugins, *tests],
            cwd=self._mutants, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=_BOUND,
            env={
                **os.environ, "MUTANT_UNDER_TEST": mutant, "PYTHONPATH": str(self._mutants),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1",
            },
        )  # fmt: skip
