"""The configuration: from a file and the files it names, or from the environment alone.

Knows the sources, and that all problems are reported, not only the first.
"""

from __future__ import annotations

import glob
import re
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from exporter.config.accounts import build_account, build_filter
from exporter.config.schema import AccountBlock, AccountFile, ApiBlock, CampaignsBlock, ConfigFile, TlsBlock
from exporter.config.secret import Secret
from exporter.config.settings import (
    Account,
    ApiSettings,
    CacheSettings,
    Config,
    TlsSettings,
)
from exporter.yamlfile import ConfigError, Document, Problem, read_file, read_mapping

_OAUTH2_KEYS = ("client_id", "client_secret", "client_secret_file")
_HMAC_KEYS = (
    *("app_id", "app_key", "app_key_file"),
    *("access_key", "access_key_file", "secret_key", "secret_key_file"),
)
_ACCOUNT_KEYS = ("base_url", "region", "correct_answers")
_KEY_IN_MESSAGE = re.compile(rf"\b({'|'.join((*_OAUTH2_KEYS, *_HMAC_KEYS, *_ACCOUNT_KEYS))})\b")
_BOTH_WAYS = (
    "no account is configured: name a file with --config.file, or set MIMECAST_CLIENT_ID and"
    " MIMECAST_CLIENT_SECRET (API 2.0), or MIMECAST_REGION, MIMECAST_APP_ID, MIMECAST_APP_KEY,"
    " MIMECAST_ACCESS_KEY and MIMECAST_SECRET_KEY (API 1.0); each secret also as a file, by …_FILE"
)


def load_file(path: str | Path, *, environ: Mapping[str, str]) -> Config:
    """Read the configuration file and the account files it names; raises ConfigError with all problems.

    Faulty account files are no error: their accounts are left out and `Config.account_files_status` says why.
    """
    path = Path(path)
    document = read_file(path, ConfigFile, environ=environ)
    block = document.value or ConfigFile()
    names: dict[str, str] = {}
    accounts = _accounts(block.accounts, document, path.parent, block.campaigns, names)
    api = _api(block.api, document, path.parent)
    if not (document.problems or block.accounts or block.account_files):
        document.add("", "no account is configured: add one under accounts:, or name files in account_files:")
    more, status = _account_files(block, path, environ, names)
    if document.problems:
        faults = [problem for problems in status.values() for problem in problems]
        raise ConfigError(sorted(document.problems, key=lambda problem: problem.line or 0) + faults)
    return Config(
        accounts=(*accounts, *more),
        cache=CacheSettings(float(block.cache.ttl), float(block.cache.max_stale)),
        api=api,
        campaigns=build_filter(block.campaigns, CampaignsBlock()),
        account_files=tuple(map(str, block.account_files)),
        source=str(path),
        account_files_status=MappingProxyType(status),
    )


def load_environment(environ: Mapping[str, str]) -> Config:
    """Return the configuration of one account, named `default`, from MIMECAST_… variables.

    A variable that is set but empty counts as not set. Raises ConfigError with all problems.
    """
    oauth2, hmac = _variables(environ, _OAUTH2_KEYS), _variables(environ, _HMAC_KEYS)
    if not oauth2 and not hmac:
        raise ConfigError([Problem("environment", None, "", _BOTH_WAYS)])
    values: dict[str, object] = {"name": "default", **_variables(environ, _ACCOUNT_KEYS)}
    values |= {"oauth2": oauth2} if oauth2 else {}
    values |= {"hmac": hmac} if hmac else {}
    document = read_mapping(values, AccountBlock, source="environment")
    block = document.value
    account = build_account(block, document, Path(), CampaignsBlock()) if block else None
    if document.problems or account is None:
        raise ConfigError(map(_as_variable, document.problems))
    return Config(accounts=(account,), source="environment")


