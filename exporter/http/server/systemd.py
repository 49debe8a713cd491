"""Take listening sockets from systemd (sd_listen_fds(3)), and report the state of the service to it (sd_notify(3)).

Without systemd nothing here has an effect.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping, MutableMapping

from exporter.http.server.listen import ListenError, close_all

_FIRST = 3
_CURE = "start the exporter through its .socket unit, or use --web.listen-address"


def passed_sockets(environ: MutableMapping[str, str] | None = None, first: int = _FIRST) -> list[socket.socket]:
    """Return the listening sockets that systemd passed to this process; the caller owns them.

    The variables are removed, so that no child process takes the sockets for its own.

    Args:
        environ: the environment, by default that of the process.
        first: the descriptor of the first socket.

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


def refuse_passed_sockets(environ: Mapping[str, str] | None = None) -> None:
    """Make sure that systemd passed no sockets: it would accept connections that nobody answers.

    Raises:
        ListenError: it passed some to this process.

    """
    variables = os.environ if environ is None else environ
    if variables.get("LISTEN_FDS", "0") != "0" and variables.get("LISTEN_PID") == str(os.getpid()):
        cure = "add --web.systemd-socket, or start the exporter without its .socket unit"
        raise ListenError(f"systemd passed sockets (LISTEN_FDS) that nothing would answer: {cure}")


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
    """Report READY=1, STOPPING=1 or what `reloading` returns to systemd, if it asks for that (`Type=notify`)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # A service manager that does not listen is no reason to stop serving.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(state.encode())


def reloading() -> str:
    """Return the state during a reload, to be followed by READY=1."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
