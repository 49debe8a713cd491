"""Requests as clients, proxies and attackers write them: each is read in one way only, wherever its bytes are cut."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzing.http import outcome

_SMUGGLED = b"POST /-/reload HTTP/1.1\r\nHost: a\r\n\r\n"
_PATHS = st.sampled_from(["/", "/metrics", "/probe?target=a%20b", "//", "/metrics?collect[]=exporter", "/%ff/.."])
_BODIES = st.one_of(st.sampled_from([b"", _SMUGGLED, b"\r\n\r\n", b"0\r\n\r\n" + _SMUGGLED]), st.binary(max_size=60))
_OFFERS = st.sampled_from(
    [
        (),
        ("Connection: Upgrade", "Upgrade: websocket"),
        ("connection: keep-alive, UPGRADE", "upgrade: h2c", "HTTP2-Settings: AAMAAABk"),
        ("Upgrade: TLS/1.2, websocket", "Connection: upgrade", "Connection: keep-alive"),
        ("Upgrade: websocket",),
        ("Connection: upgrade",),
        ("Upgrade:", "Connection: upgrade"),
    ]
)


@dataclass(frozen=True)
class _Request:
    """A request to write."""

    target: str
    prefix: str
    offer: tuple[str, ...]
    body: bytes
    chunk_size: int
    trailer: str

    @property
    def expected(self) -> tuple[str, bytes, bytes, int]:
        path, _, query = self.target.partition("?")
        return "POST", path.encode(), query.encode(), len(self.body)

    def written(self) -> bytes:
        framing = "Transfer-Encoding: chunked" if self.chunk_size else f"Content-Length: {len(self.body)}"
        lines = [f"POST {self.prefix}{self.target} HTTP/1.1", "Host: a", *self.offer, framing, "", ""]
        return "\r\n".join(lines).encode() + (self._chunks() if self.chunk_size else self.body)

    def _chunks(self) -> bytes:
        starts = range(0, len(self.body), self.chunk_size)
        chunks = [self.body[start : start + self.chunk_size] for start in starts]
        return b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + (
            b"0\r\n" + self.trailer.encode() + b"\r\n"
        )


_REQUESTS = st.lists(
    st.builds(
        _Request,
        target=_PATHS,
        prefix=st.sampled_from(["", "http://other.example", "HTTPS://[::1]:443"]),
        offer=_OFFERS,
        body=_BODIES,
        chunk_size=st.sampled_from([0, 1, 7, 100]),
        trailer=st.sampled_from(["", "X: y\r\n", "Host: other\r\nContent-Length: 7\r\nConnection: close\r\n"]),
    ),
    min_size=1,
    max_size=4,
)
_CUTS = st.lists(st.integers(0, 1200), max_size=12)


def _cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(place for place in places if place < len(data)), len(data)]
    return [piece for begin, end in itertools.pairwise(ends) if (piece := data[begin:end])]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(requests=_REQUESTS, cuts=_CUTS)
def test_a_body_is_never_read_as_a_request_whatever_is_offered(requests: list[_Request], cuts: list[int]) -> None:
    data = b"".join(request.written() for request in requests)
    asked, answers = outcome(_cut(data, cuts))
    assert asked == [request.expected for request in requests]
    assert [status for status, _ in answers] == [200] * len(requests)


_AMBIGUOUS = st.sampled_from(
    [
        (400, "GET / HTTP/1.1\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n"),
        (400, "GET http://a/ HTTP/1.1\r\n"),
        (400, "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n"),
        (400, "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n"),
        (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        (400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n"),
        (400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n"),
        (400, "GET / HTTP/1.1\nHost: a\n"),
        (400, "GET  / HTTP/1.1\r\nHost: a\r\n"),
        (400, "GET / HTTP/1.1 \r\nHost: a\r\n"),
        (400, "GET a HTTP/1.1\r\nHost: a\r\n"),
        (400, "GET / http/1.1\r\nHost: a\r\n"),
        (400, "OPTIONS * HTTP/1.1\r\nHost: a\r\n"),
        (501, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n"),
        (501, "CONNECT / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n"),
        (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n"),
        (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n"),
        (505, "GET / HTTP/0.9\r\nHost: a\r\n"),
        (505, "GET / HTTP/1.2\r\nHost: a\r\n"),
        (505, "GET / HTTP/2.0\r\nHost: a\r\n"),
        (505, "PRI * HTTP/2.0\r\n"),
        (505, "GET /metrics\r\n"),
    ]
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(before=st.integers(0, 2), refused=_AMBIGUOUS, offer=_OFFERS, cuts=_CUTS)
def test_what_two_servers_could_read_differently_is_refused_and_nothing_after_it_is_answered(
    before: int, refused: tuple[int, str], offer: tuple[str, ...], cuts: list[int]
) -> None:
    good = b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n"
    status, head = refused
    bad = head + "".join(f"{line}\r\n" for line in offer) + "\r\n"
    asked, answers = outcome(_cut(good * before + bad.encode() + good, cuts), exact=True)
    assert [path for _, path, *_ in asked] == [b"/good"] * before
    assert [status for status, _ in answers] == [200] * before + [status]
