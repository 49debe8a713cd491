"""Rules that name the hosts reached without the proxy, with the meaning Go gives to NO_PROXY."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Network, IPv6Network
from typing import Self

_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
#: A host or a domain; a last label of digits only would be an IP address with a mistake in it.
_NAME = re.compile(rf"(?:\*?\.)?(?:{_LABEL}\.)*(?![0-9]+$){_LABEL}", re.ASCII)
_NETWORK = re.compile(r"[0-9a-f:.]+(/[0-9]{1,3})?", re.ASCII)
_WITH_PORT = re.compile(r"(\[[0-9a-f:.]*:[0-9a-f:.]*\]|[^:/\[\]]+)(?::([0-9]{1,5}))?", re.ASCII)
_EXPECTED = "must be a host, a domain, an IP address, each perhaps with a port, a network such as 10.0.0.0/8, or *"


class NoProxyRule(str):
    """One rule: `*`, a domain, an IP address or a network.

    `example.com` stands for the host and its subdomains, `.example.com` and `*.example.com` for the subdomains only,
    `10.0.0.0/8` for a network. A host or an IP address can have a port: `example.com:8443`, `[2001:db8::1]:443`.
    """

    __slots__ = ("_host", "_network", "_port")

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

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule; ValueError says what is wrong with it."""
        return cls(text)

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
