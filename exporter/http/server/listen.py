"""Parse listen addresses and bind sockets to them.

Addresses are written as for every Prometheus exporter (`:10587`, `127.0.0.1:10587`, `[::1]:10587`), or as
`unix:/path`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_EXAMPLES = ":10587, 127.0.0.1:10587, [::1]:10587 or unix:/run/mimecast-exporter.sock"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+(?:%[^\]]+)?\]|[\w.-]*):([0-9]{1,5})", re.ASCII)


class ListenError(OSError):
    """The exporter cannot listen on an address. The text names the address and the cause."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """One address to listen on: `host` and `port`, or the `path` of a Unix socket.

    An empty `host` means all interfaces. Port 0 lets the kernel choose.
    """

    host: str = ""
    port: int = 0
    path: str | None = None

    def __str__(self) -> str:
        """Return the address as the user would write it."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Parse a value of `--web.listen-address`; raise ValueError with examples if it is invalid."""
    path = text.removeprefix("unix:")
    if path not in ("", text):
        return ListenAddress(path=path)
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match[2]) > 65535:
        raise ValueError(f"listen address {text!r} is invalid: write it like {_EXAMPLES}")
    host = match[1]
    if host.startswith("["):
        host = host[1:-1]
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise ValueError(f"listen address {text!r}: {error}") from None
    return ListenAddress(host, int(match[2]))


class Listeners(list[socket.socket]):
    """Listening sockets, and the socket files to remove when they are closed."""

    def __init__(self) -> None:
        super().__init__()
        #: Socket files created here with their inodes, so that no other file is removed.
        self._files: list[tuple[Path, int]] = []

    def listen_on(self, address: ListenAddress) -> None:
        """Listen on one more address; raise ListenError if that fails."""
        try:
            if address.path is None:
                self.append(_bind_tcp(address))
            else:
                path = Path(address.path)
                self.append(_bind_unix(path))
                self._files.append((path, path.lstat().st_ino))
        except socket.gaierror as error:
            raise ListenError(f"cannot listen on {address}: the name cannot be resolved ({error})") from None
        except OSError as error:
            cause = os.strerror(error.errno) if error.errno else str(error)
            raise ListenError(f"cannot listen on {address}: {cause}") from error

    def close(self) -> None:
        """Close the sockets and remove the socket files created here."""
        for sock in self:
            sock.close()
        for path, inode in self._files:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == inode:
                    path.unlink()
        self._files.clear()


def bind(addresses: Iterable[ListenAddress]) -> Listeners:
    """Listen on all addresses, or raise ListenError and listen on none."""
    listeners = Listeners()
    try:
        for address in addresses:
            listeners.listen_on(address)
    except BaseException:
        listeners.close()
        raise
    return listeners


def address_of(sock: socket.socket) -> ListenAddress:
    """Return the address of a socket, with the real port in place of port 0."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return ListenAddress(path=name)
    return ListenAddress(str(name[0]), int(name[1]))


def _bind_tcp(address: ListenAddress) -> socket.socket:
    """Listen on both IP versions if no host is given; for a name prefer IPv4, as Go's listeners do."""
    if address.host in ("", "::") and socket.has_dualstack_ipv6():
        sock = socket.create_server(("::", address.port), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        host = address.host or "0.0.0.0"  # noqa: S104 - all interfaces is what `:port` asks for
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, name = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        sock = socket.create_server(name, family=family)
    # Connections inherit it on Linux; asyncio would set it only for sockets that name their protocol.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _bind_unix(path: Path) -> socket.socket:
    _remove_abandoned(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(path))
        sock.listen()
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_abandoned(path: Path) -> None:
    """Remove the socket file of a process that was killed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError("the file exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError("another process listens on it")
