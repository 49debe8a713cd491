"""What is a request we take: bounds on bytes, and shapes refused in which a second request could hide.

Knows HTTP/1.1's rules, one request at a time, as a parser tells of it; knows nothing of sockets, time or the
application. The parser (llhttp) refuses what is no HTTP; here stand the rules it leaves to its users: sizes, the Host
header (RFC 9112, 3.2) and transfer codings (RFC 9112, 6.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Literal, TypedDict
from urllib.parse import unquote_to_bytes

from exporter.http.server.limits import Limits

#: What a head has beside target and headers, at most: the longest method, the version, blanks and ends of lines.
_FRAME = 64

#: What the peer is about to send: a request, the rest of a request's head, the rest of its body.
Owed = Literal["request", "head", "body"]


class Head(TypedDict):
    """What ASGI's scope of a request takes from its head, beside the headers."""

    method: str
    http_version: str
    path: str
    raw_path: bytes
    query_string: bytes


class Refused(Exception):
    """The request is not taken. `status` is what the peer is told."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Admission:
    """The requests of one connection, one after the other."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.owed: Owed = "request"
        self._forget()

    def _forget(self) -> None:
        self.target = b""
        #: Whether the request at hand is a HEAD, whose answer has no body.
        self.is_head = False
        #: Whether the peer waits for word before it sends the body.
        self.expects_continue = False
        self._head_bytes = 0
        self._body_bytes = 0
        self._received = 0
        self._hosts = 0
        self._codings = 0
        self._length = 0

    def begin(self) -> None:
        """Take the first byte of a request."""
        self.owed = "head"
        self._forget()

    def received(self, size: int) -> None:
        """Take note of bytes read in which a head begun before did not end.

        A header is told when it is whole, so that nothing else counts one that never ends. Raises Refused.
        """
        self._received += size
        if self._received > self._limits.header_bytes + _FRAME:
            raise Refused(431)

    def take_target(self, piece: bytes) -> None:
        """Take a piece of the request's target; raises Refused."""
        self.target += piece
        self._head_bytes += len(piece)
        if len(self.target) > self._limits.target_bytes:
            raise Refused(414)

    def take_header(self, name: bytes, value: bytes) -> None:
        """Take a header, its name in lower case, or a trailer; raises Refused."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.header_bytes:
            raise Refused(431)
        if self.owed == "body":
            return
        if name == b"host":
            self._hosts += 1
        elif name == b"content-length":
            self._length = int(value)
        elif name == b"expect":
            self.expects_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding":
            self._codings += 1
            if value.lower() != b"chunked" or self._codings > 1:
                raise Refused(501)

    def end_head(self, method: bytes, version: str) -> Head:
        """Take the end of a request's head, and give what the application is told of it; raises Refused."""
        self.is_head = method == b"HEAD"
        if not version.startswith("1."):
            raise Refused(505)
        if self._hosts > 1 or (not self._hosts and version != "1.0"):
            raise Refused(400)
        if self._codings and version == "1.0":
            # Two intermediaries that read such a request differently see two different requests.
            raise Refused(400)
        if self._length > self._limits.body_bytes:
            raise Refused(413)
        self.owed = "body"
        path, _, query = self.target.partition(b"?")
        return {
            "method": method.decode("ascii"),
            "http_version": version,
            "path": unquote_to_bytes(path).decode("utf-8", "replace") if b"%" in path else path.decode("latin-1"),
            "raw_path": path,
            "query_string": query,
        }

    def take_body(self, size: int) -> None:
        """Take a piece of the request's body; raises Refused."""
        self._body_bytes += size
        if self._body_bytes > self._limits.body_bytes:
            raise Refused(413)

    def end(self) -> None:
        """Take the end of a request."""
        self.owed = "request"


def refusal(status: int, headers: Sequence[tuple[bytes, bytes]], *, is_head: bool) -> bytes:
    """The whole answer to a request that is not taken, under these headers and those that it needs."""
    phrase = HTTPStatus(status).phrase
    body = f"{status} {phrase}\n".encode()
    needed = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = [f"HTTP/1.1 {status} {phrase}".encode(), *(b"%b: %b" % header for header in (*headers, *needed)), b"", b""]
    return b"\r\n".join(lines) + (b"" if is_head else body)
