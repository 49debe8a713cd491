"""URLs of APIs and proxies, and the hosts that are reached without a proxy.

What the HTTP library would refuse later is refused here. Rules for hosts have the meaning Go gives to NO_PROXY.
"""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Self

import httpx

from exporter.config.secret import Secret

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f]*:[0-9a-f:.]+", re.ASCII)
_MAX_LENGTH = 2000

_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
#: A host or a domain; a last label of digits only would be an IP address with a mistake in it.
_NAME = re.compile(rf"(?:\*?\.)?(?:{_LABEL}\.)*(?![0-9]+$){_LABEL}", re.ASCII)
_NETWORK = re.compile(r"[0-9a-f:.]+(/[0-9]{1,3})?", re.ASCII)
_WITH_PORT = re.compile(r"(\[[0-9a-f:.]*:[0-9a-f:.]*\]|[^:/\[\]]+)(?::([0-9]{1,5}))?", re.ASCII)
_EXPECTED = "must be a host, a domain, an IP address, each perhaps with a port, a network such as 10.0.0.0/8, or *"


def base_url(text: str) -> str:
    """Return the URL of an API in its plainest form, without trailing slash; ValueError never repeats it."""
    url = _url(text, "https://api.example")
    address = _network(url.host)
    loopback = address.is_loopback if address else url.host == "localhost" or url.host.endswith(".localhost")
    if url.scheme == "http" and not loopback:
        raise ValueError("must begin with https:// (plain http is for loopback addresses only)")
    if url.userinfo or "@" in text or "?" in text or "#" in text:
        raise ValueError("must be a host, and no user, query or fragment")
    if re.search(r"/(api|oauth)(/|$)", url.path):
        raise ValueError("must end before the path of the API: leave out what begins with /api or /oauth")
    return f"{url.scheme}://{url.netloc.decode()}{url.raw_path.decode().rstrip('/')}"


class ProxyUrl(Secret):
    """The URL of a proxy, perhaps with a user and a password."""

    def _checked(self, text: str) -> str:
        url = _url(text, "http://proxy.example:3128")
        if url.path.strip("/") or url.query or url.fragment:
            raise ValueError("must be a host and a port, and no path")
        return text


def _url(text: str, example: str) -> httpx.URL:
    """Return a URL that has a host; ValueError never repeats it, because it may hold a password."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a URL of plain characters without spaces")
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"must be at most {_MAX_LENGTH} characters long")
    try:
        url = httpx.URL(text)
        host, port = url.host and url.raw_host.decode().lower(), url.port
    except (httpx.InvalidURL, ValueError):
        raise ValueError("is not a URL: check the host and the port") from None
    if url.scheme not in {"https", "http"} or not host:
        raise ValueError(f"must be an http or https URL, such as {example}")
    if not _HOST.fullmatch(host) or not (port is None or 0 < port < 1 << 16):
        raise ValueError("is not a URL: check the host and the port")
    return url


class NoProxyRule(str):
    """One rule: `*`, a domain, an IP address or a network.

    `example.com` stands for the host and its subdomains, `.example.com` and `*.example.com` for the subdomains only,
    `10.0.0.0/8` for a network. A host or an IP address can have a port: `example.com:8443`, `[2001:db8::1]:443`.
    """

    _host: str
    _network: IPv4Network | IPv6Network | None
    _port: int | None

    def __new__(cls, text: str) -> Self:
        rule = super().__new__(cls, text.strip().lower())
        match = _WITH_PORT.fullmatch(rule)
        rule._host = match[1].strip("[]") if match else str(rule)
        rule._port = int(match[2]) if match and match[2] else None
        rule._network = _network(rule._host)
        if rule != "*" and not (rule._network or _NAME.fullmatch(rule._host)):
            raise ValueError(_EXPECTED)
        if rule._port is not None and not 0 < rule._port < 1 << 16:
            raise ValueError("must have a port between 1 and 65535")
        return rule

    def matches(self, host: str, port: int) -> bool:
        """Report whether the rule covers a host (a name, or an IP address with or without brackets) and port."""
        if self == "*":
            return True
        if self._port not in {None, port}:
            return False
        host = host.strip("[]").lower()
        if self._network is not None:
            address = _network(host)
            return address is not None and address.network_address in self._network
        if self._host.startswith(("*", ".")):
            return host.endswith(self._host.removeprefix("*"))
        return f".{host}".endswith(f".{self._host}")


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """Return a network or a single address as a network; None if the text is neither."""
    try:
        return ipaddress.ip_network(text, strict=False) if _NETWORK.fullmatch(text) else None
    except ValueError:
        return None
