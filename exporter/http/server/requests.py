"""Split the bytes of one connection into complete requests, and refuse ambiguous ones.

uvicorn receives each request in a canonical form: an origin-form target, one `Host`, `Content-Length` instead of
chunks and trailers, and no `Upgrade`, after which llhttp would stop parsing HTTP.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from exporter.http.server.limits import Limits

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_METHOD = rb"[A-Za-z]" + _TOKEN[:-1] + rb"*"
_FIELDS = rb"(?:" + _TOKEN + rb":[\t -~\x80-\xff]*\r\n)*"
_HEAD = re.compile(
    rb"(" + _METHOD + rb") ([!\"$-~]+) HTTP/(1\.[01])\r\n(" + _FIELDS + rb")\r\n"  # a target has no fragment
)
_TRAILERS = re.compile(_FIELDS + rb"\r\n")
#: The request line of HTTP/0.9, and those of versions that are not served.
_OTHER_VERSION = re.compile(rb"GET /[!-~]*|" + _METHOD + rb" [!-~]+ HTTP/(?!1\.[01]$)[0-9]+(?:\.[0-9]+)?")
#: Scheme, a name or an address in brackets, an optional port; then path and query (RFC 9112, 3.2.2).
_ABSOLUTE = re.compile(
    rb"https?://((?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?)((?:[/?].*)?)", re.IGNORECASE
)
_LENGTH = re.compile(rb"[0-9]{1,19}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t -~\x80-\xff]{0,255})?\r\n")
_MAX_CHUNK_LINE = 300
_EMPTY_LINE = b"\r\n\r\n"
#: Fields about the connection or the framing, which the canonical form replaces.
_REPLACED = re.compile(
    rb"^(host|connection|keep-alive|upgrade|expect|content-length|transfer-encoding):[ \t]*(.*?)[ \t]*\r\n",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(eq=False)
class RefusedError(Exception):
    """The request is refused with `status`; nothing after it is read."""

    status: int


@dataclass(slots=True)
class _Head:
    """A request without its body. `length` is None for a chunked body."""

    lines: bytes
    length: int | None
    expects_continue: bool


@dataclass(slots=True)
class RequestReader:
    """The requests of one connection, in order; `continue_due` says whether the client waits for `100 Continue`."""

    limits: Limits
    continue_due: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _head: _Head | None = None
    _body: bytearray = field(default_factory=bytearray)

    @property
    def buffered(self) -> int:
        """The bytes of further requests that have arrived."""
        return len(self._buffer) if self._head is None else max(1, len(self._buffer))

    def receive(self, data: bytes) -> None:
        """Append bytes from the connection."""
        self._buffer += data

    def next_request(self, *, close: bool = False) -> bytes | None:
        """Return the next request in canonical form if it is complete; raise RefusedError if it is not served."""
        head = self._head = self._head or self._take_head()
        if head is None or not self._take_body(head):
            return None
        length = b"content-length: %d\r\n" % len(self._body) if self._body else b""
        closing = b"connection: close\r\n" if close else b""
        request = head.lines + length + closing + b"\r\n" + self._body
        self._head, self._body, self.continue_due = None, bytearray(), False
        return request

    def _take_head(self) -> _Head | None:
        buffer = self._buffer
        del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
        if buffer and not buffer[:1].isalpha():
            raise RefusedError(400)  # at once, because a TLS client waits for a response
        line, line_end, _ = buffer.partition(b"\r\n")
        if line_end and _OTHER_VERSION.fullmatch(line):
            raise RefusedError(505)
        end = self._find_end(0)
        if end < 0:
            return None
        head = _read_head(bytes(buffer[: end + 4]), self.limits)
        del buffer[: end + 4]
        self.continue_due = head.expects_continue
        return head

    def _find_end(self, begin: int) -> int:
        """Return where the empty line of a head begins, -1 without one; raise RefusedError for a long head."""
        end = self._buffer.find(_EMPTY_LINE, begin)
        size = end if end >= 0 else len(self._buffer) - len(_EMPTY_LINE) + 1
        if size > self.limits.header_bytes:
            raise RefusedError(431)
        return end

    def _take_body(self, head: _Head) -> bool:
        """Move the body from the buffer, and return whether it is complete."""
        if head.length is None:
            return self._take_chunks()
        if len(self._buffer) < head.length:
            return False
        self._body = self._buffer[: head.length]
        del self._buffer[: head.length]
        return True

    def _take_chunks(self) -> bool:
        while match := _CHUNK.match(self._buffer):
            size, begin = int(match[1], 16), match.end()
            if size == 0:
                return self._take_trailers(begin)
            if len(self._body) + size > self.limits.body_bytes:
                raise RefusedError(413)
            end = begin + size
            if len(self._buffer) < end + 2:
                return False
            if self._buffer[end : end + 2] != b"\r\n":
                raise RefusedError(400)
            self._body += self._buffer[begin:end]
            del self._buffer[: end + 2]
        if len(self._buffer) > _MAX_CHUNK_LINE or b"\n" in self._buffer:
            raise RefusedError(400)
        return False

    def _take_trailers(self, begin: int) -> bool:
        """Drop the trailers and the empty line after them, and return whether they are complete."""
        end = self._find_end(begin - 2)
        if end < 0:
            return False
        if not _TRAILERS.fullmatch(self._buffer, begin, end + 4):
            raise RefusedError(400)
        del self._buffer[: end + 4]
        return True


def _read_head(data: bytes, limits: Limits) -> _Head:
    match = _HEAD.fullmatch(data)
    if match is None:
        raise RefusedError(400)
    method, target, version, block = match.groups()
    if method == b"CONNECT":
        raise RefusedError(501)
    replaced = [(name.lower(), value) for name, value in _REPLACED.findall(block)]
    target, host = _target_and_host(target, _values(replaced, b"host"), version)
    options = b",".join(_values(replaced, b"connection")).lower().split(b",")
    closing = b"connection: close\r\n" if b"close" in map(bytes.strip, options) else b""
    return _Head(
        lines=b"%b %b HTTP/%b\r\n%b%b%b" % (method, target, version, host, closing, _REPLACED.sub(b"", block)),
        length=_body_length(replaced, version, limits),
        expects_continue=version == b"1.1" and b"100-continue" in map(bytes.lower, _values(replaced, b"expect")),
    )


def _values(fields: list[tuple[bytes, bytes]], header: bytes) -> list[bytes]:
    return [value for name, value in fields if name == header]


def _target_and_host(target: bytes, hosts: list[bytes], version: bytes) -> tuple[bytes, bytes]:
    """Return the target in origin-form and the Host line (RFC 9112, 3.2); raise RefusedError.

    The authority of an absolute-form target replaces the Host.
    """
    if len(hosts) > 1 or (not hosts and version != b"1.0"):
        raise RefusedError(400)
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise RefusedError(400)
        hosts, target = [absolute[1]], absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    return target, b"host: %b\r\n" % hosts[0] if hosts else b""


def _body_length(fields: list[tuple[bytes, bytes]], version: bytes, limits: Limits) -> int | None:
    """Return the length of the body, None for a chunked one; raise RefusedError (RFC 9112, 6.3)."""
    lengths, codings = _values(fields, b"content-length"), _values(fields, b"transfer-encoding")
    if len(lengths) + len(codings) > 1 or (codings and version == b"1.0"):
        raise RefusedError(400)
    if codings:
        if codings[0].lower() != b"chunked":
            raise RefusedError(501)
        return None
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise RefusedError(400)
    length = int(lengths[0]) if lengths else 0
    if length > limits.body_bytes:
        raise RefusedError(413)
    return length
