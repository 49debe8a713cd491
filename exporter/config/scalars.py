"""Parse single values of the configuration: names, patterns, durations, sizes, URLs and rules for hosts.

Durations and sizes are written as in Prometheus; rules for hosts have the meaning that Go gives to NO_PROXY.
"""

from __future__ import annotations

import ipaddress
import re
import warnings
from ipaddress import IPv4Network, IPv6Network
from typing import Self

import httpx

from exporter.config.secret import Secret

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_PATTERN = 1000
_MAX_NAME = 100

_SECONDS = {"y": 365 * 86400.0, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,15}}){unit})?" for unit in _SECONDS), re.ASCII)

_BYTES = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,15})(B|[KMGT]i?B)", re.ASCII)

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}|[0-9a-f]*:[0-9a-f:.]+", re.ASCII)
_MAX_URL = 2000

#: A host or a domain; a last label of digits only is taken for an invalid IP address.
_NAME = re.compile(rf"(?:\*?\.)?(?:{_LABEL}\.)*(?![0-9]+$){_LABEL}", re.ASCII)
_NETWORK = re.compile(r"[0-9a-f:.]+(/[0-9]{1,3})?", re.ASCII)
_WITH_PORT = re.compile(r"(\[[0-9a-f:.]*:[0-9a-f:.]*\]|[^:/\[\]]+)(?::([0-9]{1,5}))?", re.ASCII)
_EXPECTED = "must be a host, a domain or an IP address (with an optional port), a network such as 10.0.0.0/8, or *"


class CollectorName(str):
    """The name of a collector; each is a distinct object, so that a problem is reported at its line."""


def name(text: str) -> str:
    """Return a valid name: printable, on one line, at most 100 characters."""
    if not text.strip():
        raise ValueError("must not be empty")
    if text != text.strip() or _CONTROL.search(text):
        raise ValueError("must not begin or end with a space, or hold a control character")
    if len(text) > _MAX_NAME:
        raise ValueError(f"must be at most {_MAX_NAME} characters long")
    return text


def identifier(text: str) -> str:
    """Return the identifier of an application; ValueError never repeats it."""
    if not re.fullmatch("[!-~]+", text):
        raise ValueError("must be plain characters without spaces")
    return text


def title_pattern(text: str) -> re.Pattern[str]:
    """Return an expression of Python's `re` for whole titles; `.` matches line breaks, as in Prometheus."""
    if len(text) > _MAX_PATTERN:
        raise ValueError(f"must be at most {_MAX_PATTERN} characters long")
    try:
        with warnings.catch_warnings():
            # Python warns that the meaning of sets such as `[[a]` may change.
            warnings.simplefilter("ignore")
            return re.compile(text, re.DOTALL)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"not a regular expression: {error.msg}{where}") from None
    except (OverflowError, RecursionError):
        raise ValueError("not a regular expression: a number is too large or brackets are too deep") from None


class Duration(float):
    """A length of time in seconds, written like `1h30m`, `400d`, `500ms`: units from large to small."""

    expected = "a duration such as 5m"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the length of `5m`, for instance, 300.0; ValueError says how to write a duration."""
        if text == "0":
            return cls(0)
        match = _DURATION.fullmatch(text)
        if not match or not text:
            raise ValueError("not a duration with its unit: write it like 30s, 5m, 1h30m, 400d or 500ms")
        return cls(sum(int(count or 0) * unit for count, unit in zip(match.groups(), _SECONDS.values(), strict=True)))

    def __str__(self) -> str:
        """Write the same length of time in the largest units that hold it exactly, down to milliseconds."""
        rest, text = round(self * 1000), ""
        # Weeks and years are not written, so that `400d` stays `400d`.
        for unit in ("d", "h", "m", "s", "ms"):
            count, rest = divmod(rest, round(_SECONDS[unit] * 1000))
            text += f"{count}{unit}" if count else ""
        return text or "0s"


class Size(int):
    """A number of bytes, written like `512KB`, `64MiB`; KB and KiB are both 1024 bytes, as in Prometheus."""

    expected = "a size such as 64MiB"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the size of `64MiB`, for instance, 67108864; ValueError says how to write a size."""
        match = _SIZE.fullmatch(text)
        if not match:
            raise ValueError("not a size with its unit: write it like 512KB, 64MiB or 1GB")
        return cls(int(match[1]) * _BYTES[match[2][0]])

    def __str__(self) -> str:
        """Write the same number of bytes in the largest unit that holds it exactly."""
        for letter in "TGMK":
            if self and self % _BYTES[letter] == 0:
                return f"{self // _BYTES[letter]}{letter}iB"
        return f"{int(self)}B"


def base_url(text: str) -> str:
    """Return the normalized URL of an API, without trailing slash; ValueError never repeats it."""
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
    """The URL of a proxy, with an optional user and password."""

    def _checked(self, text: str) -> str:
        url = _url(text, "http://proxy.example:3128")
        if url.path.strip("/") or url.query or url.fragment:
            raise ValueError("must be a host and a port, and no path")
        return text


def _url(text: str, example: str) -> httpx.URL:
    """Return a URL that has a host; ValueError never repeats it, because it may hold a password."""
    if not text.isascii() or not text.isprintable() or " " in text or len(text) > _MAX_URL:
        raise ValueError(f"must be a URL of at most {_MAX_URL} plain characters, without spaces")
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
    """Return a network or a single address as a network, IPv4 also if it is mapped to IPv6; None if it is neither."""
    try:
        network = ipaddress.ip_network(text, strict=False) if _NETWORK.fullmatch(text) else None
    except ValueError:
        return None
    mapped = getattr(network and network.network_address, "ipv4_mapped", None)
    return IPv4Network((mapped, network.prefixlen - 96)) if network and mapped else network
