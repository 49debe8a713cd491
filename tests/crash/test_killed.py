"""Killed without a word at any moment: what starts again at the same addresses serves at once."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from exporter.simulator import Fault, Simulator
from tests.commands import Running, running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def after(seconds: float) -> Callable[[Running, int], None]:
    """Let the process come so far."""
    return lambda process, port: time.sleep(seconds)


def while_it_listens(process: Running, port: int) -> None:
    process.wait_for("msg=listening")


def while_it_fetches(process: Running, port: int) -> None:
    process.wait_for("msg=listening")
    with socket.create_connection(("127.0.0.1", port)) as scraping:
        scraping.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.1)


def while_it_reloads(process: Running, port: int) -> None:
    process.wait_for("msg=listening")
    process.process.send_signal(signal.SIGHUP)


def while_it_stops(process: Running, port: int) -> None:
    process.wait_for("msg=listening")
    process.process.send_signal(signal.SIGTERM)


MOMENTS = {f"{seconds} s after its start": after(seconds) for seconds in (0.0, 0.1, 0.2, 0.3, 0.4)} | {
    "while it listens": while_it_listens,
    "while it fetches": while_it_fetches,
    "while it reloads": while_it_reloads,
    "while it stops": while_it_stops,
}


def test_a_process_killed_at_any_moment_leaves_nothing_in_the_way_of_the_next(
    config: Path, simulator: Simulator, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    port, path = free_port(), tmp_path / "exporter.sock"
    before = set(tmp_path.iterdir()) | {path}
    flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}", f"--web.listen-address=unix:{path}")
    for come_so_far in MOMENTS.values():
        simulator.faults.add(Fault(delay=2.0))
        with running("serve", *flags) as process:
            come_so_far(process, port)
            process.process.kill()
            process.process.wait(10)
        simulator.faults.clear()
        with running("serve", *flags) as process:
            process.wait_for("msg=listening")
            for transport in (None, httpx.HTTPTransport(uds=str(path))):
                with httpx.Client(transport=transport, trust_env=False) as client:
                    text = client.get(f"http://127.0.0.1:{port}/metrics").text
                    assert text.count("\nmimecast_up{") == text.count("} 1\nmimecast_up{") + 1 == 2, text
            assert process.end() == 0
    assert set(tmp_path.iterdir()) <= before
    record_property("kill -9 at different moments, each followed by a start that serves at once", len(MOMENTS))


def test_two_of_them_at_one_address_are_distinguished(config: Path) -> None:
    with running("serve", f"--config.file={config}", "--web.listen-address=127.0.0.1:0") as first:
        address = first.base_url.removeprefix("http://")
        with running("serve", f"--config.file={config}", f"--web.listen-address={address}") as second:
            assert second.process.wait(20) == 1
            assert "already" in second.output or "in use" in second.output
        assert httpx.get(first.base_url + "/-/healthy", trust_env=False).status_code == 200
