"""Cached exposition bodies, as text and compressed.

The cached part is the beginning of a gzip member: raw deflate up to a sync flush, with its CRC-32 and length. The text
of each scrape is appended to it as the final block (RFC 1951, RFC 1952). A second gzip member would not do, because
curl, httpx and Chromium read only the first one.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from isal import isal_zlib

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 1
#: Of the text of each scrape, which is short: level 1 would spend most of its time on making its buffers.
_END_LEVEL = 0
#: Bytes compressed or sent before the event loop runs other tasks.
CHUNK_SIZE = 128 * 1024


@dataclass(frozen=True)
class _Deflated:
    """A gzip member up to a sync flush, and the CRC-32 and length of the decompressed bytes."""

    parts: tuple[bytes | memoryview, ...] = (_HEADER,)
    crc: int = 0
    length: int = 0


class CachedBody:
    """The text `parts` after that of another body. Each body is compressed once, when a scraper first accepts gzip."""

    def __init__(self, parts: Sequence[bytes] = (), after: CachedBody | None = None) -> None:
        self.parts: Sequence[bytes] = [*after.parts, *parts] if after else parts
        self._own = parts
        self._after = after
        self._compression: asyncio.Task[_Deflated] | None = None

    async def gzip(self, end: bytes) -> list[bytes | memoryview]:
        """Return the body, followed by `end`, as one gzip member."""
        kept = await self._deflated() if self.parts else _Deflated()
        compressor = isal_zlib.compressobj(_END_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)
        last = compressor.compress(end) + compressor.flush()
        trailer = struct.pack("<II", isal_zlib.crc32(end, kept.crc), (kept.length + len(end)) & 0xFFFFFFFF)
        return [*kept.parts, last + trailer]

    async def _deflated(self) -> _Deflated:
        """Compress once for all scrapers; one that disconnects does not cancel it."""
        if self._compression is None:
            self._compression = asyncio.create_task(self._compress())
        return await asyncio.shield(self._compression)

    async def _compress(self) -> _Deflated:
        before = await self._after._deflated() if self._after else _Deflated()
        compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)
        parts, crc, length = list(before.parts), before.crc, before.length
        for chunk in chunks(self._own):
            crc = isal_zlib.crc32(chunk, crc)
            length += len(chunk)
            parts.append(compressor.compress(chunk))
            await asyncio.sleep(0)
        parts.append(compressor.flush(zlib.Z_SYNC_FLUSH))
        return _Deflated(tuple(chunks(parts)), crc, length)


def chunks(parts: Sequence[bytes | memoryview], size: int = CHUNK_SIZE) -> Iterator[bytes | memoryview]:
    """Yield the same bytes in chunks of at most `size`: small parts are joined, views of large ones are split off."""
    waiting: list[bytes | memoryview] = []
    waiting_size = 0
    for part in parts:
        if waiting and (len(part) > size // 2 or waiting_size + len(part) > size):
            yield b"".join(waiting)
            waiting, waiting_size = [], 0
        if len(part) > size // 2:
            view = memoryview(part)
            yield from (view[start : start + size] for start in range(0, len(view), size))
        elif part:
            waiting.append(part)
            waiting_size += len(part)
    if waiting:
        yield b"".join(waiting)
