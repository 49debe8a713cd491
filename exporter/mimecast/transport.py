"""The HTTP client that accounts share: settings, routes and connection pools. What fails is a MimecastError."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final

import certifi
import httpcore
import httpx

from .network import Network
from .pool import CancellablePool


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
        """Return a context that trusts `ca_file`, or else the public authorities.

        Authorities that companies make for themselves often lack what Python 3.13 and later demand (RFC 5280 in full).
        Whoever names one in `ca_file` trusts it as it is, so that demand is dropped there.

        Raises:
            OSError: a file cannot be used (ssl.SSLError is one).

        """
        context = ssl.create_default_context(cafile=self.ca_file or certifi.where())
        context.minimum_version = self.min_version
        if self.ca_file:
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


def open_http_client(settings: HttpSettings) -> httpx.AsyncClient:
    """Return a client for any number of accounts: no cookies, no redirects, nothing taken from the environment.

    It sets no time limits and no credentials; MimecastClient bounds the whole refresh and signs each request.

    Raises:
        OSError: a certificate file cannot be used (ssl.SSLError is one).

    """
    context = settings.tls_context()
    transport: httpx.AsyncBaseTransport = CancellablePool(_direct(context))
    if settings.proxy_url:
        proxied = CancellablePool(_proxied(httpx.Proxy(settings.proxy_url), context))
        transport = Routes(transport, proxied, settings.no_proxy)
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # noqa: S113 - one bound holds the whole refresh, see MimecastClient
        auth=httpx.Auth(),  # none, even where base_url holds a user and a password
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
    )


_LIMITS: Final[dict[str, Any]] = {"max_connections": None, "max_keepalive_connections": 20, "keepalive_expiry": 5.0}


def _direct(context: ssl.SSLContext) -> Callable[[], httpcore.AsyncConnectionPool]:
    network = Network()
    return lambda: httpcore.AsyncConnectionPool(ssl_context=context, network_backend=network, **_LIMITS)


def _proxied(proxy: httpx.Proxy, context: ssl.SSLContext) -> Callable[[], httpcore.AsyncConnectionPool]:
    network = Network(is_proxy=True)
    return lambda: httpcore.AsyncHTTPProxy(
        str(proxy.url),
        proxy_auth=proxy.raw_auth,
        ssl_context=context,
        proxy_ssl_context=context if proxy.url.scheme == "https" else None,
        network_backend=network,
        **_LIMITS,
    )


@dataclass(frozen=True)
class Routes(httpx.AsyncBaseTransport):
    """Sends each request directly or through the proxy, as its host says; loopback is always direct."""

    direct: httpx.AsyncBaseTransport
    proxied: httpx.AsyncBaseTransport
    no_proxy: Callable[[str, int], bool]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; see `httpx.AsyncBaseTransport`."""
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
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(name))  # 127.1, 0x7f000001, as the resolver reads them
        except OSError:
            return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified
