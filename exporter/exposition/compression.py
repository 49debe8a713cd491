"""One gzip member out of a part that is kept and a part that is new.

Two members in one body would break readers: curl fails, others silently drop the second. So the kept part is raw
deflate ended by a sync flush, with its CRC-32 and length, and what follows becomes the final block (RFC 1951 and
RFC 1952).
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
#: Bytes packed, or copied, before others get their turn on the event loop.
PIECE = 256 * 1024


@dataclass(frozen=True)
class PackedPrefix:
    """The beginning of a gzip member that others will end.

    Attributes:
        parts: raw deflate, ended by a sync flush.
        crc: CRC-32 of the unpacked bytes.
        length: their number.

    """

    parts: tuple[bytes, ...] = ()
    crc: int = 0
    length: int = 0


#: Nothing, to begin with.
EMPTY = PackedPrefix()


async def pack_prefix(parts: Sequence[bytes], after: PackedPrefix = EMPTY) -> PackedPrefix:
    """Pack the parts, a piece at a time, to stand behind what is packed already."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)
    packed, crc, length = list(after.parts), after.crc, after.length
    for piece in slices(parts):
        crc = isal_zlib.crc32(piece, crc)
        length += len(piece)
        packed.append(packer.compress(piece))
        await asyncio.sleep(0)
    packed.append(packer.flush(zlib.Z_SYNC_FLUSH))
    return PackedPrefix(tuple(piece for piece in packed if piece), crc, length)


class KeptText:
    """Text that many scrapes send, and its packed form once somebody wanted it.

    Args:
        parts: the text.
        after: the text it stands behind, kept by itself: a new end costs no new beginning.

    """

    def __init__(self, parts: Sequence[bytes], after: KeptText | None = None) -> None:
        self.parts: Sequence[bytes] = [*after.parts, *parts] if after else parts
        self._own = parts
        self._after = after
        self._packing: asyncio.Task[PackedPrefix] | None = None

    async def packed(self) -> PackedPrefix:
        """The text packed, made once for all who ask."""
        if self._packing is None:
            self._packing = asyncio.create_task(self._pack())
        return await asyncio.shield(self._packing)

    async def _pack(self) -> PackedPrefix:
        return await pack_prefix(self._own, await self._after.packed() if self._after else EMPTY)


def finish_member(prefix: PackedPrefix, rest: bytes) -> list[bytes]:
    """A whole gzip member: what was packed, then `rest`."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)
    last = packer.compress(rest) + packer.flush()
    trailer = struct.pack("<II", isal_zlib.crc32(rest, prefix.crc), (prefix.length + len(rest)) & 0xFFFFFFFF)
    return [_HEADER, *prefix.parts, last + trailer]


def slices(parts: Sequence[bytes], size: int = PIECE) -> Iterator[bytes]:
    """The same bytes in slices of at most `size`: small parts are joined, large ones cut, others go as they are."""
    waiting: list[bytes] = []
    waiting_size = 0
    for part in parts:
        if waiting and (len(part) > size // 2 or waiting_size + len(part) > size):
            yield b"".join(waiting)
            waiting, waiting_size = [], 0
        if len(part) > size // 2:
            yield from (part[begin : begin + size] for begin in range(0, len(part), size))
        elif part:
            waiting.append(part)
            waiting_size += len(part)
    if waiting:
        yield b"".join(waiting)
