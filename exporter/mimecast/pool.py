"""A pool of connections that is replaced where its connections can no longer be relied on.

httpcore forgets a connection whose call is cancelled at the wrong moment: it stays open, and in the pool, for as long
as the pool lives (https://github.com/encode/httpcore/issues/1093). And where one kept connection turns out to be
closed, the others probably are as well. In both cases the pool gets no further call, and is closed after its last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx

from .errors import StaleConnection


@dataclass
class _Pool:
    transport: httpx.AsyncBaseTransport
    calls: int = 0


class CancellablePool(httpx.AsyncBaseTransport):
    """Sends requests by one transport after the other, each made by `make`, in one event loop."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._pool = _Pool(make())
        self._retired: list[_Pool] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        pool = self._pool
        pool.calls += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException as error:
            self._end(pool, unreliable=isinstance(error, asyncio.CancelledError | StaleConnection))
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - what an async transport gives
        response.stream = _Body(response.stream, lambda cancelled: self._end(pool, unreliable=cancelled))
        return response

    async def aclose(self) -> None:
        """Close every connection, whatever is under way on it."""
        for pool in (self._pool, *self._retired):
            await pool.transport.aclose()
        await asyncio.gather(*self._closing)

    def _end(self, pool: _Pool, *, unreliable: bool) -> None:
        pool.calls -= 1
        if unreliable and pool is self._pool:
            self._retired.append(pool)
            self._pool = _Pool(self._make())
        if pool is not self._pool and not pool.calls:
            self._retired.remove(pool)
            closing = asyncio.get_running_loop().create_task(pool.transport.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


class _Body(httpx.AsyncByteStream):
    """A response's body; tells once that it is closed, and whether it was cancelled before that."""

    def __init__(self, source: httpx.AsyncByteStream, ended: Callable[[bool], None]) -> None:
        self._source = source
        self._ended = ended
        self._cancelled = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._source:
                yield chunk
        except asyncio.CancelledError:
            self._cancelled = True
            raise

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._source.aclose()
        except asyncio.CancelledError:
            self._cancelled = True
            raise
        finally:
            self._ended(self._cancelled)