def _variables(environ: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Return those keys whose variable is set."""
    return {key: environ[_variable(key)] for key in keys if environ.get(_variable(key))}


def _variable(key: str) -> str:
    return f"MIMECAST_{key.upper()}"


def _as_variable(problem: Problem) -> Problem:
    """Say a problem of a key in the words of the variable that gave it."""
    key = problem.key.rpartition(".")[2]
    message = _KEY_IN_MESSAGE.sub(lambda match: _variable(match[0]), problem.message)
    if key == "hmac":
        return Problem(problem.file, None, "", "give the MIMECAST_CLIENT_… or the MIMECAST_APP_… variables, not both")
    return Problem(problem.file, None, key and _variable(key), message)


def _accounts(
    blocks: Iterable[AccountBlock],
    document: Document[Any],
    directory: Path,
    campaigns: CampaignsBlock,
    names: dict[str, str],
) -> list[Account]:
    """Build accounts; `names` has those of other files and where they are, and gets these too."""
    accounts = []
    for block in blocks:
        here = f"{document.file}, line {document.line(document.key(block, 'name'))}"
        if block.name in names:
            document.report(block, "name", f"duplicate account name, first in {names[block.name]}")
        elif block.name:
            names[block.name] = here
        account = build_account(block, document, directory, campaigns)
        accounts += [account] if account else []
    return accounts


def _account_files(
    main: ConfigFile, path: Path, environ: Mapping[str, str], names: dict[str, str]
) -> tuple[list[Account], dict[str, tuple[Problem, ...]]]:
    """Return the accounts of all good account files, and the problems of each file."""
    accounts: list[Account] = []
    status: dict[str, tuple[Problem, ...]] = {}
    for file in _matches(main.account_files, path):
        document = read_file(file, AccountFile, environ=environ)
        blocks = document.value.accounts if document.value else ()
        tried = dict(names)
        found = _accounts(blocks, document, file.parent, main.campaigns, tried)
        status[str(file)] = tuple(sorted(document.problems, key=lambda problem: problem.line or 0))
        if not document.problems:
            accounts += found
            names.update(tried)
    return accounts, status


def _matches(patterns: Iterable[str], path: Path) -> list[Path]:
    """Return the files that patterns relative to the main file match, without that file, sorted."""
    directory = Path(glob.escape(str(path.parent)))
    # Unlike Path.glob, this leaves out hidden names, such as those that Kubernetes puts beside mounted files.
    matches = (glob.glob(str(directory / pattern), recursive=True) for pattern in patterns)  # noqa: PTH207 - see above
    found = {Path(name) for names in matches for name in names}
    return sorted(file for file in found if file.resolve() != path.resolve())


def _api(block: ApiBlock, document: Document[Any], directory: Path) -> ApiSettings:
    no_proxy = block.no_proxy.split(",") if isinstance(block.no_proxy, str) else block.no_proxy
    return ApiSettings(
        timeout=float(block.timeout),
        max_response_size=int(block.max_response_size),
        concurrency=block.concurrency,
        proxy_url=None if block.proxy_url is None else Secret(str(block.proxy_url)),
        no_proxy=tuple(host.strip() for host in no_proxy if host.strip()),
        tls=_tls(block.tls_config, document, directory),
    )


def _tls(block: TlsBlock, document: Document[Any], directory: Path) -> TlsSettings:
    """Return the settings with absolute file names, after trying the files."""

    def absolute(name: str | None) -> str | None:
        return None if name is None else str(directory / name)

    tls = TlsSettings(absolute(block.ca_file), absolute(block.cert_file), absolute(block.key_file), block.min_version)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file:
        try:
            context.load_verify_locations(tls.ca_file)
        except OSError as error:
            document.report(block, "ca_file", _unusable(tls.ca_file, error, "PEM certificates"))
    if (tls.cert_file is None) != (tls.key_file is None) and not document.reported(block, "cert_file", "key_file"):
        document.report(block, "key_file" if tls.cert_file else "cert_file", "is missing: give cert_file and key_file")
    elif tls.cert_file and tls.key_file:
        _try_certificate(tls.cert_file, tls.key_file, context, block, document)
    return tls


def _try_certificate(
    cert_file: str, key_file: str, context: ssl.SSLContext, block: TlsBlock, document: Document[Any]
) -> None:
    for field, file in (("cert_file", cert_file), ("key_file", key_file)):
        try:
            with Path(file).open("rb"):
                pass
        except OSError as error:
            document.report(block, field, _unusable(file, error, ""))
    if document.reported(block, "cert_file", "key_file"):
        return
    try:
        # Without the callback OpenSSL asks for a password on the terminal.
        context.load_cert_chain(cert_file, key_file, password=lambda: "")
    except (OSError, ValueError) as error:
        message = _unusable(cert_file, error, f"a PEM certificate that fits the unencrypted key in {key_file}")
        document.report(block, "cert_file", message)


def _unusable(file: str, error: Exception, expected: str) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return f"cannot read {file}: {error.strerror}"
    return f"{file} does not hold {expected}"
