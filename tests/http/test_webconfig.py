"""The web configuration file: what is accepted, and by which words everything else is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import bcrypt
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.http.webconfig.loading import Loader, WebConfig, WebConfigError
from exporter.http.webconfig.schema import GoDuration, RateLimit
from exporter.http.webconfig.watching import WatchedWebConfig

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
PAIR = "cert_file: server.crt, key_file: server.key"

Load = Callable[[str], WebConfig]


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Path:
    """A folder with a server's certificate and key, another key, and an authority for clients."""
    pair = authority.issue_cert("localhost", "127.0.0.1")
    (tmp_path / "server.crt").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))
    pair.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    authority.issue_cert("other").private_key_pem.write_to_path(str(tmp_path / "other.key"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "junk.pem").write_text("junk")
    return tmp_path


@pytest.fixture(scope="module")
def authority_pem(authority: trustme.CA) -> bytes:
    """The certificate of an authority for clients."""
    return authority.cert_pem.bytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Path:
    """A folder with a web configuration, clients.yml, for which only clients.pem is missing."""
    made = tmp_path_factory.mktemp("clients")
    pair = authority.issue_cert("localhost")
    pair.private_key_and_cert_chain_pem.write_to_path(str(made / "server.pem"))
    (made / "clients.yml").write_text(
        "tls_server_config: {cert_file: server.pem, key_file: server.pem, client_ca_file: clients.pem, "
        "client_auth_type: RequireAndVerifyClientCert}"
    )
    return made


@pytest.fixture
def read(folder: Path) -> Load:
    """Loads a text as a web configuration file in that folder."""

    def load_text(text: str) -> WebConfig:
        (folder / "web.yml").write_text(text)
        return Loader(folder / "web.yml").config()

    return load_text


def problems(read: Load, text: str) -> list[str]:
    """What is wrong with a text, each problem without its file."""
    with pytest.raises(WebConfigError) as refusal:
        read(text)
    assert all(str(problem).startswith(f"{problem.file}:") for problem in refusal.value.problems)
    return [f"{problem.line}: {problem.key}: {problem.message}" for problem in refusal.value.problems]


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "basic_auth_users: {}\n", "tls_server_config:\n"])
def test_an_empty_file_is_valid_and_open(read: Load, text: str) -> None:
    config = read(text)
    assert config.tls is None
    assert config.users == {}


def test_no_file_is_open() -> None:
    assert WatchedWebConfig(None).current == WebConfig()


GOOD = {
    "certificate and key": f"tls_server_config: {{{PAIR}}}",
    "clients verified if given": f"tls_server_config: {{{PAIR}, client_auth_type: VerifyClientCertIfGiven}}",
    "clients required": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}}"
    ),
    "clients required of the system's authorities": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert}}"
    ),
    "no clients": f"tls_server_config: {{{PAIR}, client_auth_type: NoClientCert}}",
    "names of clients": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem, "
        "client_allowed_sans: [one, test3, two]}"
    ),
    "all cipher suites": """
tls_server_config:
  cert_file: server.crt
  key_file: server.key
  cipher_suites:
  - TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
  - TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
  - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
  - TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
  - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
  - TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
  - TLS_AES_128_GCM_SHA256
  - TLS_AES_256_GCM_SHA384
  - TLS_CHACHA20_POLY1305_SHA256
  - TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
  - TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
  - TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
  - TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
""",
    "a cipher suite HTTP/2 cannot use, without HTTP/2": (
        f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], max_version: TLS12}}\n"
        "http_server_config: {http2: false}"
    ),
    "a cipher suite HTTP/2 cannot use, as HTTP/2 is not served": (
        f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], max_version: TLS12}}"
    ),
    "a cipher suite HTTP/2 cannot use, in TLS 1.3 alone": (
        f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_AES_256_GCM_SHA384], min_version: TLS13}}"
    ),
    "the client's order": (
        f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], prefer_server_cipher_suites: false}"
    ),
    "one curve": f"tls_server_config: {{{PAIR}, min_version: TLS13, curve_preferences: [CurveP521]}}",
    "the other curve": f"tls_server_config: {{{PAIR}, curve_preferences: [X25519]}}",
    "old versions": f"tls_server_config: {{{PAIR}, min_version: TLS10, max_version: TLS11}}",
    "headers": """
http_server_config:
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000; includeSubDomains
    X-Content-Type-Options: nosniff
    X-XSS-Protection: 1
    Content-Security-Policy: "default-src 'self' *.test.example.net"
""",
    "users without TLS": f"basic_auth_users: {{alice: {HASH}, 'bob': {HASH.replace('$2b$04', '$2y$18')}}}",
    "users with TLS": f"tls_server_config: {{{PAIR}}}\nbasic_auth_users: {{alice: {HASH}}}",
    "no rate limit": "rate_limit: {interval: 0, burst: 0}",
    "a rate limit": 'rate_limit: {interval: "1s", burst: 0}',
}


