"""Configurations written to files, and what loading them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config import Catalog, Config, ConfigError, load_file

ROOT = Path(__file__).parent.parent.parent
FAULTY = sorted((ROOT / "tests/fixtures/config/faulty").glob("*.yaml"))
PLANTED = "planted-secret"

CATALOG = Catalog(
    collectors={"campaigns": True, "phishing": False, "safe_score": True, "performance": False},
    labels=frozenset({"account", "title"}),
)

ACME = """
  - name: acme
    oauth2: {client_id: id, client_secret: planted-secret}
"""
GLOBEX = """
  - name: globex
    region: eu
    hmac: {app_id: app, app_key: planted-secret, access_key: planted-secret, secret_key: cGxhbnRlZC1zZWNyZXQ=}
"""


def load(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    """Load a main file with this text."""
    (folder / "config.yaml").write_text(text)
    return load_file(folder / "config.yaml", environ=environ or {}, catalog=CATALOG)


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a main file of this text; names of files are relative to the folder."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def names(config: Config) -> list[str]:
    """The names of its accounts."""
    return [account.name for account in config.accounts]
