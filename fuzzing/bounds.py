"""The same connection as in `http` under bounds so tight that any request may be beyond one of them."""

from __future__ import annotations

from exporter.http.server.limits import Limits
from fuzzing import http

SEEDS = http.SEEDS
WORDS = [*http.WORDS, b"X: " + b"a" * 80 + b"\r\n", b"/" + b"a" * 48, b"20\r\n" + b"a" * 32 + b"\r\n"]
_TIGHT = Limits(linger_time=0.0, header_bytes=96, body_bytes=16)


def hold(data: bytes) -> None:
    """Send the bytes at once, and cut in several ways; what is refused may differ, that answers are sound may not."""
    data = data[:1024]
    for pieces in ([data], *http.cuts(data)):
        for method, path, query, length in http.outcome([piece for piece in pieces if piece], _TIGHT)[0]:
            assert length <= _TIGHT.body_bytes
            assert len(path) + len(query) <= _TIGHT.header_bytes
            assert method.isascii()
