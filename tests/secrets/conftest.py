"""A configuration with a secret at every place that takes one, before APIs that send them all back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme

from tests.secrets.echoing import echoing
from tests.secrets.planted import Planted


@dataclass(frozen=True)
class Setting:
    """Everything that has secrets.

    Attributes:
        planted: the secrets.
        config: the configuration file.
        web_config: the web configuration file.
        environ: variables that the configuration names.
        password: of the web configuration's user `prometheus`.
        ca_file: whom the server's certificate is of.
        accounts: their number.

    """

    planted: Planted
    config: Path
    web_config: Path
    environ: dict[str, str]
    password: str
    ca_file: Path
    accounts: int


class _Ways:
    """The ways in which a configuration is given a secret, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self.environ: dict[str, str] = {}

    def entry(self, key: str, secret: str) -> dict[str, str]:
        """The key and its value: inline, a file, or a variable."""
        self._number += 1
        if self._number % 3 == 0:
            return {key: secret.replace("${", "$${")}
        if self._number % 3 == 1:
            file = self._folder / f"secret-{self._number}"
            file.write_text(secret + "\n")
            return {f"{key}_file": str(file)}
        self.environ[f"PLACE_{self._number}"] = secret
        return {key: f"${{PLACE_{self._number}}}"}


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    planted, ways = Planted(), _Ways(tmp_path)
    with echoing(planted.plant("token", shape="Pl4nt-t0ken-{}-{}")) as apis:
        accounts: list[dict[str, Any]] = []
        for mode, base_url in apis.items():
            secret = planted.plant(f"client secret {mode}")
            oauth2 = {"client_id": "the-id"} | ways.entry("client_secret", secret)
            accounts.append({"name": f"{mode}, API 2.0", "base_url": base_url, "oauth2": oauth2})
            hmac = {"app_id": "the-app"}
            for key in ("app_key", "access_key"):
                hmac |= ways.entry(key, planted.plant(f"{key} {mode}"))
            hmac |= ways.entry("secret_key", planted.plant_base64(f"secret_key {mode}"))
            accounts.append({"name": f"{mode}, API 1.0", "base_url": base_url, "hmac": hmac})
        config = tmp_path / "config.yaml"
        config.write_text(json.dumps({"accounts": accounts, "api": {"timeout": "5s"}}))
        password = planted.plant("password of the web's user", shape="Pl4nt-pa55word-{}-{}")
        web_config = _web_config(tmp_path, planted, password)
        yield Setting(planted, config, web_config, ways.environ, password, tmp_path / "ca.pem", len(accounts))


def _web_config(folder: Path, planted: Planted, password: str) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    planted.secrets["private key"] = certificate.private_key_pem.bytes().decode().splitlines()[1]
    hashed = planted.secrets["hash of a password"] = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    file = folder / "web.yml"
    users = json.dumps({"prometheus": hashed})
    file.write_text(f"tls_server_config: {{cert_file: server.pem, key_file: server.pem}}\nbasic_auth_users: {users}\n")
    return file
