"""Secrets are read when they are needed, and shown to nobody."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import msgspec
import pytest
import yaml

from exporter.config import Account, OAuth2, Secret, redacted
from tests.config.writing import ACME, GLOBEX, PLANTED, load


def test_a_secret_file_is_relative_to_its_configuration_and_read_at_each_use(folder: Path) -> None:
    (folder / "key").write_text("first\n")
    config = load(folder, "accounts:" + ACME.replace("client_secret: planted-secret", "client_secret_file: key"))
    credentials = config.accounts[0].credentials
    assert isinstance(credentials, OAuth2)
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
    with pytest.raises((OSError, ValueError), match=fault) as caught:
        Secret(file=tmp_path / "key").read()
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_pipe_without_a_writer_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key")
    with pytest.raises(OSError, match="not a regular file"):
        Secret(file=tmp_path / "key").read()


def test_a_secret_is_returned_by_read_only() -> None:
    secret = Secret(PLANTED)
    account = Account(name="acme", base_url="https://a.example", oauth2=OAuth2(client_id="id", client_secret=secret))
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        repr(account),
        repr(msgspec.structs.asdict(account.credentials)),
        repr([secret]),
    ]
    assert all("<secret>" in text and PLANTED not in text for text in shown)
    assert secret.read() == PLANTED
    for encode in (msgspec.json.encode, msgspec.yaml.encode, json.dumps, pickle.dumps, yaml.safe_dump):
        with pytest.raises((TypeError, yaml.YAMLError)) as caught:
            encode(secret)
        assert PLANTED not in str(caught.value)


def test_accounts_that_share_credentials_can_be_recognised(folder: Path) -> None:
    text = "accounts:" + ACME + ACME.replace("acme", "acme2") + ACME.replace("acme", "other").replace(PLANTED, "x")
    first, second, other = load(folder, text).accounts
    assert len({first.credentials, second.credentials}) == 1
    assert first.credentials != other.credentials
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


def test_the_redacted_configuration_loads_as_the_same_configuration(folder: Path) -> None:
    (folder / "key").write_text("c2VjcmV0")
    account = ACME.replace("client_secret: planted-secret", "client_secret_file: key") + "    labels: {a: b}\n"
    config = load(folder, "campaigns: {include: ['a.*'], max_age: 400d}\ncache: {ttl: 90s}\naccounts:" + account)
    assert load(folder, redacted(config)) == config
