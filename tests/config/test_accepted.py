"""What loads can be used: nothing that was accepted fails later, and nothing but ConfigError is raised."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import h11
import httpx
import pytest
import trustme
import yaml
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from exporter.accounts.clients import authentication, http_settings
from exporter.config import Config, ConfigError, Secret, load_file, redacted
from exporter.config.scalars import ProxyUrl, base_url
from exporter.mimecast import open_http_client
from tests.config.writing import ACME, CATALOG, load, problems

_TEXTS = st.text(max_size=12) | st.text(alphabet="aZ09:/[].@%?#-_ \\\"'é\ufeff\t", max_size=12)
_SCHEMES = st.sampled_from(["https://", "http://", "HTTPS://", "ftp://", ""])
_USERS = st.sampled_from(["", "user@", "u:p@", "u:p[]@", "%zz@", ":@"])
_HOSTS = st.sampled_from(["a.example", "1.2.3.4", "999.1.1.1", "1-2-3-4", "[::1]", "[::", "a_b", "x" * 70, "1234567"])
_PORTS = st.sampled_from(["", ":", ":0", ":8443", ":70000", ":x"])
_PATHS = st.sampled_from(["", "/", "/mimecast/", "/api", "/a b", "?q", "/%zz", "/é", "/" + "x" * 70_000])
_URLS = st.builds("".join, st.tuples(_SCHEMES, _USERS, _HOSTS | _TEXTS, _PORTS, _PATHS | _TEXTS))
_SECRETS = (
    st.sampled_from(["secret", "with space", " led", "trailing ", "\ufeffx", "é", "a\nb", "", "QUI=", "QQ"]) | _TEXTS
)


def _mostly(good: Any, odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The good value, and now and then an odd one."""
    return st.integers(0, 15).flatmap(lambda number: odd if number == 0 else st.just(good))


def _some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


_FILES = st.sampled_from(
    ["none", "key", "bom", "latin", "pipe", "folder", "ca.pem", "cert.pem", "key.pem", "/dev/zero"]
)
_COLLECTORS = _mostly(["phishing", "campaigns"], st.lists(st.sampled_from([*CATALOG.collectors, "phising", ""])))
_CAMPAIGNS = _some(
    include=_mostly([".*", "a{2}", "[[a]"], st.lists(st.sampled_from(["(", "(?i)x", "(?P<a>b)(?P=a)", "\\"]) | _TEXTS)),
    max_age=_mostly("400d", st.sampled_from(["0s", "100y", "101y", "1ms"])),
    limit=_mostly(5, st.integers(-1, 1_000_001)),
)
_OAUTH2 = st.one_of(
    st.fixed_dictionaries({"client_id": _mostly("id", _TEXTS), "client_secret": _mostly("secret", _SECRETS)}),
    st.fixed_dictionaries({"client_id": st.just("id"), "client_secret_file": _mostly("bom", _FILES)}),
)
_HMAC = st.fixed_dictionaries(
    {
        "app_id": _mostly("app", _TEXTS),
        "app_key": _mostly("key", _SECRETS),
        "access_key_file": _mostly("key", _FILES),
        "secret_key": _mostly("QUI=", _SECRETS),
    }
)
_ACCOUNTS = st.fixed_dictionaries(
    {"name": _mostly("acme", _TEXTS), "base_url": _mostly("https://a.example:8443/mimecast/", _URLS)},
    optional={
        "collectors": _COLLECTORS,
        "campaigns": _CAMPAIGNS,
        "labels": _mostly({"tier": "gold"}, st.dictionaries(st.sampled_from(["a", "job", "title"]), _TEXTS)),
    },
).flatmap(
    lambda account: st.builds(
        lambda credentials: account | credentials,
        st.fixed_dictionaries({"oauth2": _OAUTH2}) | st.fixed_dictionaries({"hmac": _HMAC}),
    )
)
_RULES = st.lists(_HOSTS | _TEXTS | st.sampled_from(["[fd00::/8]", "fd00::/8", "*"]))
_TLS = st.just({"ca_file": "ca.pem", "cert_file": "cert.pem", "key_file": "key.pem"})
_API = _some(
    timeout=_mostly("5s", st.sampled_from(["100ms", "1h", "0s", "2h"])),
    proxy_url=_mostly("http://u:p@proxy.example:3128", _URLS),
    no_proxy=_mostly(["a.example", "10.0.0.0/8"], _RULES | _TEXTS),
    tls_config=_TLS.flatmap(lambda tls: _mostly(tls, _some(ca_file=_FILES, cert_file=_FILES, key_file=_FILES))),
)
_CONFIGURATIONS = st.fixed_dictionaries(
    {"accounts": st.lists(_ACCOUNTS, min_size=1, max_size=2, unique_by=lambda account: account["name"])},
    optional={
        "collectors": _COLLECTORS,
        "campaigns": _CAMPAIGNS,
        "api": _API,
        "account_files": _mostly(["*.none"], st.lists(_FILES | _TEXTS)),
    },
)


@pytest.fixture(scope="module")
def material() -> dict[str, bytes]:
    """Files that configurations name."""
    authority = trustme.CA()
    certificate = authority.issue_cert("exporter.example")
    return {
        "ca.pem": authority.cert_pem.bytes(),
        "cert.pem": certificate.cert_chain_pems[0].bytes(),
        "key.pem": certificate.private_key_pem.bytes(),
        "key": b"c2VjcmV0\n",
        "bom": b"\xef\xbb\xbfc2VjcmV0\r\n",
        "latin": b"gehe\xefm",
    }


