"""A pool of connections that is replaced where its connections can no longer be relied on.

httpcore forgets a connection whose call is cancelled at the wrong moment: it stays open, and in the pool, for as long
as the pool lives (https://github.com/encode/httpcore/issues/1093). And where one kept connection turns out to be
closed, the others probably are as well. In both cases the pool gets no further call, and is closed after its last one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from . import errors

_FAILURES = (httpcore.ProxyError, httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException)


@dataclass(eq=False)
class _Pool:
    connections: httpcore.AsyncConnectionPool
    calls: int = 0


class CancellablePool(httpx.AsyncBaseTransport):
    """Sends requests by one httpcore pool after the other, each made by `make`; what fails is a MimecastError.

    httpx's own transport offers no way to give the pool a network backend.
    """

    def __init__(self, make: Callable[[], httpcore.AsyncConnectionPool]) -> None:
        self._make = make
        self._pools = [_Pool(make())]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        pool = self._pools[-1]
        pool.calls += 1
        try:
            response = await pool.connections.handle_async_request(_to_httpcore(request))
        except _FAILURES as error:
            failure = _failure(error)
        except BaseException as error:
            await self._end(pool, unreliable=isinstance(error, asyncio.CancelledError | errors.StaleConnection))
            raise
        else:
            body = _Body(response.stream, lambda cancelled: self._end(pool, unreliable=cancelled))
            return httpx.Response(
                response.status, headers=response.headers, stream=body, extensions=response.extensions
            )
        await self._end(pool)
        raise failure

    async def aclose(self) -> None:
        """Close every connection, whatever is under way on it."""
        for pool in list(self._pools):
            await pool.connections.aclose()

    async def _end(self, pool: _Pool, *, unreliable: bool = False) -> None:
        """Count a call as ended; retire its pool if its connections are unreliable."""
        pool.calls -= 1
        if unreliable and pool is self._pools[-1]:
            self._pools.append(_Pool(self._make()))
        if pool is not self._pools[-1] and not pool.calls:
            self._pools.remove(pool)
            await asyncio.shield(pool.connections.aclose())


def _to_httpcore(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


class _Body(httpx.AsyncByteStream):
    """A response's body; reports once that it is closed, and whether it was cancelled before that."""

    def __init__(self, source: Any, on_closed: Callable[[bool], Awaitable[None]]) -> None:
        self._source: AsyncIterable[bytes] = source
        self._on_closed = on_closed
        self._cancelled = False
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._source:
                yield chunk
        except asyncio.CancelledError:
            self._cancelled = True
            raise
        except _FAILURES:
            raise errors.InvalidResponse("the answer was cut short: the connection ended before its body did") from None

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._source.aclose()  # type: ignore[attr-defined] # httpcore's streams have it
        except asyncio.CancelledError:
            self._cancelled = True
            raise
        finally:
            await self._on_closed(self._cancelled)


def _failure(error: Exception) -> errors.MimecastError:
    """Return our error for one of httpcore; its text can hold what the other side sent, and goes no further."""
    if isinstance(error, httpcore.LocalProtocolError):
        return errors.SecretUnreadable("the request cannot be sent: a header would hold characters that none may hold")
    if not isinstance(error, httpcore.ProxyError):
        return errors.InvalidResponse("the answer is not HTTP, or was cut short: is base_url the API's host and port?")
    status = str(error)[:3]
    advice = {
        "407": "check the user and password in api.proxy_url",
        "429": "the proxy limits its users, not the API; ask whoever runs it",
    }.get(status, "ask whoever runs the proxy whether it lets this machine reach the API, and check api.proxy_url")
    told = f"HTTP {status}" if status.isdigit() else "no HTTP status"
    return errors.CannotConnect(f"the proxy refuses the connection ({told} from the proxy): {advice}")
