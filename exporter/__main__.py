"""`python -m exporter` and the command `mimecast-exporter`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    from exporter.cli import run  # noqa: PLC0415 - so that an interrupt while importing is caught as well

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
