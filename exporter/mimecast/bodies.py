"""Read and decompress response bodies up to a maximum size, which httpx cannot limit."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import httpx
from isal import isal_zlib

from . import errors

#: Bytes that are decompressed at a time.
CHUNK_SIZE = 1024 * 1024


@dataclass
class Budget:
    """The maximum of decompressed bytes, and the bytes read so far."""

    size: int
    used: int = 0

    def spend(self, amount: int) -> None:
        """Count `amount` bytes; raise ResponseTooLarge above the maximum."""
        self.used += amount
        if self.used > self.size:
            raise errors.ResponseTooLarge(
                f"the answer is larger than {self.size} bytes: raise api.max_response_size if this size is expected"
            )


async def read_body(response: httpx.Response, budget: Budget) -> bytearray:
    """Read and return the decompressed body of a response.

    Raises:
        InvalidResponse: the body is not valid gzip, is truncated, or has another content coding.
        ResponseTooLarge: the body exceeds the budget.
    """
    chunks = response.aiter_raw()
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        chunks = gunzip(chunks)
    elif encoding not in ("", "identity"):
        raise errors.InvalidResponse("the answer has an unsupported content encoding")
    content = bytearray()
    async for chunk in chunks:
        budget.spend(len(chunk))
        content += chunk
    return content


async def gunzip(source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the decompressed bytes of gzip members, at most `CHUNK_SIZE` at a time; see `read_body`."""
    decompressor = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    complete = True
    async for chunk in source:
        compressed = chunk
        while compressed:
            try:
                yield decompressor.decompress(compressed, max_length=CHUNK_SIZE)
            except isal_zlib.error:  # type: ignore[misc] # an exception class, despite its stub
                raise errors.InvalidResponse("the answer is not valid gzip") from None
            complete = decompressor.eof
            compressed = decompressor.unused_data if complete else decompressor.unconsumed_tail
            if complete:
                decompressor = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    if not complete:
        raise errors.InvalidResponse("the answer was cut short: its gzip data ends too early")
