"""The configuration: from files and the environment to what the program uses, and what is refused on the way."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import trustme
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.config import (
    EXPOSED_LABELS,
    HMAC_REGIONS,
    OAUTH2_REGIONS,
    Account,
    ApiSettings,
    CacheSettings,
    CampaignFilter,
    Config,
    ConfigError,
    HmacCredentials,
    OAuth2Credentials,
    Secret,
    TlsSettings,
    load_environment,
    load_file,
    redacted,
)
from exporter.configschema import BaseUrl, ConfigFile
from exporter.metrics import ACCOUNT_METRICS, CAMPAIGN_LABELS, CAMPAIGN_METRICS
from exporter.telemetry import Telemetry
from exporter.units import Duration, Size
from exporter.yamlfile import read, struct_fields

ROOT = Path(__file__).parent.parent
FAULTY = sorted((Path(__file__).parent / "fixtures/config/faulty").glob("*.yaml"))
PLANTED = "planted-secret"

ACME = """
  - name: acme
    oauth2: {client_id: id, client_secret: planted-secret}
"""
GLOBEX = """
  - name: globex
    region: eu
    hmac: {app_id: app, app_key: planted-secret, access_key: planted-secret, secret_key: cGxhbnRlZC1zZWNyZXQ=}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is not the working directory."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def load(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    (folder / "config.yaml").write_text(text)
    return load_file(folder / "config.yaml", environ=environ or {})


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_file_gives_everything_it_says(folder: Path) -> None:
    text = """
accounts:
  - name: acme
    oauth2: {client_id: id, client_secret: planted-secret}
  - name: globex
    base_url: https://Gateway.example:8443/mimecast/
    hmac: {app_id: app, app_key: key, access_key: access, secret_key: c2VjcmV0}
    correct_answers: option
    campaigns: {exclude: ["Test.*"], max_age: 30d}
    labels: {tier: gold}
cache: {ttl: 0s, max_stale: 1h30m}
campaigns: {include: [".*2024"], exclude: ["Draft.*"], max_age: 400d, limit: 2000}
api:
  timeout: 500ms
  max_response_size: 512KB
  concurrency: 5
  proxy_url: http://user:pass@proxy.example:3128
  no_proxy: [localhost, .internal.example]
  tls_config: {min_version: TLS13}
"""
    common = CampaignFilter(_patterns(".*2024"), _patterns("Draft.*"), 400 * 86400.0, 2000)
    assert load(folder, text) == Config(
        accounts=(
            Account(
                name="acme",
                base_url="https://api.services.mimecast.com",
                credentials=OAuth2Credentials("id", Secret("planted-secret")),
                campaigns=common,
            ),
            Account(
                name="globex",
                base_url="https://gateway.example:8443/mimecast",
                credentials=HmacCredentials("app", Secret("key"), Secret("access"), Secret("c2VjcmV0")),
                correct_answers="option",
                campaigns=CampaignFilter(_patterns(".*2024"), _patterns("Test.*"), 30 * 86400.0, 2000),
                labels={"tier": "gold"},
            ),
        ),
        cache=CacheSettings(ttl=0.0, max_stale=5400.0),
        api=ApiSettings(
            timeout=0.5,
            max_response_size=512 * 1024,
            concurrency=5,
            proxy_url=Secret("http://user:pass@proxy.example:3128"),
            no_proxy=("localhost", ".internal.example"),
            tls=TlsSettings(min_version="TLS13"),
        ),
        campaigns=common,
        source=str(folder / "config.yaml"),
    )


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.DOTALL) for text in texts)


def test_everything_but_accounts_has_the_documented_default(folder: Path) -> None:
    config = load(folder, "accounts:" + ACME)
    assert (config.cache, config.api, config.campaigns) == (CacheSettings(), ApiSettings(), CampaignFilter())
    assert (config.cache.ttl, config.cache.max_stale) == (300, 3600)
    assert (config.api.timeout, config.api.max_response_size, config.api.concurrency) == (30, 67108864, 20)
    assert config.api.tls == TlsSettings(None, None, None, "TLS12")
    assert config.accounts[0].correct_answers == "count"


def test_an_account_can_switch_a_global_list_off(folder: Path) -> None:
    text = "campaigns: {include: [a], exclude: [b]}\naccounts:" + ACME + "    campaigns: {include: [], exclude: }\n"
    [account] = load(folder, text).accounts
    assert account.campaigns == CampaignFilter(include=(), exclude=_patterns("b"))


