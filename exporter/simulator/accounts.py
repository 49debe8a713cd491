"""The simulated accounts: their names and made-up credentials."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

_COMPANIES = ("acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka")


@dataclass(frozen=True)
class SimulatedAccount:
    """One account.

    Attributes:
        name: the account's name, which also seeds its data.
        version: `2.0` for OAuth 2.0 client credentials, `1.0` for signed requests.
        application: the client id (2.0) or the application id (1.0).
        key: the client secret (2.0) or the application key (1.0).
        access_key, secret_key: the keys that sign requests (1.0 only); `secret_key` is base64.
    """

    name: str
    version: Literal["1.0", "2.0"]
    application: str
    key: str
    access_key: str = ""
    secret_key: str = ""

    def settings(self, base_url: str) -> dict[str, Any]:
        """Return the account's settings in an exporter configuration."""
        if self.version == "2.0":
            credentials = {"oauth2": {"client_id": self.application, "client_secret": self.key}}
        else:
            keys = {"access_key": self.access_key, "secret_key": self.secret_key}
            credentials = {"hmac": {"app_id": self.application, "app_key": self.key, **keys}}
        return {"name": self.name, "base_url": base_url, **credentials}


def fleet(size: int) -> tuple[SimulatedAccount, ...]:
    """Return the first `size` simulated accounts; every third one signs its requests."""
    return tuple(_account(number) for number in range(size))


def _account(number: int) -> SimulatedAccount:
    name = _COMPANIES[number] if number < len(_COMPANIES) else f"customer-{number:04d}"
    if number % 3 == 2:
        secret_key = base64.b64encode(hashlib.sha256(f"secret of {name}".encode()).digest()).decode()
        return SimulatedAccount(name, "1.0", f"app-{name}", f"app-key-{name}", f"access-key-{name}", secret_key)
    return SimulatedAccount(name, "2.0", f"client-{name}", f"client-secret-{name}")


def configuration(accounts: Sequence[SimulatedAccount], base_url: str, collectors: Sequence[str] = ()) -> str:
    """Return an exporter configuration (YAML) for these accounts and collectors."""
    enabled = {"collectors": list(collectors)} if collectors else {}
    settings = enabled | {"accounts": [account.settings(base_url) for account in accounts]}
    return yaml.safe_dump(settings, sort_keys=False, default_flow_style=None, width=1000)
