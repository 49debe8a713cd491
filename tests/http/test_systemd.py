"""Sockets passed by systemd, and what systemd is told, through the real protocols."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.http.server.listen import ListenError
from exporter.http.server.systemd import notify, passed_sockets, refuse_passed_sockets

#: A program that passes its socket on to itself as systemd does, then serves it and says what it got.
_ACTIVATED = """
import os, socket, sys
sock = socket.socket()
sock.bind(("127.0.0.1", 0)); sock.listen()
os.dup2(sock.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="http")
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
_TAKES = """
import os
from exporter.http.server.systemd import passed_sockets
[sock] = passed_sockets()
print(sock.getsockname()[0], os.get_inheritable(3), [name for name in os.environ if name.startswith("LISTEN")])
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A listening socket."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def environment(**changes: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", **changes}


def test_a_process_takes_the_sockets_it_was_passed_and_passes_them_no_further() -> None:
    done = subprocess.run([sys.executable, "-c", _ACTIVATED, _TAKES], capture_output=True, text=True, check=True)
    assert done.stdout == "127.0.0.1 False []\n"


def test_sockets_that_are_passed_are_taken(listening: socket.socket) -> None:
    [sock] = passed_sockets(environment(), first=os.dup(listening.fileno()))
    with sock:
        assert sock.getsockname() == listening.getsockname()


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "systemd passed no sockets to this process: start the exporter through its .socket unit"),
        (environment(LISTEN_PID="1"), "passed no sockets to this process"),
        (environment(LISTEN_PID=""), "passed no sockets to this process"),
        (environment(LISTEN_FDS="0"), "passed no sockets to this process"),
        (environment(LISTEN_FDS="x"), "passed no sockets to this process"),
        (environment(LISTEN_FDS="1000000"), "passed no sockets to this process"),
    ],
)
def test_no_sockets_is_a_clear_error(variables: dict[str, str], reason: str) -> None:
    with pytest.raises(ListenError, match=r"^--web\.systemd-socket: ") as refusal:
        passed_sockets(variables)
    assert reason in str(refusal.value)


def test_what_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, pytest.raises(ListenError, match="does not listen for streams"):
        passed_sockets(environment(), first=os.dup(idle.fileno()))
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, pytest.raises(ListenError, match="use ListenStream="):
        passed_sockets(environment(), first=os.dup(datagrams.fileno()))


def test_what_is_no_socket_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file, pytest.raises(ListenError, match="is not a socket"):
        passed_sockets(environment(), first=file.fileno())


def test_systemd_is_notified_of_start_reload_and_stop(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.http.signalled", "127.0.0.1:0"],
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stdout=subprocess.DEVNULL,
        )
        try:
            assert manager.recv(100) == b"READY=1"
            process.send_signal(signal.SIGHUP)
            assert manager.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert manager.recv(100) == b"READY=1"
            process.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert process.wait(5) == 0
        finally:
            process.kill()
            process.wait()


def test_a_manager_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")


def test_sockets_that_are_passed_without_the_flag_are_refused_in_one_line() -> None:
    with pytest.raises(ListenError, match=r"systemd passed sockets .* add --web\.systemd-socket"):
        refuse_passed_sockets(environment())


@pytest.mark.parametrize("variables", [{}, environment(LISTEN_PID="1"), environment(LISTEN_FDS="0")])
def test_without_sockets_of_its_own_a_process_needs_no_flag(variables: dict[str, str]) -> None:
    refuse_passed_sockets(variables)


def test_the_exporter_does_not_start_if_it_would_ignore_a_passed_socket(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "accounts: [{name: acme, base_url: 'http://127.0.0.1:1', "
        "hmac: {app_id: a, app_key: b, access_key: c, secret_key: YQ==}}]"
    )
    starts = (
        "import sys; from exporter.__main__ import main; "
        f"sys.argv = ['', '--config.file={tmp_path}/config.yaml', '--web.listen-address=127.0.0.1:0']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", _ACTIVATED, starts], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "add --web.systemd-socket" in done.stderr
