"""Take listening sockets from systemd (sd_listen_fds(3)), and report the state of the service to it (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Mapping, MutableMapping

from exporter.http.server.listen import ListenError, Listeners

_REMEDY = "start the exporter through its .socket unit, or use --web.listen-address"


def passed_sockets(environ: MutableMapping[str, str] | None = None, first: int = 3) -> Listeners:
    """Return the listening sockets that systemd passed to this process; the caller owns them.

    The variables are removed, so that child processes do not use them. Raise ListenError if no socket was passed, or
    one that does not listen for streams.
    """
    variables = os.environ if environ is None else environ
    count = _count(variables)
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        variables.pop(name, None)
    if not count:
        raise ListenError(f"--web.systemd-socket: systemd passed no sockets to this process: {_REMEDY}")
    sockets = Listeners()
    try:
        for number in range(first, first + count):
            sockets.append(_listening(number))
    except BaseException:
        sockets.close()
        raise
    return sockets


def refuse_passed_sockets(environ: Mapping[str, str] | None = None) -> None:
    """Raise ListenError if systemd passed sockets: their connections would not be answered."""
    if _count(os.environ if environ is None else environ):
        remedy = "add --web.systemd-socket, or start the exporter without its .socket unit"
        raise ListenError(f"systemd passed sockets (LISTEN_FDS) that nothing would answer: {remedy}")


def _count(variables: Mapping[str, str]) -> int:
    """Return how many sockets were passed to this process, at most 99."""
    count = variables.get("LISTEN_FDS", "")
    is_ours = variables.get("LISTEN_PID") == str(os.getpid())
    return int(count) if is_ours and re.fullmatch("[0-9]{1,2}", count) else 0


def _listening(number: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=number)
    except OSError:
        raise ListenError(f"--web.systemd-socket: file descriptor {number} is not a socket: {_REMEDY}") from None
    listens = sock.type == socket.SOCK_STREAM and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens or sock.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        sock.close()
        raise ListenError(
            f"--web.systemd-socket: socket {number} does not listen for streams: "
            "use ListenStream= and Accept=no in the .socket unit"
        )
    sock.set_inheritable(False)
    return sock


def notify(state: str) -> None:
    """Report a state, such as READY=1, to systemd if the service has `Type=notify`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    # The exporter keeps serving if the service manager does not listen.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(state.encode())
