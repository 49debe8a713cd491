"""Load the configuration from a file and the account files it names; all problems are reported, not only the first."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from exporter.config.completion import complete_accounts, complete_config
from exporter.config.settings import Account, AccountFile, Catalog, Config
from exporter.yamlfile import MAX_BYTES, ConfigError, Document, Problem, read_bytes, read_file


def load_file(path: str | Path, *, environ: Mapping[str, str], catalog: Catalog) -> Config:
    """Read the configuration file and the account files it names.

    Faulty account files are no error: their accounts are left out, and `Config.account_files_status` says why.

    Raises:
        ConfigError: The file has problems.

    """
    path = Path(path)
    document = read_file(path, Config, environ=environ)
    names = _check_names(document.value.accounts if document.value else (), document, {})
    config = complete_config(document, catalog)
    if not (document.problems or config.accounts or config.account_files):
        document.add("", "no account is configured: add one under accounts:, or name files in account_files:")
    accounts, status = _account_files(config, names, path, environ, catalog)
    if document.problems:
        raise ConfigError([*document.sorted_problems(), *(one for problems in status.values() for one in problems)])
    return replace(config, accounts=(*config.accounts, *accounts), source=str(path), account_files_status=status)


def _check_names(accounts: Iterable[Account], document: Document[Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of accounts and their places, those of other files included; `document` gets the duplicates."""
    known = dict(names)
    for account in accounts:
        place = f"{document.file}, line {document.line(document.key(account, 'name'))}"
        if account.name in known:
            document.report(account, "name", f"duplicate account name, first in {known[account.name]}")
        elif account.name:
            known[account.name] = place
    return known


def _account_files(
    config: Config, names: Mapping[str, str], path: Path, environ: Mapping[str, str], catalog: Catalog
) -> tuple[list[Account], dict[str, tuple[Problem, ...]]]:
    """Return the accounts of all good account files, and the problems of each file."""
    accounts: list[Account] = []
    status: dict[str, tuple[Problem, ...]] = {}
    for file in _matching(config.account_files, path):
        document = read_file(file, AccountFile, environ=environ)
        found = (document.value.accounts if document.value else ()) or ()
        tried = _check_names(found, document, names)
        completed = complete_accounts(found, document, config, catalog)
        status[os.fsencode(file).decode(errors="replace")] = tuple(document.sorted_problems())
        if not document.problems:
            accounts += completed
            names = tried
    return accounts, status


def digest_of_files(config: Config) -> bytes:
    """Return a digest of the configuration file, the account files that exist now, and the files of `api.tls_config`.

    A file that cannot be read counts as empty. Secret files are left out: they are read at each use.
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
    """Return the files that patterns relative to the main file match, without that file, sorted."""
    directory = Path(glob.escape(str(path.parent)))
    # Unlike Path.glob, this leaves out hidden names, such as those that Kubernetes puts beside mounted files.
    matches = (glob.glob(str(directory / pattern), recursive=True) for pattern in patterns)  # noqa: PTH207 - see above
    found = {Path(name) for names in matches for name in names}
    return sorted(file for file in found if os.path.realpath(file) != os.path.realpath(path))
