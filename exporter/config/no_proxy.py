"""Rules that name the hosts reached without the proxy, with the meaning Go gives to NO_PROXY."""

from __future__ import annotations

import ipaddress
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Self

_LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
#: A host name; a last label of digits only would be an IP address with a mistake in it.
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+$){_LABEL}", re.ASCII)
_BRACKETS = re.compile(r"\[([0-9a-f:.]+)\](?::(.*))?", re.ASCII)
_CIDR = re.compile(r"[0-9a-f:.]+/[0-9]{1,3}", re.ASCII)
_PORT = re.compile("[0-9]{1,5}", re.ASCII)


class NoProxyRule(str):
    """One rule: `*`, a domain, an IP address or a network.

    `example.com` stands for the host and its subdomains, `.example.com` and `*.example.com` for the subdomains only,
    `10.0.0.0/8` for a network. A host or an IP address can have a port: `example.com:8443`, `[2001:db8::1]:443`.
    """

    __slots__ = ("_domain", "_network", "_port")

    _domain: str
    _network: IPv4Network | IPv6Network | None
    _port: int | None

    def __new__(cls, text: str) -> Self:
        rule = super().__new__(cls, text.strip())
        rule._domain, rule._network, rule._port = "", None, None
        if "/" in rule:
            rule._network = _network(rule.lower())
        elif rule != "*":
            host, rule._port = _split_port(rule.lower())
            rule._network = _single_address(host)
            rule._domain = "" if rule._network else _domain(host)
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
            address = _address(host)
            return address is not None and address in self._network
        return host.endswith(self._domain) if self._domain[0] == "." else f".{host}".endswith(f".{self._domain}")


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        if not _CIDR.fullmatch(text):
            raise ValueError
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("not a network: write it like 10.0.0.0/8 or fd00::/8, without brackets or a port") from None


def _split_port(text: str) -> tuple[str, int | None]:
    """Return a host and its port. An IPv6 address has a port only after brackets."""
    if match := _BRACKETS.fullmatch(text):
        host, port = match[1], match[2]
        if ":" not in host:
            raise ValueError("only an IPv6 address stands in brackets")
    elif text.count(":") == 1:
        host, port = text.split(":")
    else:
        host, port = text, None
    if port is not None and not (_PORT.fullmatch(port) and 0 < int(port) < 1 << 16):
        raise ValueError("not a port: write it like example.com:8443")
    return host, None if port is None else int(port)


def _single_address(host: str) -> IPv4Network | IPv6Network | None:
    address = _address(host)
    return None if address is None else ipaddress.ip_network(address)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address, an IPv4 address written in IPv6 as the IPv4 address; None if the host is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _domain(host: str) -> str:
    domain = host.removeprefix("*") if host.startswith("*.") else host
    if not _NAME.fullmatch(domain.removeprefix(".")):
        raise ValueError("must be a host name, a domain, an IP address, a network such as 10.0.0.0/8, or *")
    return domain
