"""Directly or through a proxy: which hosts go which way, and whose failure it is."""

from __future__ import annotations

import ipaddress
import socket

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from exporter.mimecast import HttpSettings, MimecastError
from exporter.mimecast.transport import is_loopback
from tests.mimecast.calls import GOOD, fetched, server_context
from tests.mimecast.proxies import proxy
from tests.rawserver import RawServer, http, raw_server, sends

pytestmark = pytest.mark.anyio


def named(server: RawServer) -> str:
    """The server's address under a name that only the proxy resolves."""
    return server.base_url.replace("127.0.0.1", "api.test")


async def test_tls_goes_through_a_proxy(authority: trustme.CA, ca_file: str) -> None:
    async with proxy() as between, raw_server(sends(GOOD), server_context(authority)) as server:
        assert await fetched(named(server), HttpSettings(proxy_url=between.url, ca_file=ca_file)) == 2
    assert between.tunnels == [named(server).removeprefix("https://")]


async def test_a_proxy_that_speaks_tls_is_trusted_by_the_same_authorities(authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority)
    async with proxy("user:pass", context) as between, raw_server(sends(GOOD), context) as server:
        assert await fetched(named(server), HttpSettings(proxy_url=between.url, ca_file=ca_file)) == 2
        with pytest.raises(MimecastError) as caught:
            await fetched(named(server), HttpSettings(proxy_url=between.url))
    assert caught.value.reason == "tls"
    assert "the certificate of 127.0.0.1 is not trusted" in str(caught.value)


async def test_a_proxy_gets_its_credentials_and_the_api_does_not(authority: trustme.CA, ca_file: str) -> None:
    async with proxy("user:pass") as between, raw_server(sends(GOOD), server_context(authority)) as server:
        assert await fetched(named(server), HttpSettings(proxy_url=between.url, ca_file=ca_file)) == 2
    assert all("proxy-authorization" not in request.headers for request in server.requests)


async def test_a_proxy_that_refuses_its_credentials_is_named_and_they_are_not_shown(
    authority: trustme.CA, ca_file: str
) -> None:
    async with proxy("user:right") as between, raw_server(sends(GOOD), server_context(authority)) as server:
        wrong = HttpSettings(proxy_url=between.url.replace("right", "planted"), ca_file=ca_file)
        with pytest.raises(MimecastError, match=r"the proxy refuses .*HTTP 407.*user and password") as caught:
            await fetched(named(server), wrong)
    assert caught.value.reason == "connect"
    assert "planted" not in str(caught.value) + repr(wrong)
    assert server.requests == []


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 502, 503, 504])
async def test_a_refusal_of_the_proxy_is_the_proxys_and_not_the_apis(status: int) -> None:
    refusal = http(status, b'{"fail": [{"code": "token_expired"}]}', headers={"retry-after": "3000"})
    async with proxy(refusal=refusal.replace(b" X\r", b" planted\r")) as between:
        with pytest.raises(MimecastError, match=rf"the proxy refuses .*HTTP {status} from the proxy") as caught:
            await fetched("https://api.test", HttpSettings(proxy_url=between.url))
    error = caught.value
    assert (error.reason, error.retry_after, error.concerns_credentials) == ("connect", None, False)
    assert "planted" not in str(error)
    assert "secret" not in str(error)


async def test_a_proxy_that_is_not_there_is_named_with_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = HttpSettings(proxy_url=f"http://user:planted@127.0.0.1:{port}")
    with pytest.raises(MimecastError) as caught:
        await fetched("https://api.test", settings)
    assert caught.value.reason == "connect"
    assert f"the proxy 127.0.0.1:{port} (Connection refused): check api.proxy_url" in str(caught.value)
    assert "planted" not in str(caught.value)


async def test_no_proxy_says_per_host_and_port_what_is_reached_directly(authority: trustme.CA, ca_file: str) -> None:
    asked: list[tuple[str, int]] = []

    def never(host: str, port: int) -> bool:
        asked.append((host, port))
        return False

    async with proxy() as between, raw_server(sends(GOOD), server_context(authority)) as server:
        assert await fetched(named(server), HttpSettings(between.url, never, ca_file)) == 2
        port = int(server.base_url.rpartition(":")[2])
        with pytest.raises(MimecastError, match=r"api\.test cannot be resolved"):
            await fetched(named(server), HttpSettings(between.url, lambda host, port: True, ca_file))
    assert asked == [("api.test", port)]
    assert between.tunnels == [f"api.test:{port}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "LOCALHOST"])
async def test_loopback_is_reached_directly_whatever_the_proxy(host: str) -> None:
    async with proxy() as between, raw_server(sends(GOOD)) as server:
        base_url = server.base_url.replace("127.0.0.1", host)
        assert await fetched(base_url, HttpSettings(between.url, lambda host, port: False)) == 2
    assert between.tunnels == []


loopback = st.ip_addresses(network="127.0.0.0/8")


@given(address=loopback, name=st.from_regex(r"([a-zA-Z0-9]{1,9}\.){0,2}[lL]ocalhos[tT]\.?", fullmatch=True))
def test_loopback_is_known_in_every_spelling(address: ipaddress.IPv4Address, name: str) -> None:
    number = int(address)
    spellings = [
        name, str(address), f"{address}.", f"::ffff:{address}", f"[::ffff:{address}]", str(number), hex(number),
        f"127.{number & 0xFFFFFF}", "::1", "[::1]", "0:0:0:0:0:0:0:1", "0.0.0.0", "::",
    ]  # fmt: skip
    assert all(map(is_loopback, spellings))


@given(address=st.ip_addresses().filter(lambda address: not address.is_loopback and not address.is_unspecified))
def test_other_hosts_are_not_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert is_loopback(str(address)) == bool(mapped and (mapped.is_loopback or mapped.is_unspecified))
    for name in ("localhost.example", "notlocalhost", "api.test", "127.0.0.1.example", ""):
        assert not is_loopback(name)


async def test_proxies_of_the_environment_are_not_used(
    authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as between:
        for name in ("HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, between.url)
        with pytest.raises(MimecastError, match="cannot be resolved"):
            await fetched("https://api.test", HttpSettings(ca_file=ca_file))
    assert between.tunnels == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_with_credentials(status: int) -> None:
    async with raw_server(sends(GOOD)) as elsewhere:
        redirect = http(status, headers={"location": elsewhere.base_url + "/"})
        async with raw_server(sends(redirect)) as server:
            with pytest.raises(MimecastError) as caught:
                await fetched(server.base_url, HttpSettings())
    assert caught.value.reason == "invalid_response"
    assert elsewhere.requests == []
