"""Inputs nobody wrote: what fuzzing found once is replayed, and each target is fuzzed with a fixed number of inputs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzzing.targets import NAMES, target

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "tests/fixtures/fuzz"
_REASONS = KEPT / "README.md"
_INPUTS = sorted(KEPT.glob("*/*"))
#: About two seconds of each on a slow machine.
_RUNS = {
    **{"decoder": 20_000, "exposition": 8_000, "tokens": 30_000, "gunzip": 1_500},
    **{"configuration": 1_500, "webconfiguration": 2_500, "http": 600, "bounds": 600},
}
_NOT_HERE = "NOT FUZZED: atheris is not installed; it exists for Linux on x86_64 alone"


@pytest.mark.parametrize("path", _INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_input_that_once_failed_does_not_fail_again(path: Path) -> None:
    target(path.parent.name).hold(path.read_bytes())


def test_each_kept_input_has_a_reason() -> None:
    assert _INPUTS
    reasons = _REASONS.read_text()
    assert [path.name for path in _INPUTS if f"`{path.parent.name}/{path.name}`" not in reasons] == []


@pytest.mark.parametrize("name", NAMES)
def test_well_formed_inputs_cut_short_anywhere_break_no_promise(name: str) -> None:
    chosen = target(name)
    for seed in chosen.seeds:
        for end in range(0, len(seed) + 1, max(1, len(seed) // 12)):
            chosen.hold(seed[:end])


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason=_NOT_HERE)
@pytest.mark.parametrize("name", NAMES)
def test_fuzzing_finds_nothing_new(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    figures = tmp_path / "figures.json"
    bounds = [f"--runs={_RUNS[name]}", f"--findings={tmp_path}", f"--figures={figures}"]
    done = subprocess.run(
        [sys.executable, "-m", "fuzzing", *bounds, name],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    inputs = json.loads(figures.read_text())[f"inputs tried, {name}"]
    assert inputs >= _RUNS[name]
    record_property(f"inputs tried in each test run, {name}", inputs)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason=_NOT_HERE)
def test_a_broken_promise_is_found_and_its_input_kept(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "SEEDS, WORDS = [b'ab'], [b'xyz']\ndef hold(data):\n    assert b'xyz' not in data, 'a promise is broken'\n"
    )
    (tmp_path / "corpus").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "fuzzing.guided", "broken", "-runs=100000", str(tmp_path / "corpus"), str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
    )  # fmt: skip
    assert done.returncode != 0
    assert "a promise is broken" in done.stdout + done.stderr
    (kept,) = tmp_path.glob("crash-*")
    assert b"xyz" in kept.read_bytes()
