"""Running the installed command as a user does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: The command of this Python's environment, else the module, never the working directory's.
COMMAND: Sequence[str] = (
    [str(Path(sys.executable).with_name("mimecast-exporter"))]
    if os.environ.get("EXPORTER_TESTS_INSTALLED")
    else [sys.executable, "-m", "exporter"]
)
#: How the image sets up the allocator.
ALLOCATOR = dict(re.findall(r"(MALLOC_\w+)=(\S+)", (Path(__file__).parent.parent / "Dockerfile").read_text()))
_TIMEOUT = 30.0


def run(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        env={**os.environ, **(environ or {})},
        check=False,
    )


@dataclass
class Running:
    """A command that runs: its output so far, by stream, and the address it told."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def output(self) -> str:
        """Everything it has printed, on either stream."""
        return "".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in the output; fails where the process ends or time runs out without one."""
        with self.changed:
            matched = self.changed.wait_for(
                lambda: re.search(pattern, self.output) or self.process.poll() is not None, _TIMEOUT
            )
        found = re.search(pattern, self.output)
        assert matched, f"nothing matched {pattern!r} in time:\n{self.output}"
        assert found, f"it ended without {pattern!r}:\n{self.output}"
        return found

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return "http://" + self.wait_for(r"msg=listening address=(\S+)")[1]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; gives the exit status."""
        self.process.send_signal(number)
        return self.process.wait(_TIMEOUT)


@contextmanager
def running(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run a command for as long as inside."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
    )
    started = Running(process)
    reader = threading.Thread(target=_read, args=(started,), daemon=True)
    reader.start()
    try:
        yield started
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(_TIMEOUT)
        reader.join(_TIMEOUT)
        assert process.stdout is not None
        process.stdout.close()


def _read(running: Running) -> None:
    assert running.process.stdout is not None
    for line in running.process.stdout:
        with running.changed:
            running.lines.append(line)
            running.changed.notify_all()
    running.process.wait()
    with running.changed:
        running.changed.notify_all()
