"""A container engine: the one that is running, else Debian's dockerd, started for this run in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


class CannotBeDone(Exception):
    """What is missing here for an image to be built and run, in words."""


@dataclass(frozen=True)
class Engine:
    """A Docker engine: its client's command and what has to be said for containers to reach a network."""

    command: tuple[str, ...]
    network: tuple[str, ...] = ()

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run the client; gives what it printed, on either stream."""
        command = [*self.command, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"docker {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        """Whether the image is there, or can be pulled."""
        for command in ("inspect", "pull"):
            words = ["image", command] if command == "inspect" else [command]
            with suppress(AssertionError):
                self.run(*words, image)
                return True
        return False


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """An engine for as long as inside.

    Raises:
        CannotBeDone: none runs, and none can be started.

    """
    client = shutil.which("docker")
    if client is None:
        raise CannotBeDone("there is no docker client: apt-get install docker.io debootstrap, or start your own engine")
    if subprocess.run([client, "info"], capture_output=True, check=False).returncode == 0:
        yield Engine((client,))
        return
    daemon = shutil.which("dockerd")
    if daemon is None or os.geteuid() != 0:
        raise CannotBeDone("no engine runs, and none can be started: that takes dockerd (Debian: docker.io) and root")
    # The classic builder: not every package of dockerd has what BuildKit needs.
    os.environ["DOCKER_BUILDKIT"] = "0"
    with _started(daemon, folder) as socket:
        yield Engine((client, f"--host=unix://{socket}"), ("--network", "host"))


@contextmanager
def _started(daemon: str, folder: Path) -> Iterator[Path]:
    socket = folder / "docker.sock"
    places = (f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid")
    flags = ("--storage-driver=vfs", "--iptables=false", "--ip6tables=false", "--bridge=none")
    with (folder / "dockerd.log").open("w") as log:
        process = subprocess.Popen(
            [daemon, f"--host=unix://{socket}", *places, *flags],
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(process, socket, folder / "dockerd.log")
        yield socket
    finally:
        process.terminate()
        process.wait(60)
        for mount in sorted(_mounts_below(folder), reverse=True):
            subprocess.run(["umount", "-l", mount], check=False)


def _wait_for(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    ends = time.monotonic() + 60
    while subprocess.run(
        ["docker", f"--host=unix://{socket}", "info"], capture_output=True, check=False
    ).returncode:  # fmt: skip
        if process.poll() is not None or time.monotonic() > ends:
            raise CannotBeDone(f"dockerd does not start here:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _mounts_below(folder: Path) -> list[str]:
    listed = Path("/proc/self/mounts").read_text().splitlines()
    return [line.split()[1] for line in listed if line.split()[1].startswith(f"{folder}/")]
