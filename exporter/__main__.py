"""`python -m exporter` and the command `mimecast-exporter`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    open_standard_streams()
    from exporter.cli.parser import run  # noqa: PLC0415 - so that an interrupt while importing is caught as well

    sys.exit(run(sys.argv[1:]))


def open_standard_streams() -> None:
    """Let streams that were closed lead nowhere: their numbers would be those of the next sockets."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - open until the end


if __name__ == "__main__":
    main()
