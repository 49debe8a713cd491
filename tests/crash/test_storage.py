"""Nothing can be written: full disks, closed or broken outputs, no home and no place for temporary files."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.simulator import Fault, Simulator
from tests.commands import COMMAND


def close_outputs() -> None:
    os.close(1)
    os.close(2)


def write_no_file() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def a_pipe_nobody_reads() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@contextmanager
def serving(config: Path, **options: Any) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The exporter started in this way, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [*COMMAND, "serve", f"--config.file={config}", f"--web.listen-address={address}", "--log.level=debug"]
    process = subprocess.Popen(command, **options)
    try:
        yield process, f"http://{address}"
    finally:
        process.kill()
        process.wait(10)


def until_it_answers(process: subprocess.Popen[bytes], url: str) -> httpx.Response:
    ends = time.monotonic() + 20
    while True:
        try:
            return httpx.get(url, trust_env=False, timeout=20)
        except httpx.ConnectError:
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.02)


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


WAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "logs go to a full disk": lambda: {"stdout": full(), "stderr": full()},
    "logs go to a pipe that broke": lambda: {"stdout": a_pipe_nobody_reads(), "stderr": a_pipe_nobody_reads()},
    "outputs are closed": lambda: {"preexec_fn": close_outputs},
    "no file may grow": lambda: {"preexec_fn": write_no_file, "stderr": subprocess.DEVNULL},
    "no home and no place for temporary files": lambda: {
        "env": {"PATH": os.environ["PATH"], "TMPDIR": "/nonexistent", "HOME": "/nonexistent"},
        "stderr": subprocess.DEVNULL,
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_where_nothing_can_be_written_scrapes_are_answered_and_the_end_is_clean(
    config: Path, simulator: Simulator, way: str
) -> None:
    options = WAYS[way]()
    with serving(config, **options) as (process, url):
        assert until_it_answers(process, url + "/metrics").text.count("} 1\n") > 2
        simulator.faults.add(Fault(status=503))
        process.send_signal(signal.SIGHUP)
        for path in ("/metrics", "/", "/config", "/nonsense", "/probe?target=acme"):
            assert httpx.get(url + path, trust_env=False).status_code == (404 if path == "/nonsense" else 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    for output in ("stdout", "stderr"):
        if isinstance(options.get(output), int) and options[output] >= 0:
            os.close(options[output])
