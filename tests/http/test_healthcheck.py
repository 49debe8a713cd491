"""Asking a real server for its health, whatever its TLS, credentials and socket."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme

from exporter.http.health import Health, check_health
from exporter.http.middleware.protection import Protection
from exporter.http.server.listen import ListenAddress
from exporter.http.server.server import Server
from exporter.http.server.tls import Tls, TlsSettings
from exporter.http.webconfig.loading import WebConfig
from tests.http.serving import HealthyApp, SampleApp, serving

pytestmark = pytest.mark.anyio


async def ask(server: Server, *, tls_first: bool = False) -> Health:
    return await asyncio.to_thread(check_health, server.addresses, 5.0, tls_first=tls_first)


def settings(authority: trustme.CA, **changes: Any) -> Tls:
    pair = authority.issue_cert("elsewhere.example")
    cert, key = pair.cert_chain_pems[0].bytes(), pair.private_key_pem.bytes()
    return TlsSettings(cert=cert, key=key, client_ca=authority.cert_pem.bytes(), **changes).tls()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", ":0", "0.0.0.0:0", "localhost:0"])
async def test_a_server_that_serves_is_healthy(address: str) -> None:
    async with serving(HealthyApp(), [address]) as server:
        assert (await ask(server)).ok


async def test_a_unix_socket_is_checked(tmp_path: Path) -> None:
    async with serving(HealthyApp(), [f"unix:{tmp_path}/s"]) as server:
        assert await ask(server) == Health(True, f"unix:{tmp_path}/s: /-/healthy answered 200")


@pytest.mark.parametrize("tls_first", [True, False])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"max_version": "TLS12"},
        {"min_version": "TLS10", "max_version": "TLS10"},
        {"client_auth_type": "VerifyClientCertIfGiven"},
        {"client_auth_type": "RequireAndVerifyClientCert"},
        {"client_auth_type": "RequireAndVerifyClientCert", "max_version": "TLS12"},
    ],
)
async def test_tls_is_no_obstacle(authority: trustme.CA, tls_first: bool, changes: dict[str, str]) -> None:
    async with serving(HealthyApp(), tls=settings(authority, **changes)) as server:
        health = await ask(server, tls_first=tls_first)
    assert health.ok, health.text


async def test_a_password_is_no_obstacle() -> None:
    users = {b"a": bcrypt.hashpw(b"b", bcrypt.gensalt(4))}
    protection = Protection(HealthyApp(), lambda: WebConfig(users=users), ["/-/healthy"])
    async with serving(protection) as server:
        assert (await ask(server, tls_first=True)).ok


async def test_another_answer_than_200_is_not_healthy() -> None:
    async with serving(SampleApp()) as server:
        health = await ask(server)
    assert not health.ok
    assert health.text.endswith("/-/healthy answered 404")


async def test_a_server_that_does_not_answer_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = ListenAddress("127.0.0.1", silent.getsockname()[1])
        health = await asyncio.to_thread(check_health, [address], 0.3)
    assert not health.ok
    assert "no answer in" in health.text


async def test_a_port_without_a_listener_is_not_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = ListenAddress("127.0.0.1", taken.getsockname()[1])
    health = await asyncio.to_thread(check_health, [address], 1)
    assert health == Health(False, f"{address}: Connection refused")


async def test_the_first_address_that_can_be_reached_is_checked() -> None:
    assert not (await asyncio.to_thread(check_health, [ListenAddress("127.0.0.1", 0)], 1)).ok
    async with serving(HealthyApp()) as server:
        addresses = [ListenAddress("127.0.0.1", 0), *server.addresses]
        assert (await asyncio.to_thread(check_health, addresses, 5)).ok
