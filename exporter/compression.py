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


async def pack_prefix(parts: Sequence[bytes]) -> PackedPrefix:
    """Pack the parts, a piece at a time."""
    packer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)
    packed, crc, length = [], 0, 0
    for piece in slices(parts):
        crc = isal_zlib.crc32(piece, crc)
        length += len(piece)
        packed.append(packer.compress(piece))
        await asyncio.sleep(0)
    packed.append(packer.flush(zlib.Z_SYNC_FLUSH))
    return PackedPrefix(tuple(piece for piece in packed if piece), crc, length)


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