def test_a_title_pattern_covers_line_breaks_and_inline_flags(folder: Path) -> None:
    config = load(folder, "campaigns: {include: ['(?i)a.b', '[[x]']}\naccounts:" + ACME)
    assert config.campaigns.include[0].fullmatch("A\nB")


@pytest.mark.parametrize("text", ["localhost, .internal.example,", "[localhost, .internal.example]"])
def test_hosts_without_proxy_are_a_list_or_one_text(folder: Path, text: str) -> None:
    quoted = text if text.startswith("[") else f"'{text}'"
    config = load(folder, f"api: {{no_proxy: {quoted}}}\naccounts:" + ACME)
    assert config.api.no_proxy == ("localhost", ".internal.example")


@pytest.mark.parametrize("region", [None, *OAUTH2_REGIONS])
def test_each_region_of_api_2_is_a_host(folder: Path, region: str | None) -> None:
    [account] = load(folder, "accounts:" + ACME + (f"    region: {region}\n" if region else "")).accounts
    assert account.base_url == OAUTH2_REGIONS[region or "global"]


@pytest.mark.parametrize("region", HMAC_REGIONS)
def test_each_region_of_api_1_is_a_host(folder: Path, region: str) -> None:
    [account] = load(folder, "accounts:" + GLOBEX.replace("eu", region, 1)).accounts
    assert account.base_url == HMAC_REGIONS[region]
    assert account.base_url.startswith(f"https://{region}-api.mimecast")


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "http://localhost:8080", "http://127.0.0.9:1", "http://[::1]:8080", "https://[2001:db8::1]"],
)
def test_a_base_url_is_https_or_on_loopback(url: str) -> None:
    assert BaseUrl.parse(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://10.0.0.1", "http://localhost.example", "ftp://a.example", "https://", "https:///x", "a.example", ""),
        *("https://a.example?x", "https://a.example#x", "https://a.example?", "https://u@a.example", "https://a b"),
        *("https://a.example:0", "https://a.example:70000", "https://[::1", "https://a\n.example", "https://ä.example"),
        *("https://a..example/api", "https://a.example/oauth/token", "https://a_.-", "https://*.example"),
    ],
)
def test_anything_else_is_no_base_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|is not) ") as caught:
        BaseUrl.parse(url)
    assert len(url) <= len("https://") or url not in str(caught.value)


# --- faults ---


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_one_fault_is_one_problem_in_the_expected_words(file: Path) -> None:
    expected = file.read_text().splitlines()[0].removeprefix("# expected: ")
    with pytest.raises(ConfigError) as caught:
        load_file(file, environ={})
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
    colour: red
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
        "config.yaml:5: accounts[0].colour: unknown key: name, base_url, region, oauth2, hmac, correct_answers,"
        " campaigns and labels are known",
        f"config.yaml:6: accounts[0].oauth2.client_secret_file: cannot read secret file {folder}/none:"
        " No such file or directory",
        "config.yaml:7: accounts[0].labels.job: this label is taken: use another name",
        f"config.yaml:8: accounts[1].name: duplicate account name, first in {folder}/config.yaml, line 3",
        "config.yaml:10: accounts[1].hmac.app_key: expected text, found a number: put it in quotes",
        "config.yaml:10: accounts[1].hmac.secret_key: is not base64: take the secret key exactly as Mimecast shows it",
        "config.yaml:11: cache.ttl: a duration needs a unit: write 30s, 5m, 1h30m, 400d or 500ms",
        f"config.yaml:12: api.tls_config.ca_file: cannot read {folder}/none: No such file or directory",
    ]


