"""The configuration as YAML for people to look at, without any secret.

This is the one place that decides what of a configuration is shown.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from exporter.config.secret import REDACTED, Secret
from exporter.config.settings import Account, ApiSettings, CampaignFilter, Config, HmacCredentials, OAuth2Credentials
from exporter.config.units import Duration, Size

#: The C emitter where PyYAML was built with it: a fleet's configuration would hold up the scrapes of that second.
_DUMPER: type[yaml.SafeDumper | yaml.CSafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def redacted(config: Config) -> str:
    """Return the effective configuration, defaults and all, with `<secret>` for each secret given inline.

    Of a secret kept in a file, the name of the file is shown. Accounts are shown where they ended up, not
    the files they came from.
    """
    tree: dict[str, Any] = {
        "accounts": [_account(account) for account in config.accounts],
        "account_files": list(config.account_files),
        "cache": {"ttl": str(Duration(config.cache.ttl)), "max_stale": str(Duration(config.cache.max_stale))},
        "campaigns": _campaigns(config.campaigns),
        "api": _api(config.api),
    }
    return str(yaml.dump(tree, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000))


def _account(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "base_url": account.base_url,
        **_credentials(account.credentials),
        "correct_answers": account.correct_answers,
        "campaigns": _campaigns(account.campaigns),
        "labels": dict(account.labels),
    }


def _credentials(credentials: OAuth2Credentials | HmacCredentials) -> dict[str, dict[str, str]]:
    if isinstance(credentials, OAuth2Credentials):
        secret = _secret("client_secret", credentials.client_secret)
        return {"oauth2": {"client_id": credentials.client_id, **secret}}
    return {
        "hmac": {
            "app_id": credentials.app_id,
            **_secret("app_key", credentials.app_key),
            **_secret("access_key", credentials.access_key),
            **_secret("secret_key", credentials.secret_key),
        }
    }


def _secret(name: str, secret: Secret) -> dict[str, str]:
    return {name: REDACTED} if secret.file is None else {f"{name}_file": str(secret.file)}


def _campaigns(campaigns: CampaignFilter) -> dict[str, Any]:
    def expressions(patterns: tuple[re.Pattern[str], ...]) -> list[str]:
        return [pattern.pattern for pattern in patterns]

    return {
        "include": expressions(campaigns.include),
        "exclude": expressions(campaigns.exclude),
        "max_age": None if campaigns.max_age is None else str(Duration(campaigns.max_age)),
        "limit": campaigns.limit,
    }


def _api(api: ApiSettings) -> dict[str, Any]:
    tls = api.tls
    return {
        "timeout": str(Duration(api.timeout)),
        "max_response_size": str(Size(api.max_response_size)),
        "concurrency": api.concurrency,
        "proxy_url": REDACTED if api.proxy_url else None,
        "no_proxy": list(api.no_proxy),
        "tls_config": {
            "ca_file": tls.ca_file,
            "cert_file": tls.cert_file,
            "key_file": tls.key_file,
            "min_version": tls.min_version,
        },
    }