@pytest.mark.parametrize("case", GOOD)
def test_what_the_format_allows_is_accepted(read: Load, case: str) -> None:
    config = read(GOOD[case])
    assert (config.tls is None) == ("tls_server_config" not in GOOD[case])


BAD = {
    "junk": ("hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr\n", "expected a mapping, found text"),
    "unknown key": (f"tls_server_config: {{{PAIR}, cert_filse: a}}", "cert_filse: unknown key: did you mean cert_file"),
    "unknown section": ("tls_config: {}", "tls_config: unknown key"),
    "empty certificate file": ('tls_server_config: {cert_file: "", key_file: server.key}', "one of cert or cert_file"),
    "empty certificate": ('tls_server_config: {cert: "", key_file: server.key}', "missing one of cert or cert_file"),
    "empty key file": ('tls_server_config: {cert_file: server.crt, key_file: ""}', "missing one of key or key_file"),
    "empty key": ('tls_server_config: {cert_file: server.crt, key: ""}', "missing one of key or key_file"),
    "nothing but a version": ("tls_server_config: {min_version: TLS13}", "missing one of cert or cert_file"),
    "missing certificate file": (
        "tls_server_config: {cert_file: gone, key_file: server.key}",
        "gone cannot be read: No such file or directory",
    ),
    "missing key file": (
        "tls_server_config: {cert_file: server.crt, key_file: gone}",
        "gone cannot be read: No such file or directory",
    ),
    "folder for a file": ("tls_server_config: {cert_file: ., key_file: server.key}", "cannot be read: Is a directory"),
    "certificate twice": (f"tls_server_config: {{{PAIR}, cert: x}}", "give cert or cert_file, not both"),
    "another certificate's key": (
        "tls_server_config: {cert_file: server.crt, key_file: other.key}",
        "key_file: does not belong to the certificate",
    ),
    "no certificate": ("tls_server_config: {cert_file: junk.pem, key_file: server.key}", "holds no certificate"),
    "no key": ("tls_server_config: {cert_file: server.crt, key_file: junk.pem}", "holds no private key"),
    "files exchanged": ("tls_server_config: {cert_file: server.key, key_file: server.crt}", "holds no certificate"),
    "client authority without a policy": (
        f"tls_server_config: {{{PAIR}, client_ca_file: ca.pem}}",
        "a client CA without a client_auth_type verifies nobody",
    ),
    "client authority that is none": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: junk.pem}}",
        "client_ca_file: holds no certificate",
    ),
    "missing client authority": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: gone}}",
        "gone cannot be read: No such file or directory",
    ),
    "names of clients without a policy": (
        f"tls_server_config: {{{PAIR}, client_allowed_sans: [one]}}",
        "client_allowed_sans: lets in clients without any certificate: set client_auth_type to Require",
    ),
    "names of clients who need no certificate": (
        f"tls_server_config: {{{PAIR}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem, "
        "client_allowed_sans: [one]}",
        "client_allowed_sans: lets in clients without any certificate: set client_auth_type to Require",
    ),
    "no names at all of clients who need no certificate": (
        f"tls_server_config: {{{PAIR}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem, "
        "client_allowed_sans: []}",
        "client_allowed_sans: lets in clients without any certificate",
    ),
    "invented policy": (
        f"tls_server_config: {{{PAIR}, client_auth_type: x}}",
        "client_auth_type: must be NoClientCert",
    ),
    "unverified clients": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequestClientCert}}",
        "client_auth_type: must be NoClientCert",
    ),
    "any client certificate": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAnyClientCert}}",
        "client_auth_type: must be NoClientCert",
    ),
    "any client certificate by its older name": (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireClientCert}}",
        "client_auth_type: must be NoClientCert",
    ),
    "invented cipher suite": (
        f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048]}}",
        "cipher_suites[0]: must be TLS_ECDHE",
    ),
    "insecure cipher suite": (f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}", "must be"),
    "cipher suites of another version": (
        f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12}}",
        "has no cipher suite that TLS12 can use",
    ),
    "invented curve": (f"tls_server_config: {{{PAIR}, curve_preferences: [CurveP257]}}", "curve_preferences[0]: must"),
    "several curves": (
        f"tls_server_config: {{{PAIR}, curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]}}",
        "curve_preferences: Python's ssl supports one curve only",
    ),
    "invented version": (f"tls_server_config: {{{PAIR}, min_version: TLS111}}", "min_version: must be TLS10, TLS11"),
    "versions the wrong way round": (
        f"tls_server_config: {{{PAIR}, min_version: TLS13, max_version: TLS12}}",
        "min_version: is above max_version",
    ),
    "content type options": (
        "http_server_config: {headers: {X-Content-Type-Options: sniff}}",
        "headers.X-Content-Type-Options: must be nosniff",
    ),
    "frame options": ("http_server_config: {headers: {X-Frame-Options: foo}}", "must be deny or sameorigin"),
    "another header": (
        "http_server_config: {headers: {Content-Type: foo}}",
        "headers.Content-Type: this header cannot be configured",
    ),
    "two headers in one": (
        'http_server_config: {headers: {Strict-Transport-Security: "a\\r\\nb: c"}}',
        "must be plain ASCII text on one line",
    ),
    "plain password": ("basic_auth_users: {john: doe}", "basic_auth_users.john: is not a bcrypt hash"),
    "another hash": (
        "basic_auth_users: {john: '$6$rounds=656000$salt$hash'}",
        "basic_auth_users.john: is not a bcrypt hash",
    ),
    "cost too low": (
        f"basic_auth_users: {{john: {HASH.replace('$04$', '$03$')}}}",
        "basic_auth_users.john: is not a bcrypt hash",
    ),
    "colon in a name": (f"basic_auth_users: {{'a:b': {HASH}}}", "a user name must not contain a colon"),
    "duration without a unit": ("rate_limit: {interval: 5, burst: 1}", "rate_limit.interval: not a duration"),
    "negative interval": ("rate_limit: {interval: -5s, burst: 1}", "rate_limit.interval: not a duration"),
    "negative burst": ("rate_limit: {interval: 1s, burst: -1}", "rate_limit.burst: must be at least 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_refused_by_its_name(read: Load, case: str) -> None:
    text, expected = BAD[case]
    found = problems(read, text)
    assert any(expected in problem for problem in found), found


def test_all_problems_are_reported_at_once_with_their_lines(read: Load) -> None:
    found = problems(
        read,
        "tls_server_config:\n  cert_file: gone\n  client_auth_type: x\nbasic_auth_users:\n  john: doe\n"
        "http_server_config:\n  headers:\n    Content-Type: foo\n",
    )
    assert [problem.partition(":")[0] for problem in found] == ["1", "2", "3", "5", "8"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WebConfigError, match=r"web\.yml: cannot be read: No such file or directory"):
        Loader(tmp_path / "web.yml").config()


def test_a_pipe_is_refused_instead_of_waited_for(folder: Path, read: Load) -> None:
    os.mkfifo(folder / "pipe")
    found = problems(read, "tls_server_config: {cert_file: pipe, key_file: server.key}")
    assert "not a regular file" in found[0]


def test_an_encrypted_key_is_refused_without_asking_for_its_passphrase(folder: Path, read: Load) -> None:
    (folder / "locked.key").write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    found = problems(read, "tls_server_config: {cert_file: server.crt, key_file: locked.key}")
    assert "key_file: is encrypted: give the key without a passphrase" in found[0]


def test_certificates_and_keys_may_be_inline(folder: Path, read: Load) -> None:
    cert, key, ca = ((folder / name).read_text() for name in ("server.crt", "server.key", "ca.pem"))
    config = read(
        f"tls_server_config:\n  cert: |\n    {indented(cert)}\n  key: |\n    {indented(key)}\n"
        f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca: |\n    {indented(ca)}\n"
    )
    assert config.tls is not None


def test_key_and_hash_are_in_no_text_of_the_configuration_and_no_problem(folder: Path, read: Load) -> None:
    key = (folder / "server.key").read_text()
    config = read(f"tls_server_config: {{{PAIR}}}\nbasic_auth_users: {{alice: {HASH}}}")
    assert key.splitlines()[1] not in repr(config)
    assert HASH not in repr(config)
    found = problems(
        read,
        f"tls_server_config:\n  cert_file: junk.pem\n  key: |\n    {indented(key)}\nbasic_auth_users:\n  a: {HASH}x\n",
    )
    assert key.splitlines()[1] not in "".join(found)
    assert HASH not in "".join(found)


def test_the_rate_limit_is_read_as_go_writes_durations(read: Load) -> None:
    assert read("rate_limit: {interval: 1m1.5s, burst: 5}").rate_limit == RateLimit(GoDuration(61.5), 5)
    assert read("rate_limit: {interval: 250us, burst: 5}").rate_limit == RateLimit(GoDuration(0.00025), 5)


def test_a_blank_header_is_unset(read: Load) -> None:
    assert read('http_server_config: {headers: {X-Frame-Options: "", X-XSS-Protection: "0"}}').headers == (
        ("X-XSS-Protection", "0"),
    )


def test_trust_in_every_authority_of_the_system_is_logged(read: Load, caplog: pytest.LogCaptureFixture) -> None:
    read(f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert}}")
    assert "every authority this system trusts" in caplog.text