def _use(config: Config) -> None:
    """Make of a configuration what the exporter makes of it when it starts and scrapes."""
    asyncio.run(open_http_client(http_settings(config.api)).aclose())
    for account in config.accounts:
        url = httpx.URL(account.base_url + "/api/awareness-training/queue/get-queue")
        assert url.host
        assert all(rule.matches(url.host, url.port or 443) in (True, False) for rule in config.api.no_proxy)
        assert authentication(account)
        for field in account.credentials.__struct_fields__:
            _send(url, getattr(account.credentials, field))
        assert account.collectors
        assert set(account.collectors) <= set(CATALOG.collectors)
        for pattern in account.campaigns.include:
            pattern.fullmatch("a title")
        json.dumps(account.labels).encode()
    hash(tuple(account.credentials for account in config.accounts))
    yaml.safe_load(redacted(config))


def _send(url: httpx.URL, value: Secret | str) -> None:
    text = value.read() if isinstance(value, Secret) else value
    request = httpx.Request("POST", url, headers={"x-mc-app-key": text}, data={"a": text})
    assert request.headers["x-mc-app-key"] == text
    assert h11.Request(method="POST", target=request.url.raw_path, headers=request.headers.raw).headers


@given(_URLS)
@example("https://999.1.1.1")
@example("https://1-2-3-4")
@example("https://[:::1]")
@example("https://xn--a.example")
@example("http://u:p@xn--a.example:1")
@example("https://a.example/" + "x" * 70_000)
def test_a_url_that_is_accepted_is_one_to_the_http_library(text: str) -> None:
    with contextlib.suppress(ValueError):
        url = base_url(text)
        assert httpx.Request("GET", httpx.URL(url + "/api")).url.host
        assert base_url(url) == url
    with contextlib.suppress(ValueError):
        proxy = ProxyUrl.parse(text)
        assert httpx.Proxy(proxy.read()).url.host


@given(_SECRETS)
def test_a_secret_that_is_accepted_can_be_sent_and_is_the_same_in_a_file(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "secret"
        for written in (text, f"{text}\n", f"\ufeff{text}\r\n"):
            file.write_bytes(written.encode("utf-8", "replace"))
            with contextlib.suppress(ValueError):
                secret = Secret.parse(text)
                _send(httpx.URL("https://a.example"), secret)
                assert Secret.from_path(file).read() == secret.read() == text


@settings(max_examples=200, deadline=None)
@given(values=_CONFIGURATIONS)
def test_what_is_accepted_can_be_used_and_what_is_refused_says_where(
    material: dict[str, bytes], values: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in material.items():
            (folder / file).write_bytes(content)
        (folder / "folder").mkdir()
        os.mkfifo(folder / "pipe")
        (folder / "config.yaml").write_text(yaml.safe_dump(values, allow_unicode=True))
        loaded = _loaded(folder / "config.yaml")
        if isinstance(loaded, ConfigError):
            assert loaded.problems
            assert all(problem.line for problem in loaded.problems if problem.file.endswith("config.yaml"))
        else:
            event("accepted")
            _use(loaded)


def _loaded(file: Path) -> Config | ConfigError:
    try:
        return load_file(file, environ={}, catalog=CATALOG)
    except ConfigError as error:
        return error


@given(
    st.lists(
        st.sampled_from(["oauth2: 5", "oauth2: {client_secret: x}", "labels: {job: a}", "<<: 5", "region: x", "x: y"])
    )
)
def test_two_accounts_of_one_name_are_reported_whatever_else_is_wrong(mistakes: list[str]) -> None:
    account = "\n    ".join(["- name: acme", *dict.fromkeys(mistakes)])
    with tempfile.TemporaryDirectory() as folder, pytest.raises(ConfigError, match="duplicate account name"):
        load(Path(folder), f"accounts:\n  {account}\n  {account}\n")


@pytest.mark.parametrize(
    "text",
    [
        "accounts:\n  - name: acme\n    oauth2: {client_id: id, client_secret_file: pipe}\n",
        "accounts:" + ACME + "api: {tls_config: {ca_file: pipe}}\n",
        "accounts:" + ACME + "api: {tls_config: {cert_file: pipe, key_file: pipe}}\n",
        "accounts:" + ACME + "api: {proxy_url_file: pipe}\n",
    ],
)
def test_a_pipe_in_place_of_a_file_is_refused_at_once(folder: Path, text: str) -> None:
    os.mkfifo(folder / "pipe")
    assert all(problem.endswith("not a regular file") for problem in problems(folder, text))


def test_a_pipe_among_the_account_files_is_refused_at_once(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yml")
    config = load(folder, "account_files: ['*.yml']\naccounts:" + ACME)
    [problem] = config.problems()
    assert str(problem) == f"{folder}/pipe.yml: cannot be read: not a regular file"


def test_account_files_with_odd_names_do_no_harm(folder: Path) -> None:
    (folder / "loop.yml").symlink_to(folder / "loop.yml")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xef.yml")).write_text("accounts:" + ACME)
    config = load(folder, "account_files: ['*.yml']")
    assert [account.name for account in config.accounts] == ["acme"]
    assert "".join(config.account_files_status).encode()
    [problem] = config.problems()
    assert problem.file == f"{folder}/loop.yml"


@pytest.mark.parametrize("file", ["ca.pem", "cert.pem", "key.pem"])
def test_connections_are_made_differently_when_the_content_of_a_tls_file_differs(
    folder: Path, material: dict[str, bytes], file: str
) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).write_bytes(material[name])
    text = "api: {tls_config: {ca_file: ca.pem, cert_file: cert.pem, key_file: key.pem}}\naccounts:" + ACME
    first = http_settings(load(folder, text).api)
    assert http_settings(load(folder, text).api) == first
    (folder / file).write_bytes(material[file] + b"\n# renewed\n")
    assert http_settings(load(folder, text).api) != first
