"""What signals do to a serving process, as a service manager sees it: the exit status, and the last answers."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
import trustme

from tests.http.serving import client_context, request

Process = subprocess.Popen[str]


def _start(*arguments: str) -> Process:
    command = [sys.executable, "-W", "error", "-m", "tests.http.signalled", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _line(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _connect(process: Process) -> socket.socket:
    address = _line(process).removeprefix("listening ")
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5)


@pytest.fixture
def process() -> Iterator[Process]:
    """A process that serves plain HTTP on loopback."""
    running = _start("127.0.0.1:0")
    yield running
    running.kill()
    running.communicate()


@pytest.fixture
def tls_process(tmp_path: Path, authority: trustme.CA) -> Iterator[Process]:
    """A process that serves HTTPS on loopback."""
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    web_config = tmp_path / "web.yml"
    web_config.write_text("tls_server_config: {cert_file: server.pem, key_file: server.pem}")
    running = _start("127.0.0.1:0", str(web_config))
    yield running
    running.kill()
    running.communicate()


#: Seconds in which a process ends even on a busy machine; whatever could hold it would do so for longer.
_TIMEOUT = 10


def _asked(process: Process) -> str:
    """The path of the next request."""
    return _line(process).removeprefix("asked ")


def _ends(process: Process, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Exit status, and what it wrote to stderr."""
    process.send_signal(number)
    _, errors = process.communicate(timeout=_TIMEOUT)
    return process.returncode, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_ends_with_status_0(process: Process, number: signal.Signals) -> None:
    with _connect(process) as idle:
        idle.sendall(request())
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        status, errors = _ends(process, number)
    assert (status, errors) == (0, "")


def test_a_waiting_request_is_answered_when_the_process_stops(process: Process) -> None:
    with _connect(process) as waiting:
        waiting.sendall(request("/wait"))
        assert _asked(process) == "/wait"
        status, errors = _ends(process)
        answer = waiting.makefile("rb").read()
    assert answer.endswith(b"GET /wait\n")
    assert b"connection: close" in answer.lower()
    assert (status, errors) == (0, "")


def test_stalled_readers_and_half_requests_do_not_hold_the_process(process: Process) -> None:
    with _connect(process) as stalled:
        address = stalled.getpeername()
        stalled.sendall(request("/large"))
        with socket.create_connection(address) as half:
            half.sendall(b"GET / HTTP/1.1\r\n")
            assert _asked(process) == "/large"
            status, errors = _ends(process)
    assert (status, errors) == (0, "")


def test_a_tls_process_stops_with_a_handshake_and_a_stalled_reader_open(
    tls_process: Process, authority: trustme.CA
) -> None:
    context = client_context(authority)
    with (
        _connect(tls_process) as raw,
        socket.create_connection(raw.getpeername()),
        context.wrap_socket(raw, server_hostname="localhost") as stalled,
    ):
        stalled.sendall(request("/large"))
        assert _asked(tls_process) == "/large"
        status, errors = _ends(tls_process)
    assert (status, errors) == (0, "")


def test_a_second_signal_changes_nothing(process: Process) -> None:
    with _connect(process) as stalled:
        stalled.sendall(request("/large"))
        assert _asked(process) == "/large"
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "stopping"
        status, errors = _ends(process)
    assert (status, errors) == (0, "")


def test_a_password_being_hashed_does_not_hold_the_process(tmp_path: Path) -> None:
    web_config = tmp_path / "web.yml"
    cheap = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    web_config.write_text(f"basic_auth_users: {{alice: '{cheap.replace('$04$', '$24$')}'}}")  # minutes of work
    process = _start("127.0.0.1:0", str(web_config))
    with _connect(process) as client, socket.create_connection(client.getpeername()) as other:
        client.sendall(request("/", "Authorization: Basic YWxpY2U6eA=="))
        other.sendall(request())  # answered after the other request has been received
        assert other.recv(4096).startswith(b"HTTP/1.1 401")
        assert _ends(process) == (0, "")


def test_sighup_reloads_and_the_process_goes_on(process: Process) -> None:
    with _connect(process) as client:
        process.send_signal(signal.SIGHUP)
        assert _line(process) == "reloading"
        client.sendall(request())
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_sighup_that_was_blocked_before_the_server_started_reloads_once_it_serves() -> None:
    blocked = "import os, runpy, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP]); "
    blocked += "os.kill(os.getpid(), signal.SIGHUP); sys.argv = ['', '127.0.0.1:0']; "
    blocked += "runpy.run_module('tests.http.signalled', run_name='__main__')"
    process = subprocess.Popen(
        [sys.executable, "-c", blocked], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert {_line(process).partition(" ")[0], _line(process)} == {"listening", "reloading"}
    assert _ends(process) == (0, "")


def test_no_client_is_accepted_once_the_process_stops(process: Process) -> None:
    with _connect(process) as client:
        address = client.getpeername()
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "stopping"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=1)


def test_a_plain_request_to_a_tls_port_is_answered_with_what_is_wrong(tls_process: Process) -> None:
    with _connect(tls_process) as client:
        host, port = client.getpeername()
    asking = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    asking.request("GET", "/")
    answer = asking.getresponse()
    assert (answer.status, answer.read()) == (400, b"Client sent an HTTP request to an HTTPS server.\n")
    asking.close()
