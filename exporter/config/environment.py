"""Load the configuration of one account from environment variables alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from exporter.config.completion import complete_config
from exporter.config.settings import Catalog, Config
from exporter.yamlfile import ConfigError, Problem, read_mapping

_OAUTH2 = ("client_id", "client_secret", "client_secret_file")
_HMAC = ("app_id", "app_key", "app_key_file", "access_key", "access_key_file", "secret_key", "secret_key_file")
_ACCOUNT = ("base_url", "region", "correct_answers")
_API = ("proxy_url", "proxy_url_file", "no_proxy")
#: The variables whose name is not that of the key.
_OTHER = {"name": "MIMECAST_ACCOUNT", "collectors": "MIMECAST_COLLECTORS"}
_KEY_IN_MESSAGE = re.compile(rf"\b({'|'.join((*_OAUTH2, *_HMAC, *_ACCOUNT, *_API))})\b")
_NO_ACCOUNT = (
    "no account is configured: name a file with --config.file, or set MIMECAST_CLIENT_ID and"
    " MIMECAST_CLIENT_SECRET (API 2.0), or MIMECAST_REGION, MIMECAST_APP_ID, MIMECAST_APP_KEY,"
    " MIMECAST_ACCESS_KEY and MIMECAST_SECRET_KEY (API 1.0); each secret also as a file, by …_FILE"
)


def load_environment(environ: Mapping[str, str], *, catalog: Catalog) -> Config:
    """Return the configuration of one account from MIMECAST_… variables.

    A variable that is set but empty counts as not set.

    Raises:
        ConfigError: The variables have problems, or there is no account in them.

    """

    def given(*keys: str) -> dict[str, Any]:
        return {key: text for key in keys if (text := environ.get(_variable(key)))}

    oauth2, hmac = given(*_OAUTH2), given(*_HMAC)
    if not oauth2 and not hmac:
        raise ConfigError([Problem("environment", None, "", _NO_ACCOUNT)])
    account = {"name": "default", **given("name", *_ACCOUNT)}
    account |= {name: keys for name, keys in (("oauth2", oauth2), ("hmac", hmac)) if keys}
    values = {"accounts": [account], "api": given(*_API), **given("collectors")}
    if "collectors" in values:
        values["collectors"] = [name.strip() for name in values["collectors"].split(",")]
    document = read_mapping(values, Config, source="environment")
    config = complete_config(document, catalog)
    if document.problems:
        raise ConfigError(map(_as_variable, document.problems))
    return replace(config, source=document.file)


def _variable(key: str) -> str:
    return _OTHER.get(key, f"MIMECAST_{key.upper()}")


def _as_variable(problem: Problem) -> Problem:
    """Return a problem of a key in the words of the variable that gave it."""
    key = re.sub(r".*\.|\[\d+\]", "", problem.key)
    message = _KEY_IN_MESSAGE.sub(lambda match: _variable(match[0]), problem.message)
    if key == "hmac":
        return Problem(problem.file, None, "", "give the MIMECAST_CLIENT_… or the MIMECAST_APP_… variables, not both")
    return Problem(problem.file, None, key and _variable(key), message)
