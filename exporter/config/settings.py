"""The schema of the configuration file, which is also the settings that the program reads.

Durations are in seconds, sizes in bytes; file names are absolute or relative to the working directory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

import msgspec
import yaml
from msgspec import Meta
from msgspec.structs import FieldInfo

from exporter.config import scalars
from exporter.config.scalars import Duration, NoProxyRule, ProxyUrl, Size
from exporter.config.secret import Secret, SecretKey
from exporter.yamlfile import COMMA_SEPARATED, COMPUTED, Problem, fields_of, file_name, keys, plain

CorrectAnswers: TypeAlias = Literal["count", "option"]
TlsVersion: TypeAlias = Literal["TLS12", "TLS13"]

_FileName: TypeAlias = Annotated[str, file_name]
_Identifier: TypeAlias = Annotated[str, scalars.identifier]
_Patterns: TypeAlias = tuple[Annotated[re.Pattern[str], scalars.title_pattern], ...]
_Collectors: TypeAlias = tuple[Annotated[str, scalars.CollectorName], ...]

_DAY: Final = 86400.0
#: The C emitter if PyYAML was built with it: the other one blocks the event loop for long with many accounts.
_DUMPER: type[yaml.SafeDumper | yaml.CSafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Catalog(msgspec.Struct, frozen=True):
    """The known collectors, each enabled by default or not, and the labels of all metrics."""

    collectors: Mapping[str, bool]
    labels: frozenset[str]


class OAuth2(msgspec.Struct, frozen=True, kw_only=True):
    """An application of API 2.0."""

    client_id: _Identifier
    client_secret: Secret


class Hmac(msgspec.Struct, frozen=True, kw_only=True):
    """An application of API 1.0 and the user it acts for."""

    app_id: _Identifier
    app_key: Secret
    access_key: Secret
    secret_key: Annotated[Secret, SecretKey]


class CampaignFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which campaigns are exported.

    `include` (if not empty) and `exclude` hold patterns for the whole title: use `fullmatch`. `max_age` counts from
    the launch, `limit` is a number of campaigns; None means no limit.
    """

    include: _Patterns = ()
    exclude: _Patterns = ()
    max_age: Annotated[float, Duration, Meta(ge=0.001, le=36500 * _DAY)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One Mimecast account.

    A loaded account has its `base_url` (without trailing slash) in place of a region, and `collectors` and `campaigns`
    are those in effect: the account's own keys override the global ones. `labels` are for service discovery only.
    """

    name: Annotated[str, scalars.name]
    base_url: Annotated[str, scalars.base_url] = ""
    region: str | None = None
    oauth2: OAuth2 | None = None
    hmac: Hmac | None = None
    correct_answers: CorrectAnswers = "count"
    collectors: _Collectors = ()
    campaigns: CampaignFilter = CampaignFilter()
    labels: dict[str, str] = {}

    @property
    def credentials(self) -> OAuth2 | Hmac:
        """Return the credentials; accounts with equal credentials and base URL share a token and pauses."""
        return self.oauth2 or cast("Hmac", self.hmac)  # a loaded account has exactly one of the two


class CacheSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long an answer is served without a refresh, and how much longer while refreshes fail."""

    ttl: Annotated[float, Duration, Meta(le=7 * _DAY)] = Duration(300)
    max_stale: Annotated[float, Duration, Meta(le=30 * _DAY)] = Duration(3600)


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """TLS settings of connections to the API."""

    ca_file: _FileName | None = None
    cert_file: _FileName | None = None
    key_file: _FileName | None = None
    min_version: TlsVersion = "TLS12"


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the API is called: limits of a refresh, concurrency, proxy and TLS."""

    timeout: Annotated[float, Duration, Meta(ge=0.1, le=3600)] = Duration(30)
    max_response_size: Annotated[int, Size, Meta(ge=1 << 10, le=4 << 30)] = Size(64 << 20)
    concurrency: Annotated[int, Meta(ge=1, le=1000)] = 20
    proxy_url: Annotated[Secret, ProxyUrl] | None = None
    no_proxy: Annotated[tuple[NoProxyRule, ...], COMMA_SEPARATED] = ()
    tls_config: TlsSettings = TlsSettings()


class AccountFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that only adds accounts."""

    accounts: tuple[Account, ...]


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A whole configuration.

    `account_files` are the patterns as written. `source` is the file's name or `environment`. `account_files_status`
    has each file that the patterns match, with its problems; the accounts of an invalid file are left out.
    """

    accounts: tuple[Account, ...] = ()
    account_files: tuple[_FileName, ...] = ()
    cache: CacheSettings = CacheSettings()
    collectors: _Collectors = ()
    campaigns: CampaignFilter = CampaignFilter()
    api: ApiSettings = ApiSettings()
    source: Annotated[str, COMPUTED] = ""
    account_files_status: Annotated[Mapping[str, tuple[Problem, ...]], COMPUTED] = {}

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems of all account files."""
        return tuple(problem for problems in self.account_files_status.values() for problem in problems)


def redacted(config: Config, *, defaults: bool = True) -> str:
    """Return the effective configuration as YAML, with `<secret>` for each secret given inline.

    For a secret in a file, the file name is shown. Accounts of all files are included. Without `defaults`, default and
    inherited values are left out.
    """
    shown = _shown(config)
    if not defaults:
        inherited = _shown(Account(name="")) | {key: shown[key] for key in ("collectors", "campaigns")}
        shown["accounts"] = [_differing(account, inherited) for account in shown["accounts"]]
        shown = _differing(shown, _shown(Config()))
    return str(yaml.dump(shown, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000))


def _differing(shown: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that differ from those of `default`."""
    return {
        key: _differing(value, default[key]) if isinstance(value, dict) and key in default else value
        for key, value in shown.items()
        if value != default.get(key)
    }


def _shown(value: Any, kind: Any = None) -> Any:
    if isinstance(value, msgspec.Struct):
        given = ((field, one) for field in fields_of(type(value)) if (one := getattr(value, field.name)) is not None)
        return {_key(field, one): _shown(one, plain(field.type)) for field, one in given}
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Secret):
        return str(value.file or value)
    if kind in {Duration, Size}:
        return str(kind(value))
    return str(value) if isinstance(value, str) else value


def _key(field: FieldInfo, value: Any) -> str:
    return keys(field)[-1 if isinstance(value, Secret) and value.file else 0]
