"""URLs of APIs and proxies, as the HTTP library reads them: what it refuses later is refused here."""

from __future__ import annotations

import ipaddress
import re

import httpx

from exporter.config.secret import Secret

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f]*:[0-9a-f:.]+", re.ASCII)
_MAX_LENGTH = 2000


def base_url(text: str) -> str:
    """Return the URL of an API in its plainest form, without trailing slash; ValueError never repeats it."""
    url = _url(text, "https://api.example")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError("must begin with https:// (plain http is for loopback addresses only)")
    if url.userinfo or "@" in text or "?" in text or "#" in text:
        raise ValueError("must be a host, and no user, query or fragment")
    if re.search(r"/(api|oauth)(/|$)", url.path):
        raise ValueError("must end before the path of the API: leave out what begins with /api or /oauth")
    return f"{url.scheme}://{url.netloc.decode()}{url.raw_path.decode().rstrip('/')}"


class ProxyUrl(Secret):
    """The URL of a proxy, perhaps with a user and a password."""

    __slots__ = ()

    def _check(self, text: str) -> None:
        url = _url(text, "http://proxy.example:3128")
        if url.path.strip("/") or url.query or url.fragment:
            raise ValueError("must be a host and a port, and no path")


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


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
