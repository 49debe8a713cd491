"""Which collectors an account has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.writing import ACME, GLOBEX, load, problems


def test_without_a_list_an_account_has_the_collectors_that_are_enabled_by_default(folder: Path) -> None:
    config = load(folder, "accounts:" + ACME)
    assert config.collectors == config.accounts[0].collectors == ("campaigns", "safe_score")


def test_the_list_of_an_account_replaces_the_global_one(folder: Path) -> None:
    text = "collectors: [campaigns, phishing]\naccounts:" + ACME + "    collectors: [performance]\n" + GLOBEX
    config = load(folder, text)
    assert [account.collectors for account in config.accounts] == [("performance",), ("campaigns", "phishing")]
    assert config.collectors == ("campaigns", "phishing")


def test_accounts_of_other_files_inherit_the_global_list(folder: Path) -> None:
    (folder / "more.yml").write_text("accounts:" + ACME)
    [account] = load(folder, "collectors: [phishing]\naccount_files: ['*.yml']\n").accounts
    assert account.collectors == ("phishing",)


@pytest.mark.parametrize("text", ["collectors:\n", "# collectors: [phishing]\n"])
def test_a_key_without_a_value_is_the_default(folder: Path, text: str) -> None:
    assert load(folder, text + "accounts:" + ACME).collectors == ("campaigns", "safe_score")


def test_every_mistake_in_a_list_is_reported_at_its_line(folder: Path) -> None:
    text = """
collectors:
  - phising
  - 5
  - campaigns
  - weather
  - campaigns
accounts:
  - name: acme
    oauth2: {client_id: id, client_secret: planted-secret}
    collectors: []
"""
    assert problems(folder, text) == [
        "config.yaml:3: collectors[0]: unknown collector: did you mean phishing?",
        "config.yaml:4: collectors[1]: expected text, found a number: put it in quotes",
        "config.yaml:6: collectors[3]: unknown collector: use campaigns, phishing, safe_score, performance",
        "config.yaml:7: collectors[4]: names a collector twice",
        "config.yaml:11: accounts[0].collectors: must name a collector; leave the key out for the default",
    ]
