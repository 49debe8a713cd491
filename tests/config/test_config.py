"""The configuration file: from what it says to what the program uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.config import (
    HMAC_REGIONS,
    OAUTH2_REGIONS,
    Account,
    ApiSettings,
    CacheSettings,
    CampaignFilter,
    Config,
    Hmac,
    NoProxyRule,
    OAuth2,
    Secret,
    TlsSettings,
)
from exporter.config.scalars import base_url
from tests.config.writing import ACME, GLOBEX, load


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
    common = CampaignFilter(
        include=_patterns(".*2024"), exclude=_patterns("Draft.*"), max_age=400 * 86400.0, limit=2000
    )
    assert load(folder, text) == Config(
        accounts=(
            Account(
                name="acme",
                base_url="https://api.services.mimecast.com",
                oauth2=OAuth2(client_id="id", client_secret=Secret("planted-secret")),
                collectors=("campaigns", "safe_score"),
                campaigns=common,
            ),
            Account(
                name="globex",
                base_url="https://gateway.example:8443/mimecast",
                hmac=Hmac(
                    app_id="app", app_key=Secret("key"), access_key=Secret("access"), secret_key=Secret("c2VjcmV0")
                ),
                correct_answers="option",
                collectors=("campaigns", "safe_score"),
                campaigns=CampaignFilter(
                    include=_patterns(".*2024"), exclude=_patterns("Test.*"), max_age=30 * 86400.0, limit=2000
                ),
                labels={"tier": "gold"},
            ),
        ),
        cache=CacheSettings(ttl=0.0, max_stale=5400.0),
        api=ApiSettings(
            timeout=0.5,
            max_response_size=512 * 1024,
            concurrency=5,
            proxy_url=Secret("http://user:pass@proxy.example:3128"),
            no_proxy=(NoProxyRule("localhost"), NoProxyRule(".internal.example")),
            tls_config=TlsSettings(min_version="TLS13"),
        ),
        collectors=("campaigns", "safe_score"),
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
    assert config.api.tls_config == TlsSettings(min_version="TLS12")
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


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("    labels: {tier: gold}\n", True),
        ("    campaigns: {limit: 5}\n    collectors: [phishing]\n    correct_answers: option\n", True),
        ("    region: global\n", True),
        ("    base_url: https://API.services.mimecast.com:443/\n", True),
        ("    region: uk\n", False),
        ("    base_url: https://api.services.mimecast.com/prefix\n", False),
    ],
)
def test_accounts_with_equal_settings_have_equal_urls_and_credentials(folder: Path, change: str, *, same: bool) -> None:
    [before] = load(folder, "accounts:" + ACME).accounts
    [after] = load(folder, "cache: {ttl: 1s}\naccounts:" + ACME + change).accounts
    assert len({(one.base_url, one.credentials) for one in (before, after)}) == (1 if same else 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("client_id: id", "client_id: new"),
        ("planted-secret", "new"),
        ("client_secret: planted-secret", "client_secret_file: secret"),
    ],
)
def test_other_credentials_are_not_equal(folder: Path, old: str, new: str) -> None:
    (folder / "secret").write_text("planted-secret")
    [before] = load(folder, "accounts:" + ACME).accounts
    [after] = load(folder, "accounts:" + ACME.replace(old, new)).accounts
    assert before.credentials != after.credentials


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
    assert base_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        *("http://10.0.0.1", "http://localhost.example", "ftp://a.example", "https://", "https:///x", "a.example", ""),
        *("https://a.example?x", "https://a.example#x", "https://a.example?", "https://u@a.example", "https://a b"),
        *("https://a.example:0", "https://a.example:70000", "https://[::1", "https://a\n.example", "https://ä.example"),
        *(
            "https://a..example",
            "https://a.example/api",
            "https://a.example/oauth/token",
            "https://a_.-",
            "https://*.example",
        ),
        f"https://{64 * 'a'}.example",
    ],
)
def test_anything_else_is_no_base_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|is not) ") as caught:
        base_url(url)
    assert len(url) <= len("https://") or url not in str(caught.value)
