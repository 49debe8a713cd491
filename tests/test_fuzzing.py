"""Inputs nobody wrote: what fuzzing found once is replayed, and each target is fuzzed for a moment."""

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
_INPUTS = sorted(path for path in KEPT.glob("*/*") if path.suffix != ".md")


@pytest.mark.parametrize("path", _INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_fuzzing_found_once_is_mended(path: Path) -> None:
    target(path.parent.name).hold(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_well_formed_inputs_cut_short_anywhere_break_no_promise(name: str) -> None:
    chosen = target(name)
    for seed in chosen.seeds:
        for end in range(0, len(seed) + 1, max(1, len(seed) // 20)):
            chosen.hold(seed[:end])


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="NOT FUZZED: atheris exists for Linux on x86_64 alone, and is not installed here",
)
def test_fuzzing_finds_nothing_new(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "fuzzing", "--seconds=2", f"--findings={tmp_path}", f"--figures={figures}"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for name, value in json.loads(figures.read_text()).items():
        record_property(f"fuzzing: {name}", value)
