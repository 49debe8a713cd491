"""One file per customer: each judged on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config import load_file
from tests.config.writing import ACME, CATALOG, GLOBEX, load, names, problems


@pytest.fixture
def fleet(folder: Path) -> Path:
    (folder / "accounts.d").mkdir()
    (folder / "config.yaml").write_text("account_files: [accounts.d/*.yaml]\ncampaigns: {limit: 7}\n")
    return folder


def account_file(fleet: Path, name: str, text: str) -> str:
    file = fleet / "accounts.d" / name
    file.write_text(text)
    return str(file)


def test_account_files_add_accounts_in_the_order_of_their_names(fleet: Path) -> None:
    second = account_file(fleet, "b.yaml", "accounts:" + GLOBEX)
    (fleet / "accounts.d" / "key").write_text("x")
    first = account_file(
        fleet, "a.yaml", "accounts:" + ACME.replace("client_secret: planted-secret", "client_secret_file: key")
    )
    account_file(fleet, ".hidden.yaml", "[")
    account_file(fleet, "c.yml", "[")
    config = load_file(fleet / "config.yaml", environ={}, catalog=CATALOG)
    assert names(config) == ["acme", "globex"]
    assert {account.campaigns.limit for account in config.accounts} == {7}
    assert config.account_files == ("accounts.d/*.yaml",)
    assert config.account_files_status == {first: (), second: ()}
    assert config.problems() == ()


def test_patterns_that_match_nothing_yet_are_fine(fleet: Path) -> None:
    config = load_file(fleet / "config.yaml", environ={}, catalog=CATALOG)
    assert (config.accounts, config.account_files_status) == ((), {})


def test_a_faulty_account_file_keeps_the_others_running(fleet: Path) -> None:
    broken = account_file(fleet, "a.yaml", "accounts:" + ACME + "  - name: 5\n")
    good = account_file(fleet, "b.yaml", "accounts:" + GLOBEX)
    empty = account_file(fleet, "c.yaml", "")
    strange = account_file(fleet, "d.yaml", "accounts: []\ncache: {ttl: 5m}\n")
    (fleet / "accounts.d" / "e.yaml").mkdir()
    config = load_file(fleet / "config.yaml", environ={}, catalog=CATALOG)
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
    config = load_file(fleet / "config.yaml", environ={}, catalog=CATALOG)
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
