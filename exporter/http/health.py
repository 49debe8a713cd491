"""Check that a running exporter serves, for health checks in containers without curl.

Certificates are not verified: they need not name this host, and nothing secret is sent.
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
#: TLS alerts of a server that requires a client certificate: it serves.
_CERTIFICATE_ALERTS = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an exporter serves, and a description of the result."""

    ok: bool
    text: str


def check_health(addresses: Sequence[ListenAddress], timeout: float, *, tls_first: bool = False) -> Health:
    """Request the first address that has a port or a path, over plain HTTP and over TLS (first if `tls_first`).

    `timeout` is the time limit in seconds for both.
    """
    address = next((address for address in addresses if address.path is not None or address.port), None)
    if address is None:
        return Health(False, "no listen address with a port to connect to")
    return asyncio.run(_check(address, timeout, tls_first))


async def _check(address: ListenAddress, timeout: float, tls_first: bool) -> Health:
    try:
        async with asyncio.timeout(timeout):
            health, is_final = await _ask(address, tls=tls_first)
            return health if is_final else (await _ask(address, tls=not tls_first))[0]
    except TimeoutError:
        return Health(False, f"{address}: no answer in {timeout:g}s")


async def _ask(address: ListenAddress, *, tls: bool) -> tuple[Health, bool]:
    """Return the health, and whether it is final; otherwise the caller tries the other protocol."""
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
    """Return the status of the response; raise ValueError if it is not HTTP."""
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
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
