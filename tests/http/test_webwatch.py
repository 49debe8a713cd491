"""The web configuration while it changes under a running server."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest
import trustme

from exporter.http.middleware.protection import Protection
from exporter.http.server.server import Server
from exporter.http.server.tls import Tls
from exporter.http.webconfig.watching import WatchedWebConfig
from tests.http.serving import SampleApp, client_context, connected, request, serving

pytestmark = pytest.mark.anyio

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.pem%s}\n"
STRICT = TLS % ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem"


@dataclass
class Watched:
    """A server that follows a file, looked at when the test says so."""

    server: Server
    web: WatchedWebConfig
    folder: Path

    async def look(self, text: str | None = None) -> None:
        if text is not None:
            (self.folder / "web.yml").write_text(text)
        await self.web.check(self.server.replace_tls)

    async def status(self, tls: ssl.SSLContext | None = None) -> int:
        async with connected(self.server, tls=tls) as wire:
            return (await wire.ask(request()))[0]


def issue(folder: Path, authority: trustme.CA, name: str = "localhost") -> bytes:
    """Put a new certificate into place as Kubernetes does, by renaming a symbolic link; gives it in DER form."""
    pair = authority.issue_cert(name, "127.0.0.1", "localhost")
    version = folder / f"version-{len(list(folder.iterdir()))}.pem"
    pair.private_key_and_cert_chain_pem.write_to_path(str(version))
    (folder / "next").symlink_to(version)
    (folder / "next").rename(folder / "server.pem")
    return ssl.PEM_cert_to_DER_cert(pair.cert_chain_pems[0].bytes().decode())


@pytest.fixture
async def watched(app: SampleApp, tmp_path: Path, authority: trustme.CA) -> AsyncIterator[Watched]:
    """A server with TLS."""
    issue(tmp_path, authority)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "web.yml").write_text(TLS % "")
    web = WatchedWebConfig(tmp_path / "web.yml")
    protection = Protection(app, lambda: web.current)
    async with serving(protection, tls=web.current.tls, stop=app.waiting.set) as server:
        yield Watched(server, web, tmp_path)


async def test_users_are_taken_into_force(watched: Watched, authority: trustme.CA) -> None:
    client = client_context(authority)
    assert await watched.status(client) == 200
    await watched.look(TLS % "" + f"basic_auth_users: {{alice: {HASH}}}")
    assert await watched.status(client) == 401


async def test_a_new_certificate_is_served_to_the_next_connection(watched: Watched, authority: trustme.CA) -> None:
    client = client_context(authority)
    renewed = issue(watched.folder, authority)
    await watched.look()
    async with connected(watched.server, tls=client) as wire:
        assert wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) == renewed


async def test_tightened_client_authentication_holds_for_the_next_connection_and_drops_no_answer(
    watched: Watched, app: SampleApp, authority: trustme.CA
) -> None:
    client = client_context(authority)
    async with connected(watched.server, tls=client) as before:
        await before.send(request("/wait"))
        await app.begun.wait()
        await watched.look(STRICT)
        app.waiting.set()
        assert (await before.answer())[0] == 200
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        await watched.status(client)
    authority.issue_cert("prometheus.example").configure_cert(client)
    assert await watched.status(client) == 200


async def test_tls_may_come_and_go(watched: Watched, authority: trustme.CA) -> None:
    await watched.look("# plain HTTP\n")
    assert await watched.status() == 200
    await watched.look(TLS % "")
    assert await watched.status(client_context(authority)) == 200


@pytest.mark.parametrize(
    "text", ["junk", "tls_server_config: {cert_file: gone, key_file: gone}", "basic_auth_users: {a: b}"]
)
async def test_a_broken_version_keeps_the_one_before_and_says_so(
    watched: Watched, authority: trustme.CA, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    with caplog.at_level(logging.ERROR):
        await watched.look(text)
        await watched.look()
        await watched.look()
    assert not watched.web.valid
    assert await watched.status(client_context(authority)) == 200
    assert len(caplog.records) == len({record.getMessage() for record in caplog.records}) > 0
    assert "the previous one stays in force" in caplog.text
    await watched.look(TLS % "")
    assert watched.web.valid


async def test_a_missing_file_keeps_the_one_before(watched: Watched, authority: trustme.CA) -> None:
    (watched.folder / "web.yml").unlink()
    await watched.look()
    await watched.look()
    assert not watched.web.valid
    assert await watched.status(client_context(authority)) == 200


async def test_a_certificate_replaced_before_its_key_is_no_news(
    watched: Watched, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    pair = authority.issue_cert("localhost")
    cert = pair.cert_chain_pems[0].bytes()
    config = TLS.replace("key_file: server.pem", "key_file: server.key") % ""
    (watched.folder / "server.key").write_bytes((watched.folder / "server.pem").read_bytes())
    await watched.look(config)
    (watched.folder / "server.pem").unlink()
    (watched.folder / "server.pem").write_bytes(cert)
    with caplog.at_level(logging.ERROR):
        await watched.look()
        assert watched.web.valid
        pair.private_key_pem.write_to_path(str(watched.folder / "server.key"))
        await watched.look()
    assert watched.web.valid
    assert caplog.records == []


async def test_a_file_that_a_refused_version_names_is_watched_too(watched: Watched, authority: trustme.CA) -> None:
    text = TLS.replace("server.pem", "later.pem") % ""
    await watched.look(text)
    await watched.look()
    assert not watched.web.valid
    os.link((watched.folder / "server.pem").resolve(), watched.folder / "later.pem")
    await watched.look()
    assert watched.web.valid


async def test_an_unchanged_configuration_closes_no_connection(watched: Watched, authority: trustme.CA) -> None:
    async with connected(watched.server, tls=client_context(authority)) as wire:
        await wire.ask(request())
        await watched.look(TLS % "" + "# a remark\n")
        await watched.look(TLS % "" + "http_server_config: {headers: {X-Frame-Options: deny}}\n")
        assert (await wire.ask(request()))[1]["x-frame-options"] == "deny"


async def test_it_is_looked_at_every_second_until_cancelled(watched: Watched) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            (watched.folder / "web.yml").write_text("# plain HTTP\n")
        if len(waits) == 4:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await watched.web.watch(watched.server.replace_tls, sleep)
    assert waits == [1.0] * 4
    assert await watched.status() == 200


async def test_without_a_file_nothing_is_watched() -> None:
    web = WatchedWebConfig(None)
    await web.watch(_never)
    await web.check(_never)
    assert web.valid


@pytest.mark.parametrize("failure", [OSError(24, "Too many open files"), ZeroDivisionError()])
async def test_tls_settings_that_cannot_be_put_into_force_are_reported_once_and_retried(
    watched: Watched, authority: trustme.CA, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    renewed = issue(watched.folder, authority)

    async def fail(tls: Tls | None) -> None:
        raise failure

    for _ in range(3):
        await watched.web.check(fail)
        assert not watched.web.valid
    assert len(caplog.records) == 1
    assert str(failure) in caplog.text
    await watched.look()
    assert watched.web.valid
    async with connected(watched.server, tls=client_context(authority)) as wire:
        assert wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) == renewed


async def test_a_context_that_cannot_be_made_is_reported_once_and_retried(
    watched: Watched, authority: trustme.CA, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = issue(watched.folder, authority)

    def no_file_left(name: str) -> int:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(os, "memfd_create", no_file_left)
        for _ in range(3):
            await watched.look()
            assert not watched.web.valid
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    await watched.look()
    assert watched.web.valid
    async with connected(watched.server, tls=client_context(authority)) as wire:
        assert wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True) == renewed


@pytest.mark.parametrize(
    "broken",
    [
        "# für\n".encode("latin-1"),
        "\ufeff# für\n".encode(),
        b"\xff\xfe\x00",
        b"-----BEGIN CERTIFICATE-----\n\xfc\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    ],
)
async def test_client_authorities_that_cannot_be_used_keep_those_before_and_are_reported_once(
    watched: Watched, authority: trustme.CA, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    await watched.look(STRICT)
    client = client_context(authority)
    authority.issue_cert("prometheus.example").configure_cert(client)
    good = (watched.folder / "ca.pem").read_bytes()
    (watched.folder / "ca.pem").write_bytes(broken)
    with caplog.at_level(logging.ERROR):
        for _ in range(4):
            await watched.look()
    assert not watched.web.valid
    assert [record.exc_info for record in caplog.records] == [None]
    assert "client_ca_file" in caplog.text
    assert await watched.status(client) == 200
    (watched.folder / "ca.pem").write_bytes((broken if b"#" in broken else b"") + good)
    await watched.look()
    assert watched.web.valid
    assert await watched.status(client) == 200


async def _never(tls: Tls | None) -> None:
    raise AssertionError("nothing changed")
