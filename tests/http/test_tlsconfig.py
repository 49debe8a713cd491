"""TLS settings as clients meet them: versions, cipher suites, curves, client certificates and their names."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import replace

import pytest
import trustme

from exporter.http.server.tls import OPENSSL_CIPHERS, VERSIONS, TlsSettings, alternative_names
from tests.http.serving import SampleApp, client_context, connected, request, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def settings(authority: trustme.CA) -> TlsSettings:
    """A certificate for localhost, and the test's authority for clients."""
    pair = authority.issue_cert("localhost")
    cert = b"".join(blob.bytes() for blob in pair.cert_chain_pems)
    return TlsSettings(cert=cert, key=pair.private_key_pem.bytes(), client_ca=authority.cert_pem.bytes())


async def ask(settings: TlsSettings, client: ssl.SSLContext) -> tuple[str, str]:
    """TLS version and cipher suite of a request that was answered."""
    app = SampleApp()
    async with (
        serving(app, tls=settings.tls()) as server,
        connected(server, tls=client) as wire,
    ):
        assert (await wire.ask(request()))[0] == 200
        ssl_object = wire.writer.get_extra_info("ssl_object")
        return ssl_object.version(), ssl_object.cipher()[0]


async def refused(settings: TlsSettings, client: ssl.SSLContext) -> bool:
    """Whether a client gets no answer."""
    try:
        await ask(settings, client)
    except (ssl.SSLError, ConnectionError, EOFError):
        return True
    return False


