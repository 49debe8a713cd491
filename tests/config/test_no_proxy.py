"""Rules of `api.no_proxy` mean what they mean to Go programs."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.config import NoProxyRule
from tests.config.writing import ACME, load, problems


@pytest.mark.parametrize(
    ("rule", "direct", "proxied"),
    [
        ("example.com", ["example.com", "EXAMPLE.com", "a.b.example.com"], ["badexample.com", "com", "example.com.au"]),
        (".example.com", ["a.example.com"], ["example.com", "a.badexample.com"]),
        ("*.example.com", ["a.example.com"], ["example.com"]),
        ("Example.COM", ["a.example.com"], ["example.org"]),
        ("localhost", ["localhost", "a.localhost"], ["127.0.0.1"]),
        ("my_host", ["my_host"], ["host"]),
        ("192.0.2.1", ["192.0.2.1"], ["192.0.2.11", "1.192.0.2.1"]),
        ("2001:db8::1", ["2001:db8::1", "[2001:DB8:0::1]"], ["2001:db8::2", "example.com"]),
        ("[2001:db8::1]", ["[2001:db8::1]"], ["2001:db8::2"]),
        ("10.1.2.3/8", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "fd00::1", "ten.example"]),
        ("fd00::/8", ["[fd12::1]"], ["fe80::1", "10.0.0.1"]),
        ("*", ["example.com", "192.0.2.1", "::1"], []),
    ],
)
def test_a_rule_covers_what_it_covers_in_go(rule: str, direct: list[str], proxied: list[str]) -> None:
    parsed = NoProxyRule(rule)
    assert [parsed.matches(host, 443) for host in direct] == [True] * len(direct)
    assert [parsed.matches(host, 443) for host in proxied] == [False] * len(proxied)


@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("example.com:8443", "a.example.com"),
        (".example.com:8443", "a.example.com"),
        ("192.0.2.1:8443", "192.0.2.1"),
        ("[2001:db8::1]:8443", "2001:db8::1"),
    ],
)
def test_a_rule_with_a_port_covers_that_port_only(rule: str, host: str) -> None:
    assert NoProxyRule(rule).matches(host, 8443)
    assert not NoProxyRule(rule).matches(host, 443)


@pytest.mark.parametrize(
    "rule",
    [
        *("", " ", "[fd00::/8]", "[fd00::]/8", "10.0.0.0/33", "10.0.0.0/8:80", "10.0.0.0/255.0.0.0", "10/8", "a/8"),
        *("http://a.example", "a.example/x", "a.example:", "a.example:0", "a.example:70000", "a.example:http", ":80"),
        *("a b", "a,b", "[a.example]", "[::1", "::1]", "[::1]x", "[::1]:", "fe80::1%eth0", "1.2.3", "300.1.1.1"),
        *("01.2.3.4", "*.", ".", "..a", "a..b", "a.", "*a", "a.*", "*.*", "-a", "ä.example", "user@a.example", "**"),
    ],
)
def test_anything_else_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        NoProxyRule(rule)


_LABELS = st.from_regex("[a-z]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
_DOMAINS = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)


@given(_DOMAINS, _DOMAINS, st.integers(1, 65535))
def test_a_domain_covers_itself_and_everything_below(domain: str, other: str, port: int) -> None:
    rule = NoProxyRule(domain)
    assert rule.matches(domain, port)
    assert rule.matches(f"{other}.{domain}", port)
    assert rule.matches(other, port) == (other == domain or other.endswith(f".{domain}"))


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
def test_a_network_covers_its_addresses(
    address: ipaddress.IPv4Address, other: ipaddress.IPv4Address, bits: int
) -> None:
    assume(bits <= address.max_prefixlen)
    assume(not any(getattr(one, "ipv4_mapped", None) for one in (address, other)))
    rule = NoProxyRule(f"{address}/{bits}")
    assert rule.matches(str(address), 443)
    assert rule.matches(str(other), 443) == (other in ipaddress.ip_network((address, bits), strict=False))


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_an_ipv4_address_is_the_same_in_ipv6_spelling(
    address: ipaddress.IPv4Address, other: ipaddress.IPv4Address, length: int
) -> None:
    inside = other in ipaddress.ip_network(f"{address}/{length}", strict=False)
    for rule in (f"{address}/{length}", f"::ffff:{address}/{length + 96}"):
        for host in (f"{other}", f"[::ffff:{other}]"):
            assert NoProxyRule(rule).matches(host, 443) is inside


@given(st.text(alphabet="a1.:/[]*%- ,@", max_size=12) | st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_rule_or_refused_and_a_rule_judges_any_host(text: str, host: str) -> None:
    try:
        rule = NoProxyRule(text)
    except ValueError:
        return
    assert rule.matches(host, 443) in (True, False)
    assert NoProxyRule(str(rule)) == rule


def test_each_rule_that_is_refused_is_reported_at_its_line(folder: Path) -> None:
    text = "api:\n  no_proxy:\n    - localhost\n    - '[fd00::/8]'\n    - a b\naccounts:" + ACME
    assert [problem[: len("config.yaml:4: api.no_proxy[1]: not a network")] for problem in problems(folder, text)] == [
        "config.yaml:4: api.no_proxy[1]: must be a hos",
        "config.yaml:5: api.no_proxy[2]: must be a hos",
    ]
    [problem] = problems(folder, "api: {no_proxy: 'localhost, http://a, '}\naccounts:" + ACME)
    assert problem.startswith("config.yaml:1: api.no_proxy[1]: must be a host")


def test_rules_can_come_from_a_variable(folder: Path) -> None:
    config = load(folder, 'api: {no_proxy: "${NO}"}\naccounts:' + ACME, {"NO": "a.example, 10.0.0.0/8,"})
    assert config.api.no_proxy == (NoProxyRule("a.example"), NoProxyRule("10.0.0.0/8"))
