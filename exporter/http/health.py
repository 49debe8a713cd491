"""Ask a running exporter whether it serves, for containers that have no curl.

This needs only the listen addresses, not the web configuration: that file may have changed since the start, and the
certificate need not name this host.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.http.server.listen import ListenAddress

_PATH = "/-/healthy"
_REQUEST = f"GET {_PATH} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: healthcheck\r\nConnection: close\r\n\r\n".encode()
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
    address = next((address for address in addresses if address.path is not None or address.port), None)
    if address is None:
        return Health(False, "no listen address with a port: there is nothing to ask")
    return asyncio.run(_check(address, timeout, tls_first))


async def _check(address: ListenAddress, timeout: float, tls_first: bool) -> Health:
    try:
        async with asyncio.timeout(timeout):
            health, is_final = await _ask(address, tls=tls_first)
            return health if is_final else (await _ask(address, tls=not tls_first))[0]
    except TimeoutError:
        return Health(False, f"{address}: no answer in {timeout:g}s")


async def _ask(address: ListenAddress, *, tls: bool) -> tuple[Health, bool]:
    """Return the finding, and whether it is final; otherwise the caller tries the other way."""
    try:
        status = await _status(address, tls=tls)
    except ssl.SSLError as error:
        if error.reason is not None and any(reason in error.reason for reason in _CERTIFICATE_ALERTS):
            return Health(True, f"{address}: serves, and requires a client certificate"), True
        return Health(False, f"{address}: TLS failed: {error.reason}"), False
    except OSError as error:
        known = error.errno is not None and error.errno > 0
        return Health(False, f"{address}: {os.strerror(error.errno or 0) if known else error}"), False
    except ValueError:
        return Health(False, f"{address}: the answer is not HTTP"), False
    # A TLS server answers a plain request with 400.
    return Health(status == 200, f"{address}: {_PATH} answered {status}"), status != 400


async def _status(address: ListenAddress, *, tls: bool) -> int:
    """Return the status of an answer; raise ValueError when it is not HTTP."""
    context = _tls_context() if tls else None
    if address.path is not None:
        name = "localhost" if tls else None
        reader, writer = await asyncio.open_unix_connection(address.path, ssl=context, server_hostname=name)
    else:
        # A listener on all interfaces is reached on loopback.
        host = address.host if address.host not in ("", "::", "0.0.0.0") else "127.0.0.1"  # noqa: S104 - not bound here
        reader, writer = await asyncio.open_connection(host, address.port, ssl=context)
    try:
        writer.write(_REQUEST)
        protocol, status, *_ = [*(await reader.readline()).split(), b"", b""]
        if not protocol.startswith(b"HTTP/1."):
            raise ValueError("not HTTP")
        return int(status)
    finally:
        writer.transport.abort()


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Our own process answers, and nothing secret is sent.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