def test_a_file_that_cannot_be_read_is_one_problem(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_file(folder / "none.yaml", environ={})
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
        config = load_file(file, environ={"A": "1"})
    except ConfigError as error:
        said = [str(problem) for problem in error.problems]
    else:
        said = [redacted(config)]
    assert all(said)
    assert said


@given(
    st.dictionaries(st.sampled_from(["BASE_URL", "REGION", "CLIENT_ID", "CLIENT_SECRET", "SECRET_KEY_FILE"]), st.text())
)
def test_no_environment_does_anything_but_give_a_configuration_or_problems(values: dict[str, str]) -> None:
    try:
        config = load_environment({f"MIMECAST_{name}": value for name, value in values.items()})
    except ConfigError as error:
        said = [str(problem) for problem in error.problems]
    else:
        said = [redacted(config)]
    assert all(said)
    assert said


# --- secrets ---


def test_a_secret_file_is_relative_to_its_configuration_and_read_at_each_use(folder: Path) -> None:
    (folder / "key").write_text("first\n")
    config = load(folder, "accounts:" + ACME.replace("client_secret: planted-secret", "client_secret_file: key"))
    credentials = config.accounts[0].credentials
    assert isinstance(credentials, OAuth2Credentials)
    assert credentials.client_secret.read() == "first"
    (folder / "key").write_text("second\r\n")
    assert credentials.client_secret.read() == "second"
    (folder / "key").write_text("")
    with pytest.raises(ValueError, match=f"secret file {folder}/key is empty"):
        credentials.client_secret.read()
    (folder / "key").unlink()
    with pytest.raises(FileNotFoundError):
        credentials.client_secret.read()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"planted\xff", "not UTF-8 text"),
        (b"planted\nplanted", "line break or another control character"),
        (b"planted\x00", "line break or another control character"),
        (b"planted" * 10_000, "larger than 64 KiB"),
        (b"\n", "is empty"),
    ],
)
def test_a_faulty_secret_file_is_described_without_its_content(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ValueError, match=fault) as caught:
        Secret(file=tmp_path / "key").read()
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_pipe_without_a_writer_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key")
    with pytest.raises(ValueError, match="is empty"):
        Secret(file=tmp_path / "key").read()


def test_a_secret_shows_itself_to_nobody_but_its_reader() -> None:
    secret = Secret(PLANTED)
    account = Account("acme", "https://a.example", OAuth2Credentials("id", secret))
    shown = [repr(secret), str(secret), f"{secret}", repr(account), repr(asdict(account.credentials)), repr([secret])]
    assert all("<secret>" in text and PLANTED not in text for text in shown)
    assert secret.read() == PLANTED
    for encode in (msgspec.json.encode, msgspec.yaml.encode, json.dumps, pickle.dumps, yaml.safe_dump):
        with pytest.raises((TypeError, yaml.YAMLError)) as caught:
            encode(secret)
        assert PLANTED not in str(caught.value)
    assert copy.deepcopy(secret) is copy.copy(secret) is secret


def test_accounts_that_share_credentials_can_be_recognised(folder: Path) -> None:
    text = "accounts:" + ACME + ACME.replace("acme", "acme2") + ACME.replace("acme", "other").replace(PLANTED, "x")
    first, second, other = load(folder, text).accounts
    assert len({first.credentials, second.credentials}) == 1
    assert first.credentials != other.credentials
    assert hash(first) != hash(second)
    assert Secret(file=Path("a")) == Secret(file=Path("a")) != Secret("a")


def test_the_redacted_configuration_shows_everything_but_secrets(folder: Path) -> None:
    (folder / "key").write_text(PLANTED)
    text = "accounts:" + ACME + GLOBEX.replace("app_key: planted-secret", "app_key_file: key") + "    labels: {a: b}\n"
    shown = redacted(load(folder, text + "api: {proxy_url: 'http://u:planted-secret@proxy.example'}\n"))
    assert PLANTED not in shown
    assert "cGxhbn" not in shown
    tree = yaml.safe_load(shown)
    assert tree["accounts"][0]["oauth2"] == {"client_id": "id", "client_secret": "<secret>"}
    assert tree["accounts"][1]["hmac"] == {
        "app_id": "app",
        "app_key_file": f"{folder}/key",
        "access_key": "<secret>",
        "secret_key": "<secret>",
    }
    assert tree["accounts"][1]["labels"] == {"a": "b"}
    assert tree["api"]["proxy_url"] == "<secret>"
    assert tree["cache"] == {"ttl": "5m", "max_stale": "1h"}


def test_the_redacted_configuration_is_written_in_the_keys_of_the_file(folder: Path) -> None:
    (folder / "key").write_text("c2VjcmV0")
    shown = redacted(
        load(folder, "accounts:" + ACME.replace("client_secret: planted-secret", "client_secret_file: key"))
    )
    assert load(folder, shown) == load(folder, shown)
    assert load(folder, shown).accounts[0].base_url == "https://api.services.mimecast.com"


# --- the environment ---


def test_the_environment_configures_one_account_of_api_2() -> None:
    config = load_environment({"MIMECAST_CLIENT_ID": "0123", "MIMECAST_CLIENT_SECRET": "yes", "MIMECAST_REGION": ""})
    credentials = OAuth2Credentials("0123", Secret("yes"))
    assert config == Config(
        accounts=(Account("default", "https://api.services.mimecast.com", credentials),), source="environment"
    )


