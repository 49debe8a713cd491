"""The configuration as the rest of the program sees it: frozen, complete, checked.

Knows what can be set, and the defaults. Must not know how it is written down or where it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from exporter.config.secret import Secret
from exporter.yamlfile import Problem

CorrectAnswers: TypeAlias = Literal["count", "option"]
TlsVersion: TypeAlias = Literal["TLS12", "TLS13"]


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class OAuth2Credentials:
    """An application of API 2.0."""

    client_id: str
    client_secret: Secret


@dataclass(frozen=True, slots=True)
class HmacCredentials:
    """An application of API 1.0 and the user it acts for."""

    app_id: str
    app_key: Secret
    access_key: Secret
    secret_key: Secret


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """Which campaigns are exported.

    `include` (when not empty) and `exclude` hold patterns for the whole title: use `fullmatch`. `max_age` is
    in seconds since the launch, `limit` a number of campaigns; None is no bound.
    """

    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    max_age: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How long, in seconds, an answer is good, and how much longer it is served when no new one comes."""

    ttl: float = 300.0
    max_stale: float = 3600.0


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What TLS connections to the API use; files are absolute or relative to the working directory."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    min_version: TlsVersion = "TLS12"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How the API is called: seconds and decoded bytes for one whole refresh, fetches at a time, the way."""

    timeout: float = 30.0
    max_response_size: int = 64 << 20
    concurrency: int = 20
    proxy_url: Secret | None = None
    no_proxy: tuple[str, ...] = ()
    tls: TlsSettings = TlsSettings()


@dataclass(frozen=True, slots=True)
class Account:
    """One Mimecast account.

    `base_url` has no trailing slash; API paths are appended to it. `campaigns` is the global filter with the
    account's own keys put over it. `labels` are target labels for service discovery only. Two accounts
    share credentials when `base_url` and `credentials` are equal.
    """

    name: str
    base_url: str
    credentials: OAuth2Credentials | HmacCredentials
    correct_answers: CorrectAnswers = "count"
    campaigns: CampaignFilter = CampaignFilter()
    labels: Mapping[str, str] = field(default_factory=_nothing, hash=False)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration.

    `source` says where it came from. `account_files` are the patterns as written; `account_files_status` has
    each file that they match, with its problems: those of a faulty file, whose accounts are left out.
    """

    accounts: tuple[Account, ...]
    cache: CacheSettings = CacheSettings()
    api: ApiSettings = ApiSettings()
    campaigns: CampaignFilter = CampaignFilter()
    account_files: tuple[str, ...] = ()
    source: str = ""
    account_files_status: Mapping[str, tuple[Problem, ...]] = field(default_factory=_nothing, hash=False)

    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with any account file, for those who take that for an error."""
        return tuple(problem for problems in self.account_files_status.values() for problem in problems)
