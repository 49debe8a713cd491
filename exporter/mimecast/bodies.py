"""Bodies of answers, bounded. They are decompressed here, as httpx decompresses a bomb before anyone can count."""

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
    """The decoded bytes that may be read, and those that were."""

    size: int
    used: int = 0

    def spend(self, amount: int) -> None:
        """Take `amount` bytes, or raise ResponseTooLarge where that many are not left."""
        self.used += amount
        if self.used > self.size:
            raise errors.ResponseTooLarge(
                f"the answer is larger than {self.size} bytes: raise api.max_response_size if that is to be expected"
            )


async def read_body(response: httpx.Response, budget: Budget) -> bytearray:
    """Return the decompressed body of a response, which is not yet read.

    Raises:
        InvalidResponse: the body is not gzip as it says, ends too early, or is compressed in another way.
        ResponseTooLarge: the budget is used up.

    """
    chunks = response.aiter_raw()
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        chunks = gunzip(chunks)
    elif encoding not in ("", "identity"):
        raise errors.InvalidResponse("the answer has a content encoding that was not asked for")
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
            except isal_zlib.error:  # type: ignore[misc] # an exception class, whatever the stubs call it
                raise errors.InvalidResponse("the answer says that it is gzip, and is not") from None
            complete = decompressor.eof
            compressed = decompressor.unused_data if complete else decompressor.unconsumed_tail
            if complete:
                decompressor = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    if not complete:
        raise errors.InvalidResponse("the answer was cut short: its gzip data ends too early")
