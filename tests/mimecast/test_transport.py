"""The way out: proxies, private authorities, client certificates, TLS versions, each against a real server."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from exporter.mimecast import HttpSettings, MimecastClient, MimecastError, SignedRequests, open_http_client
from tests.mimecast.calls import fetch
from tests.rawserver import RawServer, http, json_answer, raw_server, sends
from tests.vendor_samples import NEWER, answer

pytestmark = pytest.mark.anyio

GOOD = json_answer(answer(NEWER))


@dataclass
class Proxy:
    """A proxy that tunnels (CONNECT), and what it was asked."""

    url: str = ""
    credentials: str = ""
    tunnels: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxy(credentials: str = "") -> AsyncIterator[Proxy]:
    started = Proxy(credentials=credentials)
    expected = "Basic " + base64.b64encode(credentials.encode()).decode() if credentials else ""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        given = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        started.authorizations.append(given.get("proxy-authorization", ""))
        if given.get("proxy-authorization", "") != expected:
            writer.write(http(407))
            writer.close()
            return
        target = first.split(" ")[1]
        started.tunnels.append(target)
        host, _, port = target.rpartition(":")
        to_reader, to_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    started.url = f"http://{credentials + '@' if credentials else ''}127.0.0.1:{port}"
    try:
        yield started
    finally:
        listening.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA) -> Iterator[str]:
    with authority.cert_pem.tempfile() as path:
        yield path


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


async def fetched(server: RawServer, outbound: HttpSettings) -> int:
    """The number of campaigns that come back this way."""
    auth = SignedRequests(
        app_id="a", app_key=lambda: "planted", access_key=lambda: "planted", secret_key=lambda: "YQ=="
    )
    async with open_http_client(outbound) as web:
        client = MimecastClient(web, base_url=server.base_url, auth=auth, timeout=5)
        return len((await fetch(client)).items)


async def test_tls_goes_through_a_proxy(authority: trustme.CA, ca_file: str) -> None:
    async with proxy() as between, raw_server(sends(GOOD), server_context(authority)) as server:
        assert await fetched(server, HttpSettings(proxy_url=between.url, ca_file=ca_file)) == 1
    assert between.tunnels == [server.base_url.removeprefix("https://")]


async def test_a_proxy_gets_its_credentials_and_the_api_does_not(authority: trustme.CA, ca_file: str) -> None:
    async with proxy("user:pass") as between, raw_server(sends(GOOD), server_context(authority)) as server:
        assert await fetched(server, HttpSettings(proxy_url=between.url, ca_file=ca_file)) == 1
    assert all("proxy-authorization" not in request.headers for request in server.requests)


async def test_a_proxy_that_refuses_is_said_to_and_its_credentials_are_not_shown(
    authority: trustme.CA, ca_file: str
) -> None:
    async with proxy("user:right") as between, raw_server(sends(GOOD), server_context(authority)) as server:
        wrong = between.url.replace("right", "planted")
        with pytest.raises(MimecastError, match="proxy refuses") as caught:
            await fetched(server, HttpSettings(proxy_url=wrong, ca_file=ca_file))
    assert caught.value.reason == "connect"
    assert "planted" not in str(caught.value)
    assert server.requests == []


async def test_no_proxy_says_per_host_and_port_what_is_reached_directly(authority: trustme.CA, ca_file: str) -> None:
    asked: list[tuple[str, int]] = []

    def direct(host: str, port: int) -> bool:
        asked.append((host, port))
        return len(asked) == 1

    async with proxy() as between, raw_server(sends(GOOD), server_context(authority)) as server:
        settings = HttpSettings(proxy_url=between.url, no_proxy=direct, ca_file=ca_file)
        assert await fetched(server, settings) == 1
        assert between.tunnels == []
        assert await fetched(server, settings) == 1
    host, _, port = server.base_url.removeprefix("https://").rpartition(":")
    assert between.tunnels == [f"{host}:{port}"]
    assert asked == [(host, int(port))] * 2


async def test_proxies_of_the_environment_are_not_used(
    authority: trustme.CA, ca_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as between, raw_server(sends(GOOD), server_context(authority)) as server:
        monkeypatch.setenv("HTTPS_PROXY", between.url)
        monkeypatch.setenv("ALL_PROXY", between.url)
        assert await fetched(server, HttpSettings(ca_file=ca_file)) == 1
    assert between.tunnels == []


async def test_a_client_certificate_is_shown_to_a_server_that_asks(
    authority: trustme.CA, ca_file: str, tmp_path: Path
) -> None:
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    issued = authority.issue_cert("exporter@example.test")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    async with raw_server(sends(GOOD), context) as server:
        shown = HttpSettings(ca_file=ca_file, cert_file=str(cert), key_file=str(key))
        assert await fetched(server, shown) == 1
        with pytest.raises(MimecastError) as caught:
            await fetched(server, HttpSettings(ca_file=ca_file))
    assert caught.value.reason in ("tls", "connect")  # as the server tells why, or just hangs up


async def test_a_server_below_the_minimum_version_is_refused(authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with raw_server(sends(GOOD), context) as server:
        assert await fetched(server, HttpSettings(ca_file=ca_file)) == 1
        with pytest.raises(MimecastError) as caught:
            await fetched(server, HttpSettings(ca_file=ca_file, min_version=ssl.TLSVersion.TLSv1_3))
    assert caught.value.reason == "tls"
    assert re.fullmatch(r"no TLS connection \(\w.+\): check api\.tls_config", str(caught.value))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_with_credentials(status: int) -> None:
    async with raw_server(sends(GOOD)) as elsewhere:
        redirect = http(status, headers={"location": elsewhere.base_url + "/"})
        async with raw_server(sends(redirect)) as server:
            with pytest.raises(MimecastError) as caught:
                await fetched(server, HttpSettings())
    assert caught.value.reason == "invalid_response"
    assert elsewhere.requests == []
