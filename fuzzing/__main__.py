"""`make fuzz`: each target for some seconds, one after the other; what is found is kept as a test's input."""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzzing.targets import NAMES

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / ".cache/reliability/fuzz.json"


def main() -> int:
    """Run what the flags ask for; gives 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--runs", type=int, help="inputs for each target, instead of seconds: the same in each run")
    parser.add_argument("--findings", type=Path, default=ROOT / "tests/fixtures/fuzz")
    parser.add_argument("--figures", type=Path, default=FIGURES)
    parser.add_argument("targets", nargs="*", default=NAMES, metavar="target", help=", ".join(NAMES))
    options = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is missing: it exists for Linux on x86_64 alone\n")
        return 2
    bound = f"-runs={options.runs}" if options.runs else f"-max_total_time={options.seconds}"
    figures: dict[str, int] = {} if options.runs else {"seconds for each target": options.seconds}
    found = 0
    for name in options.targets:
        inputs, good = _fuzz(name, bound, options.findings / name)
        found += not good
        figures[f"inputs tried, {name}"] = inputs
        sys.stdout.write(f"{name}: {inputs} inputs, {'nothing found' if good else 'FOUND'}\n")
        sys.stdout.flush()
    figures["targets with findings"] = found
    options.figures.parent.mkdir(parents=True, exist_ok=True)
    options.figures.write_text(json.dumps(figures, indent=2) + "\n")
    return int(found > 0)


def _fuzz(name: str, bound: str, findings: Path) -> tuple[int, bool]:
    """Run a target; return the inputs tried, and whether the target held."""
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        command = [sys.executable, "-m", "fuzzing.guided", name, bound, str(corpus), str(findings)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, cwd=ROOT)
    inputs = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    good = done.returncode == 0 and inputs is not None
    if not good:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
    return int(inputs[1]) if inputs else 0, good


if __name__ == "__main__":
    sys.exit(main())
