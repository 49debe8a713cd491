"""Parse listen addresses and bind sockets to them.

Addresses are written as for every Prometheus exporter (`:10587`, `127.0.0.1:10587`, `[::1]:10587`), or as
`unix:/path`.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_BACKLOG = 512
_EXAMPLES = ":10587, 127.0.0.1:10587, [::1]:10587 or unix:/run/mimecast-exporter.sock"
#: The size of the kernel's `sun_path` without its closing zero byte.
_MAX_UNIX_PATH = 107

_ADVICE = {
    errno.EADDRINUSE: "the address is already in use: stop the other process or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "permission denied (ports below 1024 need CAP_NET_BIND_SERVICE; a socket file, a writable folder)",
    errno.EPERM: "permission denied",
    errno.ENOENT: "the folder of the socket file does not exist",
    errno.ENOTDIR: "a part of the path of the socket file is no folder",
    errno.EROFS: "the file system of the socket file is read-only",
}


class ListenError(OSError):
    """The exporter cannot listen on an address. The text names the address and what to do."""


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
    """Parse a value of `--web.listen-address`; raise ValueError with advice when it is not an address."""
    if text.startswith("unix:"):
        return _parse_unix(text)
    if "://" in text:
        raise ValueError(f"listen address {text!r}: write it without a scheme, such as {_EXAMPLES}")
    host, colon, port = text.rpartition(":")
    if not colon:
        cure = f"write :{text}" if text.isdecimal() else f"add a port, such as {text or 'localhost'}:10587"
        raise ValueError(f"listen address {text!r} has no port: {cure}")
    return ListenAddress(_parse_host(host, text), _parse_port(port, text))


def parse_listen_addresses(texts: Iterable[str]) -> list[ListenAddress]:
    """Parse all values of a repeated flag; raise ValueError like `parse_listen_address`."""
    return [parse_listen_address(text) for text in texts]


def _parse_unix(text: str) -> ListenAddress:
    path = text.removeprefix("unix:")
    if not path:
        raise ValueError(f"listen address {text!r} has no path: write unix:/run/mimecast-exporter.sock")
    if "\0" in path or len(path.encode()) > _MAX_UNIX_PATH:
        raise ValueError(f"listen address {text!r}: a socket's path has at most {_MAX_UNIX_PATH} bytes")
    return ListenAddress(path=path)


def _parse_host(host: str, text: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        address = host[1:-1]
        try:
            socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
        except OSError:
            raise ValueError(f"listen address {text!r}: {address!r} is no IPv6 address") from None
        return address
    if ":" in host:
        raise ValueError(f"listen address {text!r}: put an IPv6 address in brackets, such as [::1]:10587")
    if "[" in host or "]" in host or any(not character.isprintable() or character in " /" for character in host):
        raise ValueError(f"listen address {text!r} is not understood: write {_EXAMPLES}")
    return host


def _parse_port(port: str, text: str) -> int:
    if not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise ValueError(f"listen address {text!r}: the port is a number from 0 to 65535")
    return int(port)


class Listeners(list[socket.socket]):
    """Listening sockets, and the socket files to remove after them."""

    def __init__(self) -> None:
        super().__init__()
        #: Socket files made here, with the inode each had: only that very file is removed again.
        self._files: list[tuple[Path, int]] = []

    def listen_on(self, address: ListenAddress) -> None:
        """Listen on one more address; raise ListenError when that is not possible."""
        if address.path is None:
            self.append(_bind_tcp(address))
            return
        self.append(_bind_unix(address.path))
        path = Path(address.path)
        self._files.append((path, path.lstat().st_ino))

    def close(self) -> None:
        """Close the sockets and remove the socket files made here."""
        close_all(self)
        for path, inode in self._files:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == inode:
                    path.unlink()
        self._files.clear()


def bind(addresses: Iterable[ListenAddress]) -> Listeners:
    """Listen on all of the addresses, or on none: ListenError names the first that is not possible."""
    listeners = Listeners()
    try:
        for address in addresses:
            listeners.listen_on(address)
    except BaseException:
        listeners.close()
        raise
    return listeners


def release(sockets: Sequence[socket.socket]) -> None:
    """Close listening sockets; those of `bind` also lose the socket files it made."""
    if isinstance(sockets, Listeners):
        sockets.close()
    else:
        close_all(sockets)


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close each of the sockets."""
    for sock in sockets:
        sock.close()


def address_of(sock: socket.socket) -> ListenAddress:
    """Return where a socket listens: port 0 has become the real port."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return ListenAddress(path=name)
    return ListenAddress(str(name[0]), int(name[1]))


def _bind_tcp(address: ListenAddress) -> socket.socket:
    failure: OSError | None = None
    for family, sockaddr in _candidates(address):
        try:
            return _listening(family, sockaddr, dual_stack=address.host in ("", "::"))
        except OSError as error:
            # A machine without IPv6 says one of these; its IPv4 is then tried. A port in use is final.
            failure = failure or error
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                break
    raise _refusal(str(address), failure) from failure


def _candidates(
    address: ListenAddress,
) -> Iterator[tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]]:
    """Yield the socket addresses to try. Of a name's addresses IPv4 is preferred, as Go's listeners do."""
    if not address.host:
        yield socket.AF_INET6, ("::", address.port, 0, 0)
        yield socket.AF_INET, ("0.0.0.0", address.port)  # noqa: S104 - all interfaces is what `:port` asks for
        return
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ListenError(f"cannot listen on {address}: the name cannot be resolved ({error})") from None
    for family, _, _, _, sockaddr in sorted(found, key=lambda entry: entry[0] != socket.AF_INET):
        yield family, tuple(sockaddr)


def _listening(
    family: socket.AddressFamily, sockaddr: tuple[str | int | bytes, ...] | str, *, dual_stack: bool = False
) -> socket.socket:
    # The protocol is named because asyncio only then turns Nagle's algorithm off.
    sock = socket.socket(family, socket.SOCK_STREAM, 0 if family == socket.AF_UNIX else socket.IPPROTO_TCP)
    try:
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual_stack else 1)
        sock.bind(sockaddr)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_unix(path: str) -> socket.socket:
    try:
        _remove_abandoned(Path(path))
        return _listening(socket.AF_UNIX, path)
    except ListenError:
        raise
    except OSError as error:
        raise _refusal(f"unix:{path}", error) from error


def _remove_abandoned(path: Path) -> None:
    """Remove the socket file of a process that was killed; never anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"cannot listen on unix:{path}: the file exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ListenError(f"cannot listen on unix:{path}: another process listens on it")


def _refusal(address: str, error: OSError | None) -> ListenError:
    if error is None:
        return ListenError(f"cannot listen on {address}: the name has no address")
    cure = _ADVICE.get(error.errno or 0, error.strerror or str(error))
    refusal = ListenError(f"cannot listen on {address}: {cure}")
    refusal.errno = error.errno
    return refusal
