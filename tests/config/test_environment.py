"""One account, by environment variables alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    HMAC_REGIONS,
    Account,
    Config,
    ConfigError,
    Hmac,
    NoProxyRule,
    OAuth2,
    Secret,
    load_environment,
    redacted,
)
from tests.config.writing import CATALOG, PLANTED


def test_the_environment_configures_one_account_of_api_2() -> None:
    config = load_environment(
        {"MIMECAST_CLIENT_ID": "0123", "MIMECAST_CLIENT_SECRET": "yes", "MIMECAST_REGION": ""}, catalog=CATALOG
    )
    account = Account(
        name="default",
        base_url="https://api.services.mimecast.com",
        oauth2=OAuth2(client_id="0123", client_secret=Secret("yes")),
        collectors=("campaigns", "safe_score"),
    )
    assert config == Config(accounts=(account,), collectors=("campaigns", "safe_score"), source="environment")


def test_the_environment_configures_one_account_of_api_1(tmp_path: Path) -> None:
    environ = {"MIMECAST_REGION": "eu", "MIMECAST_APP_ID": "app", "MIMECAST_CORRECT_ANSWERS": "option"}
    for name in ("APP_KEY", "ACCESS_KEY", "SECRET_KEY"):
        (tmp_path / name).write_text("c2VjcmV0\n")
        environ[f"MIMECAST_{name}_FILE"] = str(tmp_path / name)
    [account] = load_environment(environ, catalog=CATALOG).accounts
    assert (account.name, account.base_url, account.correct_answers) == ("default", HMAC_REGIONS["eu"], "option")
    assert isinstance(account.credentials, Hmac)
    assert account.credentials.secret_key.read() == "c2VjcmV0"


def test_name_collectors_and_proxy_can_be_given_by_the_environment() -> None:
    config = load_environment(
        {
            **{"MIMECAST_CLIENT_ID": "id", "MIMECAST_CLIENT_SECRET": "x", "MIMECAST_ACCOUNT": "acme"},
            **{"MIMECAST_COLLECTORS": "phishing, campaigns", "MIMECAST_PROXY_URL": "http://u:p@proxy.example:3128"},
            "MIMECAST_NO_PROXY": "internal.example,10.0.0.0/8",
        },
        catalog=CATALOG,
    )
    assert [(account.name, account.collectors) for account in config.accounts] == [("acme", ("phishing", "campaigns"))]
    assert config.api.proxy_url == Secret("http://u:p@proxy.example:3128")
    assert config.api.no_proxy == (NoProxyRule("internal.example"), NoProxyRule("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"REGION": "eu"}, ["environment: no account is configured: name a file with --config.file, or set MIMECAST_"]),
        (
            {"CLIENT_SECRET": PLANTED, "REGION": "eu"},
            [
                "environment: MIMECAST_CLIENT_ID: is missing",
                "environment: MIMECAST_REGION: API 2.0 (oauth2) needs one of global, uk, us, or MIMECAST_BASE_URL",
            ],
        ),
        (
            {"APP_ID": "app", "APP_KEY": PLANTED, "APP_KEY_FILE": "x", "ACCESS_KEY": PLANTED, "SECRET_KEY": PLANTED},
            [
                "environment: MIMECAST_REGION: API 1.0 (hmac) needs one of au, ca",
                "environment: MIMECAST_APP_KEY_FILE: give MIMECAST_APP_KEY or MIMECAST_APP_KEY_FILE, not both",
                "environment: MIMECAST_SECRET_KEY: is not base64",
            ],
        ),
        (
            {"CLIENT_ID": "a b", "CLIENT_SECRET_FILE": "/none", "BASE_URL": "http://planted-secret"},
            [
                "environment: MIMECAST_CLIENT_ID: must be plain characters without spaces",
                "environment: MIMECAST_BASE_URL: must begin with https://",
                "environment: MIMECAST_CLIENT_SECRET_FILE: cannot read /none: No such file or directory",
            ],
        ),
        (
            {"CLIENT_ID": "id", "CLIENT_SECRET_FILE": "/none", "CORRECT_ANSWERS": "5"},
            [
                "environment: MIMECAST_CORRECT_ANSWERS: must be count or option",
                "environment: MIMECAST_CLIENT_SECRET_FILE: cannot read /none: No such file or directory",
            ],
        ),
        (
            {"CLIENT_ID": "id", "CLIENT_SECRET": " planted-secret", "COLLECTORS": "phising,", "ACCOUNT": "a\tb"},
            [
                "environment: MIMECAST_ACCOUNT: must not begin or end with a space, or hold a control character",
                "environment: MIMECAST_CLIENT_SECRET: begins or ends with a space",
                "environment: MIMECAST_COLLECTORS: unknown collector: did you mean phishing?",
                "environment: MIMECAST_COLLECTORS: unknown collector: use campaigns",
            ],
        ),
        (
            {"CLIENT_ID": "id", "CLIENT_SECRET": "x", "PROXY_URL": "planted-secret", "NO_PROXY": "a b"},
            [
                "environment: MIMECAST_NO_PROXY: must be a host, a d",
                "environment: MIMECAST_PROXY_URL: must be an http or https URL, such as http://proxy.example:3128",
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
        load_environment({f"MIMECAST_{name}": value for name, value in variables.items()}, catalog=CATALOG)
    said = sorted(map(str, caught.value.problems))
    assert [text[: len(start)] for text, start in zip(said, sorted(expected), strict=True)] == sorted(expected)
    assert PLANTED not in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(["BASE_URL", "REGION", "CLIENT_ID", "CLIENT_SECRET", "SECRET_KEY_FILE", "COLLECTORS"]),
        st.text(),
    )
)
def test_no_environment_does_anything_but_give_a_configuration_or_problems(values: dict[str, str]) -> None:
    try:
        config = load_environment({f"MIMECAST_{name}": value for name, value in values.items()}, catalog=CATALOG)
    except ConfigError as error:
        said = [str(problem) for problem in error.problems]
    else:
        said = [redacted(config)]
    assert all(said)
    assert said