def test_the_environment_configures_one_account_of_api_1(tmp_path: Path) -> None:
    environ = {"MIMECAST_REGION": "eu", "MIMECAST_APP_ID": "app", "MIMECAST_CORRECT_ANSWERS": "option"}
    for name in ("APP_KEY", "ACCESS_KEY", "SECRET_KEY"):
        (tmp_path / name).write_text("c2VjcmV0\n")
        environ[f"MIMECAST_{name}_FILE"] = str(tmp_path / name)
    [account] = load_environment(environ).accounts
    assert (account.name, account.base_url, account.correct_answers) == ("default", HMAC_REGIONS["eu"], "option")
    assert isinstance(account.credentials, HmacCredentials)
    assert account.credentials.secret_key.read() == "c2VjcmV0"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"REGION": "eu"}, ["environment: no account is configured: name a file with --config.file, or set MIMECAST_"]),
        (
            {"CLIENT_SECRET": PLANTED, "REGION": "eu"},
            [
                "environment: MIMECAST_CLIENT_ID: is missing",
                "environment: MIMECAST_REGION: not known to API 2.0 (oauth2): use one of global, uk, us, or give"
                " MIMECAST_BASE_URL",
            ],
        ),
        (
            {"APP_ID": "app", "APP_KEY": PLANTED, "APP_KEY_FILE": "x", "ACCESS_KEY": PLANTED, "SECRET_KEY": PLANTED},
            [
                "environment: MIMECAST_REGION: is missing: give MIMECAST_REGION (au, ca",
                "environment: MIMECAST_APP_KEY_FILE: give MIMECAST_APP_KEY or MIMECAST_APP_KEY_FILE, not both",
                "environment: MIMECAST_SECRET_KEY: is not base64",
            ],
        ),
        (
            {"CLIENT_ID": "a b", "CLIENT_SECRET_FILE": "/none", "BASE_URL": "http://planted-secret"},
            [
                "environment: MIMECAST_CLIENT_ID: must be plain characters without spaces",
                "environment: MIMECAST_BASE_URL: must begin with https://",
                "environment: MIMECAST_CLIENT_SECRET_FILE: cannot read secret file /none: No such file or directory",
            ],
        ),
        (
            {"CLIENT_ID": "id", "CLIENT_SECRET_FILE": "/none", "CORRECT_ANSWERS": "5"},
            [
                "environment: MIMECAST_CORRECT_ANSWERS: must be count or option",
                "environment: MIMECAST_CLIENT_SECRET_FILE: cannot read secret file /none: No such file or directory",
            ],
        ),
        (
            {
                **{"CLIENT_ID": "id", "CLIENT_SECRET": PLANTED, "REGION": "us", "APP_ID": "app", "APP_KEY": PLANTED},
                **{"ACCESS_KEY": PLANTED, "SECRET_KEY": "QUJD"},
            },
            ["environment: give the MIMECAST_CLIENT_… or the MIMECAST_APP_… variables, not both"],
        ),
    ],
)
def test_a_faulty_environment_is_described_by_its_variables(variables: dict[str, str], expected: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_environment({f"MIMECAST_{name}": value for name, value in variables.items()})
    said = sorted(map(str, caught.value.problems))
    assert [text[: len(start)] for text, start in zip(said, sorted(expected), strict=True)] == sorted(expected)
    assert PLANTED not in str(caught.value)


# --- account files ---


@pytest.fixture
def fleet(folder: Path) -> Path:
    (folder / "accounts.d").mkdir()
    (folder / "config.yaml").write_text("account_files: [accounts.d/*.yaml]\ncampaigns: {limit: 7}\n")
    return folder


def account_file(fleet: Path, name: str, text: str) -> str:
    file = fleet / "accounts.d" / name
    file.write_text(text)
    return str(file)


def names(config: Config) -> list[str]:
    return [account.name for account in config.accounts]


def test_account_files_add_accounts_in_the_order_of_their_names(fleet: Path) -> None:
    second = account_file(fleet, "b.yaml", "accounts:" + GLOBEX)
    (fleet / "accounts.d" / "key").write_text("x")
    first = account_file(
        fleet, "a.yaml", "accounts:" + ACME.replace("client_secret: planted-secret", "client_secret_file: key")
    )
    account_file(fleet, ".hidden.yaml", "[")
    account_file(fleet, "c.yml", "[")
    config = load_file(fleet / "config.yaml", environ={})
    assert names(config) == ["acme", "globex"]
    assert {account.campaigns.limit for account in config.accounts} == {7}
    assert config.account_files == ("accounts.d/*.yaml",)
    assert config.account_files_status == {first: (), second: ()}
    assert config.problems() == ()


def test_patterns_that_match_nothing_yet_are_fine(fleet: Path) -> None:
    config = load_file(fleet / "config.yaml", environ={})
    assert (config.accounts, config.account_files_status) == ((), {})


def test_a_faulty_account_file_keeps_the_others_running(fleet: Path) -> None:
    broken = account_file(fleet, "a.yaml", "accounts:" + ACME + "  - name: 5\n")
    good = account_file(fleet, "b.yaml", "accounts:" + GLOBEX)
    empty = account_file(fleet, "c.yaml", "")
    strange = account_file(fleet, "d.yaml", "accounts: []\ncache: {ttl: 5m}\n")
    (fleet / "accounts.d" / "e.yaml").mkdir()
    config = load_file(fleet / "config.yaml", environ={})
    assert names(config) == ["globex"]
    assert config.account_files_status[good] == ()
    assert list(map(str, config.problems())) == [
        f"{broken}:4: accounts[1].name: expected text, found a number: put it in quotes",
        f"{broken}:4: accounts[1]: has no credentials: give oauth2 (API 2.0) or hmac (API 1.0)",
        f"{empty}:1: accounts: is missing",
        f"{strange}:2: cache: unknown key: accounts are known",
        f"{fleet}/accounts.d/e.yaml: cannot be read: Is a directory",
    ]


def test_of_two_files_with_one_account_name_the_later_is_faulty(fleet: Path) -> None:
    first = account_file(fleet, "a.yaml", "accounts:" + ACME)
    second = account_file(fleet, "b.yaml", "accounts:" + GLOBEX + ACME)
    third = account_file(fleet, "c.yaml", "accounts:" + GLOBEX)
    config = load_file(fleet / "config.yaml", environ={})
    assert names(config) == ["acme", "globex"]
    assert [file for file, faults in config.account_files_status.items() if faults] == [second]
    assert (
        str(config.problems()[0]) == f"{second}:6: accounts[1].name: duplicate account name, first in {first}, line 2"
    )
    assert config.account_files_status[third] == ()


def test_a_name_of_the_main_file_is_taken(fleet: Path) -> None:
    account_file(fleet, "a.yaml", "accounts:" + ACME)
    config = load(fleet, "account_files: [accounts.d/*.yaml]\naccounts:" + ACME)
    assert names(config) == ["acme"]
    assert "duplicate account name" in str(config.problems()[0])


def test_a_pattern_may_be_absolute_recursive_and_match_the_main_file(fleet: Path) -> None:
    (fleet / "accounts.d" / "deep").mkdir()
    account_file(fleet, "deep/a.yaml", "accounts:" + ACME)
    config = load(fleet, f"account_files: ['{fleet}/**/*.yaml', '*.yaml', accounts.d/deep/a.yaml]\n")
    assert names(config) == ["acme"]


def test_a_folder_whose_name_is_a_pattern_is_taken_literally(tmp_path: Path) -> None:
    folder = tmp_path / "[a]*"
    folder.mkdir()
    (folder / "one.yml").write_text("accounts:" + ACME)
    assert names(load(folder, "account_files: ['*.yml']")) == ["acme"]


def test_problems_of_the_main_file_are_fatal_and_come_with_those_of_the_others(fleet: Path) -> None:
    account_file(fleet, "a.yaml", "accounts: 5")
    said = problems(fleet, "account_files: [accounts.d/*.yaml]\ncache: 5\n")
    assert said == [
        "config.yaml:2: cache: expected a mapping, found a number",
        "accounts.d/a.yaml:1: accounts: expected a list, found a number",
    ]


# --- TLS files ---


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
    tls = "api: {tls_config: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}}\n"
    config = load(certificates, tls + "accounts:" + ACME)
    assert config.api.tls == TlsSettings(
        f"{certificates}/ca.pem", f"{certificates}/cert.pem", f"{certificates}/key.pem", "TLS12"
    )


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


# --- the example and the documentation ---


def schema_keys(schema: type[msgspec.Struct] = ConfigFile, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of the file, dotted, with its default as the documentation writes it."""
    for field in struct_fields(schema):
        annotations = [field.type, *get_args(field.type)]
        below = [part for part in annotations if isinstance(part, type) and issubclass(part, msgspec.Struct)]
        many = "[]" if getattr(field.type, "__origin__", None) is tuple else ""
        if below:
            yield from schema_keys(below[0], f"{prefix}{field.encode_name}{many}.")
        elif field.default == "":
            yield prefix + field.encode_name, "required"
        else:
            default = field.default if field.default is not msgspec.NODEFAULT else None
            yield prefix + field.encode_name, f"`{default}`" if default not in (None, ()) else "none"


def test_the_documentation_has_each_key_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z0-9_.\[\]]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", _documentation(), re.MULTILINE)
    assert sorted(rows) == sorted(schema_keys())


def test_the_documentation_has_each_region_and_variable() -> None:
    rows = re.findall(r"^\| ([12]).0 .*\| `(\w+)`.* \| `(https:[^`]+)` \|$", _documentation(), re.MULTILINE)
    assert {name: url for version, name, url in rows if version == "2"} == OAUTH2_REGIONS
    assert {name: url for version, name, url in rows if version == "1"} == HMAC_REGIONS
    with pytest.raises(ConfigError) as caught:
        load_environment({})
    assert set(re.findall("MIMECAST_[A-Z_]+", str(caught.value))) <= set(
        re.findall("`(MIMECAST_[A-Z_]+)`", _documentation())
    )


def _documentation() -> str:
    return (ROOT / "docs/configuration.md").read_text()


def _example() -> str:
    return (ROOT / "config.example.yaml").read_text()


def test_the_example_loads_once_its_secrets_are_given(folder: Path) -> None:
    shutil.copy(ROOT / "config.example.yaml", folder / "config.yaml")
    (folder / "secrets").mkdir()
    for name in re.findall(r"^ *\w+_file: (secrets/\S+)", _example(), re.MULTILINE):
        (folder / name).write_text("c2VjcmV0\n")
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", re.sub("#.*", "", _example())), "value")
    config = load_file(folder / "config.yaml", environ=environ)
    assert names(config) == ["acme", "globex"]
    assert (config.cache, config.api) == (CacheSettings(), ApiSettings())


def test_the_example_shows_each_key_and_the_defaults() -> None:
    text = re.sub(r"^( *)#(?=[a-z_]+: )", r"\1", _example(), flags=re.MULTILINE)
    document = read(text.encode(), ConfigFile, file="config.example.yaml")
    assert document.problems == []
    shown = dict(_leaves(yaml.safe_load(text)))
    for key, default in schema_keys():
        assert any(name in (key, f"{key}.tier") for name in shown)
        if default.startswith("`"):
            assert str(shown[key]) == default.strip("`")


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict):
        for item in tree:
            yield from _leaves(item, f"{prefix}[]")
    else:
        yield prefix, tree


def test_no_label_of_a_metric_is_free_for_targets() -> None:
    own = {label for metric in (*CAMPAIGN_METRICS, *ACCOUNT_METRICS) for label in getattr(metric, "labels", ())}
    families = text_string_to_metric_families(Telemetry("1").render(openmetrics_format=False).decode())
    process = {label for family in families for sample in family.samples for label in sample.labels}
    assert own | {*CAMPAIGN_LABELS, "file"} | process <= EXPOSED_LABELS


# --- units ---


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("0s", 0), ("500ms", 0.5), ("1h30m", 5400), ("400d", 34_560_000), ("1y2w", 365 * 86400 + 14 * 86400)],
)
def test_durations_are_written_as_in_prometheus(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "1.5h", "5 m", "-5m", "5M", "m", "30m1h", "5m5m", "\u0665m", "300y", "9" * 5000 + "s", "5m\n"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        Duration.parse(text)


@given(st.integers(0, 9_000_000_000_000))
def test_a_duration_survives_being_written_and_read(milliseconds: int) -> None:
    duration = Duration(milliseconds / 1000)
    assert Duration.parse(str(duration)) == pytest.approx(duration)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0B", 0), ("1B", 1), ("512KB", 524288), ("64MiB", 67108864), ("10MB", 10485760), ("1GB", 1 << 30)],
)
def test_sizes_are_powers_of_1024_as_in_prometheus(text: str, size: int) -> None:
    assert Size.parse(text) == size


@pytest.mark.parametrize("text", ["", "5", "1.5MB", "64 MiB", "-1MB", "64mb", "64M", "9" * 5000 + "MB"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        Size.parse(text)


@given(st.integers(0, 1 << 45))
def test_a_size_survives_being_written_and_read(size: int) -> None:
    assert Size.parse(str(Size(size))) == size
