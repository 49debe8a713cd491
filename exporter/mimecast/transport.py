"""The HTTP client that accounts share: routes, connection pools, and a record of each exchange.

A request names in its extensions the call that it belongs to (`CALL`).
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import httpcore
import httpx

from . import errors
from .bodies import Budget, bounded
from .lookups import Lookups
from .network import Network
from .pool import CancellablePool
from .tls import client_context
from .traffic import Traffic

#: The key under which a request's extensions hold its `Call`.
CALL: Final = "mimecast_call"
#: The key under which a response's extensions hold when it came, in seconds since the epoch.
RECEIVED_AT: Final = "mimecast_received_at"
#: Bytes: an answer of the token endpoint is far smaller.
MAX_TOKEN_ANSWER = 1024 * 1024

Bypass = Callable[[str, int], bool]


@dataclass(frozen=True)
class Call:
    """What a request is made for: where it is recorded, how much may be read, and what a refusal should name."""

    endpoint: str
    permission: str
    traffic: Traffic
    budget: Budget

    @property
    def extensions(self) -> dict[str, Any]:
        """Return what a request made for this call carries."""
        return {CALL: self}

    def for_token(self) -> Call:
        """Return the call of the token that this call needs."""
        return replace(self, endpoint="token", budget=Budget(MAX_TOKEN_ANSWER))


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
    no_proxy: Bypass = _nothing_bypasses
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
    context = client_context(
        ca_file=settings.ca_file,
        cert_file=settings.cert_file,
        key_file=settings.key_file,
        min_version=settings.min_version,
    )
    lookups = Lookups()
    transport: httpx.AsyncBaseTransport = NotedTransport(lambda: _direct(context, lookups), wall_clock)
    if proxy_url := settings.proxy_url:
        proxied = NotedTransport(lambda: _proxied(proxy_url, context, lookups), wall_clock)
        transport = Routes(transport, proxied, settings.no_proxy)
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - one bound holds the whole refresh, see MimecastClient
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
    )


_LIMITS: Final[dict[str, Any]] = {"max_connections": None, "max_keepalive_connections": 20, "keepalive_expiry": 5.0}


def _direct(context: ssl.SSLContext, lookups: Lookups) -> httpx.AsyncBaseTransport:
    network = Network(lookups)
    return PoolTransport(httpcore.AsyncConnectionPool(ssl_context=context, network_backend=network, **_LIMITS))


def _proxied(proxy_url: str, context: ssl.SSLContext, lookups: Lookups) -> httpx.AsyncBaseTransport:
    proxy = httpx.Proxy(proxy_url)
    url = proxy.url
    pool = httpcore.AsyncHTTPProxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        proxy_auth=proxy.raw_auth,
        ssl_context=context,
        proxy_ssl_context=context if url.scheme == "https" else None,
        network_backend=Network(lookups, is_proxy=True),
        **_LIMITS,
    )
    return PoolTransport(pool)


class Routes(httpx.AsyncBaseTransport):
    """Sends each request directly or through the proxy, as its host says; loopback is always direct."""

    def __init__(self, direct: httpx.AsyncBaseTransport, proxied: httpx.AsyncBaseTransport, no_proxy: Bypass) -> None:
        self._direct = direct
        self._proxied = proxied
        self._no_proxy = no_proxy

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        direct = is_loopback(host) or self._no_proxy(host, port)
        return await (self._direct if direct else self._proxied).handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection of both routes."""
        await self._direct.aclose()
        await self._proxied.aclose()


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by any spelling of its name or address."""
    name = host.strip("[]").removesuffix(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(name))  # 127.1, 0x7f000001, as the resolver reads them
        except OSError:
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


class NotedTransport(CancellablePool):
    """Records each exchange in its call's traffic, and bounds each body by its call's budget."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], wall_clock: Callable[[], float]) -> None:
        super().__init__(make)
        self._wall_clock = wall_clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        call: Call = request.extensions[CALL]
        try:
            response = await super().handle_async_request(request)
        except BaseException:
            call.traffic.unanswered(call.endpoint)
            raise
        now = self._wall_clock()
        call.traffic.answered(call.endpoint, response.status_code, response.headers, now)
        response.extensions[RECEIVED_AT] = now
        return bounded(response, call.budget)


class PoolTransport(httpx.AsyncBaseTransport):
    """Sends requests by a pool of httpcore; what fails is a MimecastError.

    httpx's own transport offers no way to give the pool a network backend.
    """

    def __init__(self, pool: httpcore.AsyncConnectionPool) -> None:
        self._pool = pool

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await self._pool.handle_async_request(sent)
        except _FAILURES as error:
            failure = _failure(error)
        else:
            return httpx.Response(
                response.status,
                headers=response.headers,
                stream=_Body(response.stream),
                extensions=dict(response.extensions),
            )
        raise failure

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, source: Any) -> None:
        self._source: AsyncIterable[bytes] = source

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._source:
                yield chunk
        except _FAILURES:
            raise errors.InvalidResponse("the answer was cut short: the connection ended before its body did") from None

    async def aclose(self) -> None:
        await self._source.aclose()  # type: ignore[attr-defined] # httpcore's streams have it


_FAILURES = (httpcore.ProxyError, httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException)


def _failure(error: Exception) -> errors.MimecastError:
    """Return our error for one of httpcore; its text can hold what the other side sent, and goes no further."""
    if isinstance(error, httpcore.ProxyError):
        return _proxy_refusal(str(error)[:3])
    if isinstance(error, httpcore.LocalProtocolError):
        return errors.SecretUnreadable("the request cannot be sent: a header would hold characters that none may hold")
    return errors.InvalidResponse("the answer is not HTTP, or was cut short: is base_url the API's host and port?")


def _proxy_refusal(status: str) -> errors.CannotConnect:
    advice = {
        "407": "check the user and password in api.proxy_url",
        "429": "the proxy limits its users, not the API; ask whoever runs it",
    }.get(status, "ask whoever runs the proxy whether it lets this machine reach the API, and check api.proxy_url")
    told = f"HTTP {status}" if status.isdigit() else "no HTTP status"
    return errors.CannotConnect(f"the proxy refuses the connection ({told} from the proxy): {advice}")
