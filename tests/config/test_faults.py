"""What is wrong with a configuration is said: all of it, in the expected words, and without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import ConfigError, load_file, redacted
from tests.config.writing import ACME, CATALOG, FAULTY, PLANTED, load, problems


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_one_fault_is_one_problem_in_the_expected_words(file: Path) -> None:
    expected = file.read_text().splitlines()[0].removeprefix("# expected: ")
    with pytest.raises(ConfigError) as caught:
        load_file(file, environ={}, catalog=CATALOG)
    said = str(caught.value)
    assert said.replace(str(file), "FILE").replace(str(file.parent), "DIR") == f"FILE:{expected}"
    assert PLANTED not in said


def test_faults_of_every_kind_are_reported_together(folder: Path) -> None:
    assert problems(
        folder,
        """
accounts:
  - name: acme
    base_url: http://api.example
    tint: red
    oauth2: {client_id: id, client_secret_file: none}
    labels: {job: x}
  - name: acme
    region: eu
    hmac: {app_id: app, app_key: 5, access_key: a, secret_key: "?"}
cache: {ttl: 5}
api: {tls_config: {ca_file: none}}
""",
    ) == [
        "config.yaml:4: accounts[0].base_url: must begin with https:// (plain http is for loopback addresses only)",
        "config.yaml:5: accounts[0].tint: unknown key: name, base_url, region, oauth2, hmac, correct_answers,"
        " collectors, campaigns and labels are known",
        f"config.yaml:6: accounts[0].oauth2.client_secret_file: cannot read {folder}/none: No such file or directory",
        "config.yaml:7: accounts[0].labels.job: this label is taken by Prometheus or the exporter: use another name",
        f"config.yaml:8: accounts[1].name: duplicate account name, first in {folder}/config.yaml, line 3",
        "config.yaml:10: accounts[1].hmac.app_key: expected text, found a number: put it in quotes",
        "config.yaml:10: accounts[1].hmac.secret_key: is not base64: take the secret key exactly as Mimecast shows it",
        "config.yaml:11: cache.ttl: not a duration with its unit: write it like 30s, 5m, 1h30m, 400d or 500ms",
        f"config.yaml:12: api.tls_config.ca_file: cannot read {folder}/none: No such file or directory",
    ]


def test_a_file_that_cannot_be_read_is_one_problem(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_file(folder / "none.yaml", environ={}, catalog=CATALOG)
    assert str(caught.value) == f"{folder}/none.yaml: cannot be read: No such file or directory"


_PIECES = st.sampled_from(
    [
        *("accounts:\n", "  - ", "name: a\n", "    oauth2: {client_id: a, client_secret: b}\n", "    region: us\n"),
        *("    hmac: {app_id: a, app_key: b, access_key: c, secret_key: ", "QUJD}\n", "base_url: ", "https://a", ":1"),
        *("cache: {ttl: ", "5m", "}\n", "campaigns: {include: [", "'(a'", "]}\n", "api: {proxy_url: ", "http://b"),
        *("account_files: [", "'*'", "labels: {", "a: b", "}", "]", "[", "{", "\n", "    ", "\0", "/", "999999999y"),
        *("    campaigns: {max_age: 1d, limit: 3}\n", "tls_config: {ca_file: ", "${A}", "~", "a{9999999999}", "[::"),
    ]
)


@given(st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=100))
def test_no_file_does_anything_but_give_a_configuration_or_problems(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "replace"))
    try:
        config = load_file(file, environ={"A": "1"}, catalog=CATALOG)
    except ConfigError as error:
        said = [str(problem) for problem in error.problems]
    else:
        said = [redacted(config)]
    assert all(said)
    assert said


@pytest.fixture
def certificates(folder: Path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("exporter.example")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    authority.issue_cert("other.example").private_key_pem.write_to_path(folder / "other.pem")
    return folder


def test_tls_files_are_relative_to_the_configuration(certificates: Path) -> None:
    text = "api: {tls_config: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}}\n"
    config = load(certificates, text + "accounts:" + ACME)
    tls = config.api.tls_config
    assert [tls.ca_file, tls.cert_file, tls.key_file] == [
        f"{certificates}/{name}.pem" for name in ("ca", "cert", "key")
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("ca_file: key.pem", "ca_file: DIR/key.pem does not hold PEM certificates"),
        ("key_file: key.pem", "cert_file: is missing: give cert_file and key_file"),
        ("cert_file: none, key_file: key.pem", "cert_file: cannot read DIR/none: No such file or directory"),
        ("cert_file: cert.pem, key_file: none", "key_file: cannot read DIR/none: No such file or directory"),
        (
            "cert_file: cert.pem, key_file: other.pem",
            "cert_file: DIR/cert.pem does not hold a PEM certificate that fits the unencrypted key in DIR/other.pem",
        ),
    ],
)
def test_tls_files_that_cannot_be_used_are_problems(certificates: Path, files: str, expected: str) -> None:
    [problem] = problems(certificates, f"api: {{tls_config: {{{files}}}}}\naccounts:" + ACME)
    assert problem == f"config.yaml:1: api.tls_config.{expected}".replace("DIR", str(certificates))
