"""The way to the API's hosts: connections are shared by accounts, bodies are bounded, exchanges are noted.

Knows HTTP, and neither the envelope nor credentials. A request says in its extensions for whom it is made (`CALL`).
"""

from __future__ import annotations

import hashlib
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final, Protocol

import certifi
import httpx
from isal import isal_zlib

from . import errors
from .pool import CancellablePool
from .traffic import Traffic

#: The key under which a request's extensions hold its `Call`.
CALL: Final = "mimecast_call"
#: Bytes: an answer of the token endpoint is far smaller.
LARGEST_TOKEN_ANSWER = 1024 * 1024
#: Bytes that are unpacked at a time.
_PIECE = 1024 * 1024


class _Unpacker(Protocol):
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


@dataclass(frozen=True)
class Call:
    """For whom a request is made: where it is noted and how much may be read."""

    endpoint: str
    traffic: Traffic
    budget: Budget

    @property
    def extensions(self) -> dict[str, Any]:
        """What a request made for this call carries."""
        return {CALL: self}


def _nothing_bypasses(_host: str, _port: int) -> bool:
    return False


@dataclass(frozen=True)
class HttpSettings:
    """How connections to the API are made; accounts with equal settings share them.

    Attributes:
        proxy_url: the proxy's address, with its credentials if it asks for any.
        no_proxy: whether a host and port are reached directly; should compare equal where its rules are equal.
        ca_file: PEM file of the authorities to trust instead of the public ones.
        cert_file: PEM file of the client certificate.
        key_file: PEM file of its key, where `cert_file` does not hold it.
        min_version: the lowest TLS version.
        digests: SHA-256 of each file as it is now, so that a replaced file makes other settings.

    Raises:
        OSError: a file cannot be read.

    """

    proxy_url: str | None = field(default=None, repr=False)
    no_proxy: Callable[[str, int], bool] = _nothing_bypasses
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    digests: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        files = (self.ca_file, self.cert_file, self.key_file)
        digests = tuple(hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else "" for file in files)
        object.__setattr__(self, "digests", digests)


def open_http_client(settings: HttpSettings, *, wall_clock: Callable[[], float] = time.time) -> httpx.AsyncClient:
    """Return a client for any number of accounts: no cookies, no redirects, nothing taken from the environment.

    It sets no time limits; the caller bounds the whole refresh.

    Raises:
        OSError: a certificate file cannot be used (ssl.SSLError is one).

    """
    context = ssl.create_default_context(cafile=settings.ca_file or certifi.where())
    context.minimum_version = settings.min_version
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    direct = NotedTransport(context, wall_clock, proxy=None)
    transport: httpx.AsyncBaseTransport = direct
    if settings.proxy_url:
        transport = Routes(direct, NotedTransport(context, wall_clock, proxy=settings.proxy_url), settings.no_proxy)
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - one bound holds the whole refresh, see MimecastClient
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
    )


class Routes(httpx.AsyncBaseTransport):
    """Sends each request directly or through the proxy, as its host says."""

    def __init__(
        self,
        direct: httpx.AsyncBaseTransport,
        proxied: httpx.AsyncBaseTransport,
        no_proxy: Callable[[str, int], bool],
    ) -> None:
        self._direct = direct
        self._proxied = proxied
        self._no_proxy = no_proxy

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        direct = self._no_proxy(request.url.host, port)
        return await (self._direct if direct else self._proxied).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection of both routes."""
        await self._direct.aclose()
        await self._proxied.aclose()


class NotedTransport(CancellablePool):
    """Notes each exchange in its call's traffic, and unpacks and bounds each body by its call's budget."""

    def __init__(self, context: ssl.SSLContext, wall_clock: Callable[[], float], proxy: str | None) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=5.0)
        super().__init__(lambda: httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy, trust_env=False))
        self._wall_clock = wall_clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        call: Call = request.extensions[CALL]
        try:
            response = await super().handle_async_request(request)
        except BaseException:
            call.traffic.unanswered(call.endpoint)
            raise
        call.traffic.answered(call.endpoint, response.status_code, response.headers, self._wall_clock())
        return _bounded(response, call.budget)


def _bounded(response: httpx.Response, budget: Budget) -> httpx.Response:
    """The same response, its body unpacked here: httpx would unpack a bomb before anyone could count."""
    encoding = response.headers.pop("content-encoding", "identity").strip().lower()
    unpack = {"identity": _plain, "": _plain, "gzip": _gunzip, "x-gzip": _gunzip}.get(encoding, _refuse)
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - what an async transport gives
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        stream=_BoundedStream(response.stream, unpack(response.stream, budget)),
        extensions=response.extensions,
    )


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, source: httpx.AsyncByteStream, pieces: AsyncIterator[bytes]) -> None:
        self._source = source
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        await self._source.aclose()


async def _plain(source: httpx.AsyncByteStream, budget: Budget) -> AsyncIterator[bytes]:
    async for chunk in source:
        budget.spend(len(chunk))
        yield chunk


async def _gunzip(source: httpx.AsyncByteStream, budget: Budget) -> AsyncIterator[bytes]:
    unpacker = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    begun = False
    async for chunk in source:
        waiting = chunk
        while waiting:
            begun = True
            piece = _unpack(unpacker, waiting)
            budget.spend(len(piece))
            yield piece
            if unpacker.eof:
                waiting = unpacker.unused_data
                unpacker, begun = isal_zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), False
            else:
                waiting = unpacker.unconsumed_tail
    if begun:
        raise errors.InvalidResponse("the answer was cut short: its gzip data ends too early")


def _unpack(unpacker: _Unpacker, packed: bytes) -> bytes:
    try:
        return unpacker.decompress(packed, max_length=_PIECE)
    except isal_zlib.error:  # type: ignore[misc] # an exception class, whatever the stubs call it
        raise errors.InvalidResponse("the answer says it is gzip, and is not") from None


async def _refuse(_source: httpx.AsyncByteStream, _budget: Budget) -> AsyncIterator[bytes]:
    raise errors.InvalidResponse("the answer is packed in a way that was not asked for")
    yield b""  # pragma: no cover - makes this an iterator like its siblings
