"""Run the exporter, and send it a signal while it looks for the N-th module that it imports.

Arguments: N, the signal's number, then the exporter's own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from exporter.__main__ import main


class _SignalOnImport:
    """Finds no module; counts what is looked for."""

    def __init__(self, left: int, number: int) -> None:
        self.left = left
        self.number = number

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)
        return None


if __name__ == "__main__":
    sys.meta_path.insert(0, _SignalOnImport(int(sys.argv.pop(1)), int(sys.argv.pop(1))))
    main()
