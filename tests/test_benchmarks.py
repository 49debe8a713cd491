from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_benchmarks_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for row in (
        "refresh of 100 campaigns: CPU against the floor",
        "refresh of 100 campaigns: longest hold of the event loop",
        "cached scrape, 100 campaigns, plain: CPU, p50, p99 of exporter",
        "| 100 campaigns, gzip |",
    ):
        assert row in done.stdout
