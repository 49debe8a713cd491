"""One target under atheris, in a process of its own: `python -m fuzzing.guided target bound corpus findings`.

`bound` is a flag of libFuzzer's, `-max_total_time=…` or `-runs=…`. What the target imports is instrumented.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(name: str, bound: str, corpus: str, findings: str) -> None:
    """Fuzz; the process ends with another status than 0 where something was found, and keeps the input."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["exporter"]):
        from fuzzing.targets import target  # noqa: PLC0415 - imported to be instrumented

        chosen = target(name)
    for number, seed in enumerate(chosen.seeds):
        (Path(corpus) / f"seed-{number}").write_bytes(seed)
    dictionary = Path(corpus).with_suffix(".dict")
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in chosen.words))
    flags = [bound, f"-dict={dictionary}", f"-artifact_prefix={findings}/", "-timeout=60", "-seed=1"]
    atheris.Setup([sys.argv[0], *flags, "-max_len=8192", "-print_final_stats=1", corpus], chosen.hold)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(*sys.argv[1:])
