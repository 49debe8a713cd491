"""What systemd passes and wants to know: listening sockets (`--web.systemd-socket`) and the state of the service.

Knows the two protocols, sd_listen_fds(3) and sd_notify(3); outside systemd nothing here does anything.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping

from exporter.http.server.listen import ListenError, close_all

_FIRST = 3
_CURE = "start the exporter through its .socket unit, or use --web.listen-address"


def passed_sockets(environ: MutableMapping[str, str] | None = None, first: int = _FIRST) -> list[socket.socket]:
    """The listening sockets systemd passed to this process, which are now the caller's.

    The variables are removed, so that no child process takes the sockets for its own. `first` is the number of
    the first one.

    Raises:
        ListenError: none was passed, or one is not a listening stream socket.

    """
    variables = os.environ if environ is None else environ
    process, count = variables.pop("LISTEN_PID", ""), variables.pop("LISTEN_FDS", "")
    variables.pop("LISTEN_FDNAMES", None)
    if not count:
        raise ListenError(f"--web.systemd-socket: systemd passed no sockets: {_CURE}")
    if process != str(os.getpid()):
        raise ListenError(f"--web.systemd-socket: the sockets are for another process (LISTEN_PID): {_CURE}")
    if not (count.isascii() and count.isdecimal()) or not 1 <= int(count) <= 64:
        raise ListenError(f"--web.systemd-socket: LISTEN_FDS is no number of sockets: {_CURE}")
    sockets: list[socket.socket] = []
    try:
        for number in range(first, first + int(count)):
            sockets.append(_listening(number))
    except BaseException:
        close_all(sockets)
        raise
    return sockets


def _listening(number: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=number)
    except OSError:
        raise ListenError(f"--web.systemd-socket: file descriptor {number} is no socket: {_CURE}") from None
    listens = sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens or sock.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        sock.close()
        raise ListenError(
            f"--web.systemd-socket: socket {number} does not listen for streams: "
            "use ListenStream= and Accept=no in the .socket unit"
        )
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def notify(state: str) -> None:
    """Tell systemd, where it wants to know (`Type=notify`): READY=1, STOPPING=1 or what `reloading` gives."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A service manager that does not listen is no reason to stop serving.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(state.encode())


def reloading() -> str:
    """The state while the configuration is read anew, to be followed by READY=1."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
