"""Load the configuration from a file and the account files it names, or from the environment.

All problems are reported, not only the first.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from exporter.config.completion import complete_account, complete_config
from exporter.config.settings import Account, AccountFile, Catalog, Config, Hmac, OAuth2
from exporter.yamlfile import MAX_BYTES, ConfigError, Document, Problem, keys_of, read_bytes, read_file, read_mapping

_OAUTH2, _HMAC = keys_of(OAuth2), keys_of(Hmac)
_ACCOUNT = ("base_url", "region", "correct_answers")
_API = ("proxy_url", "proxy_url_file", "no_proxy")
_KEY_IN_MESSAGE = re.compile(rf"\b({'|'.join((*_OAUTH2, *_HMAC, *_ACCOUNT, *_API))})\b")
_NO_ACCOUNT = (
    "no account is configured: name a file with --config.file, or set MIMECAST_CLIENT_ID and"
    " MIMECAST_CLIENT_SECRET (API 2.0), or MIMECAST_REGION, MIMECAST_APP_ID, MIMECAST_APP_KEY,"
    " MIMECAST_ACCESS_KEY and MIMECAST_SECRET_KEY (API 1.0); each secret also as a file, by …_FILE"
)


def load_file(path: str | Path, *, environ: Mapping[str, str], catalog: Catalog) -> Config:
    """Read the configuration file and the account files it names; raise ConfigError with every problem.

    Invalid account files raise no error: their accounts are skipped, and `Config.account_files_status` has the reasons.
    """
    path = Path(path)
    document = read_file(path, Config, environ=environ)
    names = _check_names(document, {})
    config = complete_config(document, catalog)
    if not (document.problems or config.accounts or config.account_files):
        document.add("", "no account is configured: add one under accounts:, or name files in account_files:")
    accounts, status = _account_files(config, names, path, environ, catalog)
    if document.problems:
        raise ConfigError([*document.sorted_problems(), *(one for problems in status.values() for one in problems)])
    return replace(config, accounts=(*config.accounts, *accounts), source=str(path), account_files_status=status)


def _accounts(document: Document[Any]) -> tuple[Account, ...]:
    return (document.value and document.value.accounts) or ()


def _check_names(document: Document[Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return `names`, account names with their locations, and those of `document`, which gets the duplicates."""
    known = dict(names)
    for account in _accounts(document):
        place = f"{document.file}, line {document.line(document.key(account, 'name'))}"
        if account.name in known:
            document.report(account, "name", f"duplicate account name, first in {known[account.name]}")
        elif account.name:
            known[account.name] = place
    return known


def _account_files(
    config: Config, names: Mapping[str, str], path: Path, environ: Mapping[str, str], catalog: Catalog
) -> tuple[list[Account], dict[str, tuple[Problem, ...]]]:
    """Return the accounts of all valid account files, and the problems of each file."""
    accounts: list[Account] = []
    status: dict[str, tuple[Problem, ...]] = {}
    for file in _matching(config.account_files, path):
        document = read_file(file, AccountFile, environ=environ)
        tried = _check_names(document, names)
        completed = [complete_account(one, document, config, catalog) for one in _accounts(document)]
        status[os.fsencode(file).decode(errors="replace")] = tuple(document.sorted_problems())
        if not document.problems:
            accounts += completed
            names = tried
    return accounts, status


def digest_of_files(config: Config) -> bytes:
    """Return a digest of the configuration file, the account files that exist now, and the files of `api.tls_config`.

    An unreadable file counts as empty. Secret files are not included, because they are read at each use.
    """
    tls, path = config.api.tls_config, Path(config.source)
    named = (Path(file) for file in (tls.ca_file, tls.cert_file, tls.key_file) if file)
    digest = hashlib.sha256()
    for file in (path, *_matching(config.account_files, path), *named):
        content = b""
        with contextlib.suppress(OSError):
            content = read_bytes(file, MAX_BYTES)
        digest.update(f"{file}\0{len(content)}\0".encode(errors="surrogateescape") + content)
    return digest.digest()


def _matching(patterns: Iterable[str], path: Path) -> list[Path]:
    """Return the sorted files that patterns relative to the main file match, without the main file."""
    directory = Path(glob.escape(str(path.parent)))
    # Unlike Path.glob, this leaves out hidden names, such as those that Kubernetes puts beside mounted files.
    matches = (glob.glob(str(directory / pattern), recursive=True) for pattern in patterns)  # noqa: PTH207 - see above
    found = {Path(name) for names in matches for name in names}
    return sorted(file for file in found if os.path.realpath(file) != os.path.realpath(path))


def load_environment(environ: Mapping[str, str], *, catalog: Catalog) -> Config:
    """Return the configuration of one account from MIMECAST_… variables; raise ConfigError with every problem.

    An empty variable counts as not set.
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
    return "MIMECAST_ACCOUNT" if key == "name" else f"MIMECAST_{key.upper()}"


def _as_variable(problem: Problem) -> Problem:
    """Return a problem with the name of the variable in place of the key."""
    key = re.sub(r".*\.|\[\d+\]", "", problem.key)
    message = _KEY_IN_MESSAGE.sub(lambda match: _variable(match[0]), problem.message)
    if key == "hmac":
        return Problem(problem.file, None, "", "give the MIMECAST_CLIENT_… or the MIMECAST_APP_… variables, not both")
    return Problem(problem.file, None, key and _variable(key), message)
