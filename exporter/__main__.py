"""The entry point of `python -m exporter` and of the command `mimecast-exporter`.

Signals are handled before anything else is imported: importing takes a while, and by default SIGHUP ends a process,
and the kernel drops SIGTERM for process 1.
"""

from __future__ import annotations

import os
import signal
import sys

#: Commands that keep the default signal handling.
_DEFAULT_SIGNAL_COMMANDS = frozenset(("check", "campaigns", "healthcheck", "simulate"))


def main() -> None:
    """Run the command line, and exit with its status."""
    if not _DEFAULT_SIGNAL_COMMANDS.intersection(sys.argv[1:2]):
        handle_early_signals()
    open_standard_streams()
    leave_multiprocess_mode()
    from exporter.cli.parser import run  # noqa: PLC0415 - so that an interrupt during the import is handled as well

    sys.exit(run(sys.argv[1:]))


def handle_early_signals() -> None:
    """End with status 0 on SIGTERM and SIGINT, and keep SIGHUP pending, until the server has handlers of its own."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])


def leave_multiprocess_mode() -> None:
    """Unset the variables that switch prometheus_client to multiprocess mode, which writes metrics to files."""
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        os.environ.pop(name, None)


def open_standard_streams() -> None:
    """Open closed standard streams on the null device, so that no socket gets their file descriptors."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123 - open until the end


if __name__ == "__main__":
    main()