_MARKS = [b"", b"\xef\xbb\xbf"]
_COMMENTS = st.one_of(
    st.text(max_size=20).map(lambda text: text.replace("-----", "").encode("utf-8", "replace")),
    st.text(st.characters(max_codepoint=255), max_size=20).map(
        lambda text: text.replace("-----", "").encode("latin-1")
    ),
    st.binary(max_size=20).filter(lambda data: b"-----" not in data),
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(mark=st.sampled_from(_MARKS), comments=st.lists(_COMMENTS, min_size=2, max_size=4))
def test_client_authorities_are_found_among_comments_in_any_encoding(
    authority_pem: bytes, files: Path, mark: bytes, comments: list[bytes]
) -> None:
    (files / "clients.pem").write_bytes(mark + (b"\n" + authority_pem).join(comments))
    config = Loader(files / "clients.yml").config()
    assert config.tls is not None
    assert len(config.tls.context.get_ca_certs()) == 1


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_whatever_a_file_of_client_authorities_has_it_is_taken_or_refused_by_its_name(
    authority_pem: bytes, files: Path, data: st.DataObject
) -> None:
    damaged = bytearray(authority_pem)
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    encoded = data.draw(st.sampled_from([bytes(damaged), damaged.decode("latin-1").encode("utf-16"), b"\xff" * 9]))
    (files / "clients.pem").write_bytes(data.draw(st.sampled_from([encoded, encoded + authority_pem, encoded[:200]])))
    try:
        Loader(files / "clients.yml").config()
    except WebConfigError as refusal:
        keys = [problem.key for problem in refusal.problems]
        assert keys == ["tls_server_config.client_ca_file"]


@pytest.mark.parametrize("mark", _MARKS)
@pytest.mark.parametrize("comment", [b"", "Zertifikat für Prometheus\n".encode("latin-1"), "für\n".encode()])
def test_certificate_and_key_may_have_comments_in_any_encoding(folder: Path, mark: bytes, comment: bytes) -> None:
    for name in ("server.crt", "server.key"):
        (folder / name).write_bytes(mark + comment + (folder / name).read_bytes())
    (folder / "web.yml").write_text(f"tls_server_config: {{{PAIR}}}")
    assert Loader(folder / "web.yml").config().tls is not None
