"""Ask a running exporter whether it serves, for containers that have no curl.

This needs only the listen addresses, not the web configuration: that file may have changed since the start, and the
certificate need not name this host.
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
#: The alerts of a server that requires a client's certificate, and therefore serves.
_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an exporter serves, and the finding in words."""

    ok: bool
    text: str


def check_health(addresses: Sequence[ListenAddress], timeout: float, *, tls_first: bool = False) -> Health:
    """Ask the first address that has a port or a path, by plain HTTP and by TLS.

    Args:
        addresses: where the exporter listens.
        timeout: seconds for everything.
        tls_first: which of the two to try first.

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
    """Yield where to reach an address from this machine: a wildcard is reached on loopback."""
    if address.path is not None:
        yield address.path
    elif address.host in ("", "::"):
        yield from (("127.0.0.1", address.port), ("::1", address.port))
    else:
        yield ("127.0.0.1" if address.host == "0.0.0.0" else address.host), address.port  # noqa: S104 - not bound here


def _ask(target: str | tuple[str, int], address: ListenAddress, timeout: float, *, tls: bool) -> tuple[Health, bool]:
    """Return the finding, and whether it is final; otherwise the caller tries the next way."""
    deadline = time.monotonic() + timeout
    try:
        with _connect(target, timeout) as plain, _wrapped(plain, tls=tls) as connection:
            status = _read_status(connection, deadline)
            # A TLS server answers a plain request with 400.
            return Health(status == "200", f"{address}: {_PATH} answered {status}"), status != "400"
    except ssl.SSLError as error:
        if error.reason is not None and any(reason in error.reason for reason in _CERTIFICATE_ALERTS):
            return Health(True, f"{address}: serves, and requires a client certificate"), True
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
    # Our own process answers, and nothing secret is sent.
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
    """Yield the bytes up to the end of the first line, as they arrive; raise TimeoutError at the deadline."""
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
