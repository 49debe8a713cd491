"""Cached bodies: one gzip member, whatever was kept."""

from __future__ import annotations

import asyncio
import gzip
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.exposition.compression import CachedBody, chunks


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=2000) | st.integers(0, 400_000).map(bytes), max_size=5), st.binary(max_size=3000))
def test_the_kept_part_and_the_new_part_are_one_gzip_member(kept: list[bytes], own: bytes) -> None:
    first, second = kept[:2], kept[2:]
    body = b"".join(asyncio.run(CachedBody(second, after=CachedBody(first)).gzip(own)))
    unpacker = zlib.decompressobj(wbits=31)
    assert unpacker.decompress(body) == b"".join(kept) + own
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert gzip.decompress(body) == b"".join(kept) + own


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(1, 64))
def test_chunks_have_the_same_bytes_and_the_maximum_size(parts: list[bytes], size: int) -> None:
    cut = list(chunks(parts, size))
    assert b"".join(cut) == b"".join(parts)
    assert all(0 < len(piece) <= size for piece in cut)
