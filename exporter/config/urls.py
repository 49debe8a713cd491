"""URLs of APIs and proxies."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from exporter.config.secret import Secret

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
#: Hosts that the HTTP library takes for IPv4 addresses.
_LIKE_IPV4 = re.compile(r"[0-9]+.[0-9]+.[0-9]+.[0-9]+", re.ASCII)
_MAX_LENGTH = 2000


class BaseUrl(str):
    """The URL of an API: https, a host, perhaps a port and a path prefix; without trailing slash."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> str:
        """Return the URL in its plainest form; ValueError says what is wrong with it and never repeats it."""
        url = _split_url(text, "https://api.example")
        if url.scheme == "http" and not _is_loopback(url.hostname or ""):
            raise ValueError("must begin with https:// (plain http is for loopback addresses only)")
        if url.username is not None or url.query or url.fragment or text[-1] in "?#":
            raise ValueError("must be a host, and no user, query or fragment")
        if re.search(r"/(api|oauth)(/|$)", url.path):
            raise ValueError("must end before the path of the API: leave out what begins with /api or /oauth")
        return cls(f"{url.scheme}://{url.netloc.lower().removesuffix(':')}{url.path.rstrip('/')}")


class ProxyUrl(Secret):
    """The URL of a proxy, perhaps with a user and a password."""

    __slots__ = ()

    def _check(self, text: str) -> None:
        url = _split_url(text, "http://proxy.example:3128")
        if url.path.strip("/") or url.query or url.fragment:
            raise ValueError("must be a host and a port, and no path")


def _split_url(text: str, example: str) -> SplitResult:
    """Split a URL that has a host; ValueError never repeats it, because it may hold a password."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a URL of plain characters without spaces")
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"must be at most {_MAX_LENGTH} characters long")
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError("is not a URL: check the host and the port") from None
    if url.scheme not in {"https", "http"} or not host:
        raise ValueError(f"must be an http or https URL, such as {example}")
    if port == 0 or not _is_host(host, in_brackets="[" in url.netloc.rpartition("@")[2]):
        raise ValueError("is not a URL: check the host and the port")
    return url


def _is_host(host: str, *, in_brackets: bool) -> bool:
    if not in_brackets and not _LIKE_IPV4.fullmatch(host):
        return bool(_HOST.fullmatch(host))
    try:
        return (ipaddress.ip_address(host).version == 6) == in_brackets and "%" not in host
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
