"""One target under atheris, in a process of its own: `python -m fuzzing.guided target seconds corpus findings`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(name: str, seconds: str, corpus: str, findings: str) -> None:
    """Fuzz; the process ends with another status than 0 where something was found, and keeps the input."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["exporter"]):
        from fuzzing.targets import target  # noqa: PLC0415 - imported to be instrumented

        chosen = target(name)
    for number, seed in enumerate(chosen.seeds):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)
    dictionary = Path(corpus).with_suffix(".dict")
    dictionary.write_text("".join('"%s"\n' % "".join(f"\\x{byte:02x}" for byte in word) for word in chosen.words))
    flags = [f"-max_total_time={seconds}", f"-dict={dictionary}", f"-artifact_prefix={findings}/", "-timeout=30"]
    atheris.Setup(
        [sys.argv[0], *flags, "-seed=1", "-max_len=8192", "-print_final_stats=1", corpus], chosen.hold
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
