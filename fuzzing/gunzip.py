"""Packed bodies: what is unpacked is what Python's own gzip unpacks, or a documented error; never beyond the budget."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import httpx

from exporter.mimecast import MimecastError
from exporter.mimecast.bodies import Budget, read_body

_BUDGET = 4 * 1024 * 1024
SEEDS = [gzip.compress(b"hello", mtime=0), gzip.compress(bytes(3_000_000), mtime=0), gzip.compress(b"a", mtime=0) * 2]
WORDS = [b"\x1f\x8b\x08", bytes(8)]


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = data, size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), self._size):
            yield self._data[start : start + self._size]


async def _unpacked(data: bytes, size: int) -> bytes:
    response = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=_Pieces(data, size))
    return bytes(await read_body(response, Budget(_BUDGET)))


def _outcome(data: bytes, size: int) -> bytes | None:
    try:
        unpacked = asyncio.run(_unpacked(data, size))
    except MimecastError:
        return None
    assert len(unpacked) <= _BUDGET
    return unpacked


def hold(data: bytes) -> None:
    """Unpack, whole and in small pieces."""
    whole = _outcome(data, max(len(data), 1))
    assert whole == _outcome(data, 7), "the outcome depends on how the body was cut"
    try:
        expected = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return
    if len(expected) <= _BUDGET and not data.endswith(b"\0"):  # Python skips padding
        assert whole == expected, "not what gzip unpacks"
