"""Bodies of answers, bounded. They are decompressed here, as httpx decompresses a bomb before anyone can count."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Protocol

import httpx
from isal import isal_zlib

from . import errors

#: Bytes that are decompressed at a time.
CHUNK_SIZE = 1024 * 1024


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /, max_length: int) -> bytes: ...


class Budget:
    """Decoded bytes that may still be read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0

    @property
    def left(self) -> int:
        return self.size - self.used

    def spend(self, amount: int) -> None:
        """Take `amount` bytes.

        Raises:
            ResponseTooLarge: that many are not left.

        """
        self.used += amount
        if self.used > self.size:
            raise errors.ResponseTooLarge(
                f"the answer is larger than {self.size} bytes: raise api.max_response_size if that is to be expected"
            )


def bounded(response: httpx.Response, budget: Budget) -> httpx.Response:
    """Return the same response with its body decompressed, at most as much as `budget` allows."""
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    decode = {"identity": _plain, "": _plain, "gzip": gunzip, "x-gzip": gunzip}.get(encoding, _refuse)
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - what an async transport gives
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=_BoundedStream(response.stream, decode(response.stream, budget)),
        extensions=response.extensions,
    )


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, source: httpx.AsyncByteStream, chunks: AsyncIterator[bytes]) -> None:
        self._source = source
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        await self._source.aclose()


async def _plain(source: httpx.AsyncByteStream, budget: Budget) -> AsyncIterator[bytes]:
    async for chunk in source:
        budget.spend(len(chunk))
        yield chunk


async def gunzip(source: httpx.AsyncByteStream, budget: Budget) -> AsyncIterator[bytes]:
    """Yield the decompressed bytes of gzip members.

    Raises:
        InvalidResponse: the bytes are not gzip, or end too early.
        ResponseTooLarge: the budget is used up.

    """
    decompressor = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    begun = False
    async for chunk in source:
        waiting = chunk
        while waiting:
            begun = True
            data = _decompress(decompressor, waiting)
            budget.spend(len(data))
            yield data
            if decompressor.eof:
                waiting = decompressor.unused_data
                decompressor, begun = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), False
            else:
                waiting = decompressor.unconsumed_tail
    if begun:
        raise errors.InvalidResponse("the answer was cut short: its gzip data ends too early")


def _decompress(decompressor: _Decompressor, compressed: bytes) -> bytes:
    try:
        return decompressor.decompress(compressed, max_length=CHUNK_SIZE)
    except isal_zlib.error:  # type: ignore[misc] # an exception class, whatever the stubs call it
        raise errors.InvalidResponse("the answer says that it is gzip, and is not") from None


async def _refuse(_source: httpx.AsyncByteStream, _budget: Budget) -> AsyncIterator[bytes]:
    raise errors.InvalidResponse("the answer has a content encoding that was not asked for")
    yield b""  # pragma: no cover - makes this an iterator like its siblings
