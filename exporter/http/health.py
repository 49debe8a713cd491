"""Asking a running exporter whether it serves, from the flags it was started with.

For containers, which have no curl. Knows sockets and a little HTTP, and neither needs the exporter's web
configuration nor trusts it: that file may have changed since, and the certificate need not name this host.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from exporter.http.server.listen import ListenAddress

_PATH = "/-/healthy"
#: What a server says that wants a client's certificate: it serves, though not us.
_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an exporter serves, and what was found out."""

    ok: bool
    text: str


def check_health(addresses: Sequence[ListenAddress], timeout: float, *, tls_first: bool = False) -> Health:
    """Ask the first address that can be asked, by plain HTTP and TLS, in at most `timeout` seconds.

    `tls_first` says which to try first; both are tried, so a wrong guess costs little.
    """
    deadline = time.monotonic() + timeout
    address = next((address for address in addresses if address.path is not None or address.port), None)
    if address is None:
        return Health(False, "no listen address with a port: there is nothing to ask")
    health = Health(False, f"{address}: no answer in {timeout:g}s")
    for tls in (tls_first, not tls_first):
        for target in _targets(address):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return health
            health, answered = _ask(target, address, remaining, tls=tls)
            if answered:
                return health
    return health


def _targets(address: ListenAddress) -> Iterator[str | tuple[str, int]]:
    """Where to reach an address from this machine: a wildcard is reached on loopback."""
    if address.path is not None:
        yield address.path
    elif address.host in ("", "::"):
        yield from (("127.0.0.1", address.port), ("::1", address.port))
    else:
        yield ("127.0.0.1" if address.host == "0.0.0.0" else address.host), address.port  # noqa: S104 - not bound here


def _ask(target: str | tuple[str, int], address: ListenAddress, timeout: float, *, tls: bool) -> tuple[Health, bool]:
    """What was found out, and whether the exporter itself said so; else another way of asking may do better."""
    deadline = time.monotonic() + timeout
    try:
        with _connect(target, timeout) as plain, _wrapped(plain, tls=tls) as connection:
            status = _read_status(connection, deadline)
            # A TLS server answers plain requests with 400.
            return Health(status == "200", f"{address}: {_PATH} answered {status}"), status != "400"
    except ssl.SSLError as error:
        if error.reason is not None and any(reason in error.reason for reason in _WANTS_CERTIFICATE):
            return Health(True, f"{address}: serves, and wants a client certificate"), True
        return Health(False, f"{address}: TLS failed: {error.reason}"), False
    except TimeoutError:
        return Health(False, f"{address}: no answer in {timeout:.1f}s"), False
    except (OSError, http.client.HTTPException) as error:
        return Health(False, f"{address}: {getattr(error, 'strerror', None) or type(error).__name__}"), False


def _connect(target: str | tuple[str, int], timeout: float) -> socket.socket:
    if not isinstance(target, str):
        return socket.create_connection(target, timeout=timeout)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        sock.connect(target)
    except BaseException:
        sock.close()
        raise
    return sock


def _wrapped(plain: socket.socket, *, tls: bool) -> socket.socket:
    if not tls:
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # It is our own process that answers, and nothing secret is said.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context.wrap_socket(plain)


def _read_status(connection: socket.socket, deadline: float) -> str:
    request = f"GET {_PATH} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: healthcheck\r\nConnection: close\r\n\r\n"
    connection.sendall(request.encode())
    line = b"".join(_until_line_end(connection, deadline))
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
        raise http.client.BadStatusLine("no HTTP")
    return words[1].decode("ascii", "replace")


def _until_line_end(connection: socket.socket, deadline: float) -> Iterable[bytes]:
    """The bytes of the first line, in whatever pieces they come, until the deadline."""
    total = 0
    while total < 4096:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        connection.settimeout(remaining)
        data = connection.recv(1024)
        yield data
        total += len(data)
        if not data or b"\n" in data:
            return
