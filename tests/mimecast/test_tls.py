"""TLS towards the API: private authorities, client certificates, versions, replaced files; on real connections."""

from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
import tempfile
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from exporter.mimecast import HttpSettings, MimecastError
from exporter.mimecast.network import handshake_failure
from tests.mimecast.calls import GOOD, fetched, server_context
from tests.rawserver import raw_server, sends

pytestmark = pytest.mark.anyio


async def test_a_certificate_that_is_not_trusted_is_said_to_be_so(authority: trustme.CA) -> None:
    async with raw_server(sends(GOOD), server_context(authority)) as server:
        with pytest.raises(
            MimecastError, match=r"the certificate of 127.0.0.1 is not trusted \(.+\).*ca_file"
        ) as caught:
            await fetched(server.base_url, HttpSettings())
    assert caught.value.reason == "tls"


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
        assert await fetched(server.base_url, shown) == 2
        with pytest.raises(MimecastError) as caught:
            await fetched(server.base_url, HttpSettings(ca_file=ca_file))
    assert caught.value.reason in ("tls", "connect")  # as the server tells why, or just hangs up


async def test_a_server_below_the_minimum_version_is_refused(authority: trustme.CA, ca_file: str) -> None:
    context = server_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with raw_server(sends(GOOD), context) as server:
        assert await fetched(server.base_url, HttpSettings(ca_file=ca_file)) == 2
        with pytest.raises(MimecastError) as caught:
            await fetched(server.base_url, HttpSettings(ca_file=ca_file, min_version=ssl.TLSVersion.TLSv1_3))
    assert caught.value.reason == "tls"
    assert re.fullmatch(r"no TLS connection to 127\.0\.0\.1 \(\w.+\): check base_url .*", str(caught.value))


async def test_an_authority_replaced_at_the_same_path_is_trusted_by_the_settings_read_after_that(
    tmp_path: Path,
) -> None:
    path, old, new = tmp_path / "ca.pem", trustme.CA(), trustme.CA()
    old.cert_pem.write_to_path(str(path))
    before = HttpSettings(ca_file=str(path))
    async with raw_server(sends(GOOD), server_context(old)) as server:
        assert await fetched(server.base_url, before) == 2
    new.cert_pem.write_to_path(str(path))
    after = HttpSettings(ca_file=str(path))
    assert after != before
    async with raw_server(sends(GOOD), server_context(new)) as server:
        assert await fetched(server.base_url, after) == 2


contents = st.tuples(st.binary(max_size=3), st.binary(max_size=3), st.binary(max_size=3))


@given(before=contents, after=contents)
def test_settings_are_equal_where_the_contents_of_their_files_are(
    before: tuple[bytes, ...], after: tuple[bytes, ...]
) -> None:
    with tempfile.TemporaryDirectory() as folder:

        def made(files: tuple[bytes, ...]) -> HttpSettings:
            names = [Path(folder, name) for name in ("ca", "cert", "key")]
            for path, content in zip(names, files, strict=True):
                path.write_bytes(content)
            return HttpSettings(ca_file=str(names[0]), cert_file=str(names[1]), key_file=str(names[2]))

        one, other = made(before), made(after)
        assert (one == other) == (before == after)
        assert hash(one) != hash(other) or before == after


def test_a_file_that_is_not_there_is_an_error_of_the_settings() -> None:
    with pytest.raises(OSError, match="No such file"):
        HttpSettings(ca_file="/nowhere/ca.pem")


def corporate_authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """An authority as old tools make it, without critical basic constraints and key identifiers; and its server."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Corporate CA", "127.0.0.1")]

    def certificate(number: int, extension: x509.ExtensionType) -> bytes:
        builder = x509.CertificateBuilder(names[0], names[number], keys[number].public_key())
        builder = builder.serial_number(number + 1).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=30)).add_extension(extension, critical=False)
        return builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    ca_file, server_file = folder / "corporate.pem", folder / "server.pem"
    ca_file.write_bytes(certificate(0, x509.BasicConstraints(ca=True, path_length=None)))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server_file.write_bytes(certificate(1, x509.SubjectAlternativeName([host])) + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file)
    return ca_file, context


@pytest.fixture
def strict_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make contexts as Python 3.13 and later do."""
    create = ssl.create_default_context

    def strict(**settings: str) -> ssl.SSLContext:
        context = create(**settings)  # type: ignore[arg-type] # passed on as they come
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)


async def test_a_corporate_authority_named_in_ca_file_is_verified_as_before_python_3_13(
    tmp_path: Path, strict_by_default: None
) -> None:
    ca_file, context = corporate_authority(tmp_path)
    async with raw_server(sends(GOOD), context) as server:
        assert await fetched(server.base_url, HttpSettings(ca_file=str(ca_file))) == 2


async def test_a_company_ca_that_strict_checks_refuse_has_an_error_with_the_remedy(
    tmp_path: Path, strict_by_default: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca_file, context = corporate_authority(tmp_path)
    monkeypatch.setattr("certifi.where", lambda: str(ca_file))
    async with raw_server(sends(GOOD), context) as server:
        with pytest.raises(MimecastError, match=r"requires certificates that follow RFC 5280 .*ca_file") as caught:
            await fetched(server.base_url, HttpSettings())
    assert caught.value.reason == "tls"


async def test_another_authority_is_not_trusted_for_all_that(tmp_path: Path, ca_file: str) -> None:
    _, context = corporate_authority(tmp_path)
    async with raw_server(sends(GOOD), context) as server:
        with pytest.raises(MimecastError, match=r"name its CA in api\.tls_config\.ca_file"):
            await fetched(server.base_url, HttpSettings(ca_file=ca_file))


@pytest.mark.parametrize(("code", "advice"), [(10, "check the clock"), (9, "check the clock"), (62, "check the host")])
def test_a_failed_verification_comes_with_advice(code: int, advice: str) -> None:
    error = ssl.SSLCertVerificationError(1, "failed")
    error.verify_code, error.verify_message = code, "OpenSSL's words"
    message = str(handshake_failure(error, "api.test"))
    assert "the certificate of api.test is not trusted (OpenSSL's words)" in message
    assert advice in message
