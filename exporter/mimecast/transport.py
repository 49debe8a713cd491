"""The HTTP client that accounts share: settings, routes and connection pools. It raises MimecastErrors."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import httpcore
import httpx

from . import errors
from .network import Network

_FAILURES = (httpcore.ProxyError, httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException)


@dataclass(frozen=True)
class HttpSettings:
    """The settings of connections to the API.

    Attributes:
        proxy_url: the URL of the proxy, with credentials if it requires them.
        no_proxy: returns whether a host and port bypass the proxy; must be equal for equal rules.
        ca_file: PEM file of the CAs to trust instead of the public ones.
        cert_file: PEM file of the client certificate.
        key_file: PEM file of its key, unless `cert_file` contains it.
        min_version: the lowest TLS version.
        digests: SHA-256 of each file, so that settings with a replaced file differ; OSError if one cannot be read.
    """

    proxy_url: str | None = field(default=None, repr=False)
    no_proxy: Callable[[str, int], bool] = lambda _host, _port: False
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    digests: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        files = (self.ca_file, self.cert_file, self.key_file)
        digests = tuple(hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else "" for file in files)
        object.__setattr__(self, "digests", digests)

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts `ca_file` or the public CAs; raise OSError if a file cannot be used.

        Python 3.13 and later require RFC 5280 in full, which many company CAs do not follow; this is not required of
        CAs in `ca_file`.
        """
        context = ssl.create_default_context(cafile=self.ca_file or certifi.where())
        context.minimum_version = self.min_version
        if self.ca_file:
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


def open_http_client(settings: HttpSettings) -> httpx.AsyncClient:
    """Return a client for any number of accounts, without cookies, redirects and settings from the environment.

    It sets no time limits and no credentials: MimecastClient limits the refresh and authenticates each request. An
    OSError, such as ssl.SSLError, means that a certificate file cannot be used.
    """
    return httpx.AsyncClient(
        transport=_transport(settings),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - MimecastClient limits the whole refresh
        auth=httpx.Auth(),  # none, even if base_url contains a user and a password
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
    )


def _transport(settings: HttpSettings) -> httpx.AsyncBaseTransport:
    context = settings.tls_context()
    limits: dict[str, Any] = {"max_connections": None, "max_keepalive_connections": 20, "keepalive_expiry": 5.0}
    make = partial(httpcore.AsyncConnectionPool, ssl_context=context, network_backend=Network(), **limits)
    if not settings.proxy_url:
        return CancellablePool(make)
    proxy = httpx.Proxy(settings.proxy_url)
    make_proxied = partial(
        httpcore.AsyncHTTPProxy,
        str(proxy.url),
        proxy_auth=proxy.raw_auth,
        ssl_context=context,
        proxy_ssl_context=context if proxy.url.scheme == "https" else None,
        network_backend=Network(is_proxy=True),
        **limits,
    )
    return Routes(CancellablePool(make), CancellablePool(make_proxied), settings.no_proxy)


@dataclass(frozen=True)
class Routes(httpx.AsyncBaseTransport):
    """Sends each request directly or through the proxy, depending on its host; loopback is always direct."""

    direct: httpx.AsyncBaseTransport
    proxied: httpx.AsyncBaseTransport
    no_proxy: Callable[[str, int], bool]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        direct = is_loopback(host) or self.no_proxy(host, port)
        return await (self.direct if direct else self.proxied).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection of both routes."""
        await self.direct.aclose()
        await self.proxied.aclose()


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by any spelling of its name or address."""
    name = host.strip("[]").removesuffix(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    with suppress(OSError):
        name = socket.inet_ntoa(socket.inet_aton(name))  # 127.1, 0x7f000001, as the resolver reads them
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


@dataclass(eq=False)
class _Pool:
    connections: httpcore.AsyncConnectionPool
    calls: int = 0


class CancellablePool(httpx.AsyncBaseTransport):
    """Sends requests through a pool that is replaced when its connections are no longer reliable.

    httpcore leaks a connection whose call is cancelled at the wrong moment
    (https://github.com/encode/httpcore/issues/1093), and if one kept connection is stale, the others probably are as
    well. In both cases the pool gets no more calls and is closed after its last one. (httpx's own transport does not
    accept a network backend.)
    """

    def __init__(self, make: Callable[[], httpcore.AsyncConnectionPool]) -> None:
        self._make = make
        self._pools = [_Pool(make())]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._pools[-1]
        pool.calls += 1
        sent = httpcore.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await pool.connections.handle_async_request(sent)
        except _FAILURES as error:
            failure = _failure(error)
        except BaseException as error:
            await self._end(pool, reliable=not isinstance(error, asyncio.CancelledError | errors.StaleConnection))
            raise
        else:
            body = _Body(response.stream, lambda whole: self._end(pool, reliable=whole))
            return httpx.Response(
                response.status, headers=response.headers, stream=body, extensions=response.extensions
            )
        await self._end(pool)
        raise failure

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in list(self._pools):
            await pool.connections.aclose()

    async def _end(self, pool: _Pool, *, reliable: bool = True) -> None:
        """Count a call as ended; retire its pool if the connections are no longer reliable."""
        pool.calls -= 1
        if not reliable and pool is self._pools[-1]:
            self._pools.append(_Pool(self._make()))
        if pool is not self._pools[-1] and not pool.calls:
            self._pools.remove(pool)
            await asyncio.shield(pool.connections.aclose())


@dataclass(eq=False)
class _Body(httpx.AsyncByteStream):
    """A response's body; calls `on_closed` once, with whether it was read to the end and closed."""

    source: Any
    on_closed: Callable[[bool], Awaitable[None]]
    whole: bool = False
    closed: bool = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self.source:
                yield chunk
            self.whole = True
        except _FAILURES:
            raise errors.InvalidResponse("the answer was cut short: the connection ended before its body did") from None

    async def aclose(self) -> None:
        if self.closed:
            return
        self.closed = True
        reliable = False
        try:
            await self.source.aclose()
            reliable = self.whole
        finally:
            await self.on_closed(reliable)


def _failure(error: Exception) -> errors.MimecastError:
    """Return the error for one of httpcore, without its text, which can contain what the peer sent."""
    if isinstance(error, httpcore.LocalProtocolError):
        return errors.SecretUnreadable("the request cannot be sent: a header contains invalid characters")
    if not isinstance(error, httpcore.ProxyError):
        return errors.InvalidResponse("the answer is not HTTP, or was cut short: check the host and port of base_url")
    status = str(error)[:3]
    advice = {
        "407": "check the user and password in api.proxy_url",
        "429": "the rate limit is the proxy's, not the API's: ask its administrator",
    }.get(status, "check api.proxy_url, and that the proxy allows connections to the API")
    summary = f"HTTP {status}" if status.isdigit() else "no HTTP status"
    return errors.CannotConnect(f"the proxy refuses the connection ({summary} from the proxy): {advice}")
