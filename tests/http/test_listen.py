"""Listen addresses, as text and as sockets."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from exporter.http.server.listen import ListenAddress, ListenError, address_of, bind, parse_listen_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":10587", ListenAddress("", 10587)),
        ("127.0.0.1:10587", ListenAddress("127.0.0.1", 10587)),
        ("[::1]:0", ListenAddress("::1", 0)),
        ("[fe80::1%eth0]:80", ListenAddress("fe80::1%eth0", 80)),
        ("localhost:1", ListenAddress("localhost", 1)),
        ("unix:/run/exporter.sock", ListenAddress(path="/run/exporter.sock")),
    ],
)
def test_an_address_is_read_and_written_the_same_way(text: str, address: ListenAddress) -> None:
    assert parse_listen_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "10587",
        "localhost",
        "",
        "::1:10587",
        "[::g]:1",
        "[127.0.0.1]:1",
        "[::1%]:1",
        "[:::]:1",
        "localhost:",
        "localhost:http",
        ":65536",
        ":-1",
        ":\u0661",
        "http://localhost:80",
        "local host:80",
        "unix:",
    ],
)
def test_what_is_not_an_address_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="listen address") as refusal:
        parse_listen_address(text)
    assert repr(text) in str(refusal.value)


def test_a_refused_address_is_answered_with_examples() -> None:
    with pytest.raises(ValueError, match=r"is invalid: write it like :10587, .* or unix:/run/"):
        parse_listen_address("10587")


def test_no_host_listens_on_both_ip_versions() -> None:
    listeners = bind([ListenAddress()])
    try:
        port = address_of(listeners[0]).port
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=1).close()
    finally:
        listeners.close()


def test_no_host_listens_on_ipv4_alone_where_there_is_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without_ipv6(family: int = -1, kind: int = -1, proto: int = -1, fileno: int | None = None) -> socket.socket:
        if family == socket.AF_INET6 and fileno is None:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return real(family, kind, proto, fileno)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    sock = bind([ListenAddress()])[0]
    monkeypatch.undo()
    with sock:
        assert sock.family == socket.AF_INET
        socket.create_connection(("127.0.0.1", address_of(sock).port), timeout=1).close()


def test_a_port_in_use_is_one_clear_error_and_nothing_stays_bound() -> None:
    taken = bind([ListenAddress("127.0.0.1")])
    address = address_of(taken[0])
    free = bind([ListenAddress("127.0.0.1")])
    other = address_of(free[0])
    free.close()
    try:
        with pytest.raises(ListenError) as refusal:
            bind([other, address])
        assert str(refusal.value) == f"cannot listen on {address}: Address already in use"
        bind([other]).close()
    finally:
        taken.close()


def test_an_unknown_name_and_an_address_of_another_machine_are_clear_errors() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on no\.such\.host\.invalid:1: the name cannot be resolved"):
        bind([ListenAddress("no.such.host.invalid", 1)])
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:1: Cannot assign requested address"):
        bind([ListenAddress("192.0.2.1", 1)])


def test_a_socket_file_is_made_and_removed_again(tmp_path: Path) -> None:
    path = tmp_path / "exporter.sock"
    listeners = bind([ListenAddress(path=str(path))])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listeners.close()
    assert not path.exists()


def test_a_socket_file_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "exporter.sock"
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(path))
    bind([ListenAddress(path=str(path))]).close()


def test_a_socket_file_in_use_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "exporter.sock"
    first = bind([ListenAddress(path=str(path))])
    try:
        with pytest.raises(ListenError, match="another process listens on it"):
            bind([ListenAddress(path=str(path))])
        assert path.is_socket()
    finally:
        first.close()


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ListenError, match="exists and is not a socket"):
        bind([ListenAddress(path=str(path))])
    assert path.read_text() == "data"


def test_a_successors_socket_file_outlives_its_predecessor(tmp_path: Path) -> None:
    path = tmp_path / "exporter.sock"
    first = bind([ListenAddress(path=str(path))])
    path.unlink()
    second = bind([ListenAddress(path=str(path))])
    first.close()
    assert path.is_socket()
    second.close()


def test_a_socket_file_in_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="No such file or directory"):
        bind([ListenAddress(path=str(tmp_path / "missing" / "exporter.sock"))])


def test_a_path_too_long_for_a_socket_file_is_a_clear_error() -> None:
    with pytest.raises(ListenError, match="path too long"):
        bind([ListenAddress(path="/" + "x" * 108)])