def only(client: ssl.SSLContext, version: str) -> ssl.SSLContext:
    """The same client, able to speak this version alone, at whatever level of security."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.set_ciphers("ALL:@SECLEVEL=0")
        client.minimum_version = client.maximum_version = VERSIONS[version]
    return client


@pytest.mark.parametrize(
    ("lowest", "highest", "spoken"),
    [
        ("TLS12", "TLS13", {"TLS12", "TLS13"}),
        ("TLS13", "TLS13", {"TLS13"}),
        ("TLS12", "TLS12", {"TLS12"}),
        ("TLS10", "TLS13", {"TLS10", "TLS11", "TLS12", "TLS13"}),
        ("TLS11", "TLS11", {"TLS11"}),
    ],
)
async def test_the_versions_between_the_lowest_and_the_highest_are_spoken(
    settings: TlsSettings, authority: trustme.CA, lowest: str, highest: str, spoken: set[str]
) -> None:
    bounded = replace(settings, min_version=lowest, max_version=highest)
    for version in VERSIONS:
        client = only(client_context(authority), version)
        assert await refused(bounded, client) == (version not in spoken), version


RSA = [name for name in OPENSSL_CIPHERS if "_RSA_" in name]
ECDSA = [name for name in OPENSSL_CIPHERS if "_ECDSA_" in name]


@pytest.mark.parametrize("name", ECDSA)
async def test_a_single_cipher_suite_is_the_one_spoken(settings: TlsSettings, authority: trustme.CA, name: str) -> None:
    client = client_context(authority)
    client.set_ciphers("ALL")
    chosen = replace(settings, cipher_suites=(name,), max_version="TLS12")
    assert await ask(chosen, client) == ("TLSv1.2", OPENSSL_CIPHERS[name])


async def test_a_client_without_a_common_cipher_suite_is_refused(settings: TlsSettings, authority: trustme.CA) -> None:
    client = client_context(authority)
    client.set_ciphers("ECDHE-ECDSA-AES256-SHA")
    assert await refused(replace(settings, cipher_suites=tuple(ECDSA[:2]), max_version="TLS12"), client)


@pytest.mark.parametrize("ours_first", [True, False])
async def test_the_preference_is_the_servers_or_the_clients(
    settings: TlsSettings, authority: trustme.CA, ours_first: bool
) -> None:
    ours, theirs = ECDSA[1], ECDSA[0]
    client = client_context(authority)
    client.set_ciphers(f"{OPENSSL_CIPHERS[theirs]}:{OPENSSL_CIPHERS[ours]}")
    chosen = replace(
        settings, cipher_suites=(ours, theirs), max_version="TLS12", prefer_server_cipher_suites=ours_first
    )
    assert (await ask(chosen, client))[1] == OPENSSL_CIPHERS[ours if ours_first else theirs]


@pytest.mark.parametrize(("curve", "theirs"), [("CurveP521", "secp521r1"), ("X25519", "X25519")])
async def test_one_curve_is_the_only_one(settings: TlsSettings, authority: trustme.CA, curve: str, theirs: str) -> None:
    same, other = client_context(authority), client_context(authority)
    same.set_ecdh_curve(theirs)
    other.set_ecdh_curve("secp384r1")
    assert not await refused(replace(settings, curve_preferences=[curve]), same)
    assert await refused(replace(settings, curve_preferences=[curve]), other)


async def test_client_certificates_are_verified_where_they_are_given(
    settings: TlsSettings, authority: trustme.CA
) -> None:
    optional = replace(settings, client_auth_type="VerifyClientCertIfGiven")
    stranger, friend = client_context(authority), client_context(authority)
    trustme.CA().issue_cert("friend.example").configure_cert(stranger)
    authority.issue_cert("friend.example").configure_cert(friend)
    assert not await refused(optional, client_context(authority))
    assert not await refused(optional, friend)
    assert await refused(optional, stranger)
    assert await refused(replace(optional, client_auth_type="RequireAndVerifyClientCert"), client_context(authority))


async def test_a_client_receives_the_alert_of_a_failed_handshake(settings: TlsSettings, authority: trustme.CA) -> None:
    required = replace(settings, client_auth_type="RequireAndVerifyClientCert")
    stranger = client_context(authority)
    trustme.CA().issue_cert("friend.example").configure_cert(stranger)
    with pytest.raises(ssl.SSLError, match="certificate required"):
        await ask(required, client_context(authority))
    with pytest.raises(ssl.SSLError, match="unknown ca"):
        await ask(required, stranger)
    with pytest.raises(ssl.SSLError, match="protocol version"):
        await ask(settings, only(client_context(authority), "TLS11"))


async def test_without_an_authority_of_its_own_a_client_needs_one_the_system_trusts(
    settings: TlsSettings, authority: trustme.CA
) -> None:
    friend = client_context(authority)
    authority.issue_cert("friend.example").configure_cert(friend)
    assert await refused(replace(settings, client_ca=None, client_auth_type="RequireAndVerifyClientCert"), friend)


@pytest.mark.parametrize("given", ["prometheus.example", "192.0.2.7", "2001:db8::7", "scraper@example.com"])
async def test_only_certificates_with_an_allowed_name_connect(
    settings: TlsSettings, authority: trustme.CA, given: str
) -> None:
    named = replace(settings, client_auth_type="RequireAndVerifyClientCert", client_allowed_sans=("one", given))
    client, other = client_context(authority), client_context(authority)
    authority.issue_cert("something.else", given).configure_cert(client)
    authority.issue_cert("something.else", common_name=given).configure_cert(other)
    assert not await refused(named, client)
    assert await refused(named, other)
    assert await refused(replace(named, client_allowed_sans=()), client)


async def test_names_are_compared_whole(settings: TlsSettings, authority: trustme.CA) -> None:
    named = replace(settings, client_auth_type="RequireAndVerifyClientCert", client_allowed_sans=("a.example",))
    client = client_context(authority)
    authority.issue_cert("aa.example", "*.example", "a.example.org").configure_cert(client)
    assert await refused(named, client)


async def test_without_a_certificate_no_name_is_allowed_and_the_refusal_is_logged(
    settings: TlsSettings, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    named = replace(settings, client_auth_type="VerifyClientCertIfGiven", client_allowed_sans=("a.example",))
    assert await refused(named, client_context(authority))
    assert [record.__dict__["names"] for record in caplog.records] == [""]


async def test_the_names_of_a_refused_certificate_are_logged(
    settings: TlsSettings, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    named = replace(settings, client_auth_type="RequireAndVerifyClientCert", client_allowed_sans=("a.example",))
    client = client_context(authority)
    authority.issue_cert("c.example", "b.example").configure_cert(client)
    assert await refused(named, client)
    assert [record.__dict__["names"] for record in caplog.records] == ["b.example, c.example"]


async def test_a_uri_is_a_name_too() -> None:
    peer = {"subjectAltName": (("URI", "spiffe://a/b"), ("DirName", ()), ("IP Address", "<invalid>"))}
    assert alternative_names(peer) == {"spiffe://a/b"}


async def test_a_session_that_is_resumed_is_judged_by_its_certificate(
    settings: TlsSettings, authority: trustme.CA
) -> None:
    named = replace(settings, client_auth_type="RequireAndVerifyClientCert", client_allowed_sans=("a.example",))
    client = client_context(authority)
    authority.issue_cert("a.example").configure_cert(client)
    app = SampleApp()
    async with serving(app, tls=named.tls()) as server:
        for _ in range(2):
            async with connected(server, tls=client) as wire:
                assert (await wire.ask(request()))[0] == 200
