"""Build API clients from settings."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass

import httpx

from exporter.accounts.clock import Clock, monotonic
from exporter.config import Account, ApiSettings, NoProxyRule
from exporter.mimecast import (
    TOKEN_PATH,
    ClientCredentials,
    Credentials,
    HttpSettings,
    MimecastClient,
    SignedRequests,
    Traffic,
)

_TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True)
class _Bypass:
    """Whether a host and port bypass the proxy; instances with equal rules are equal."""

    rules: tuple[NoProxyRule, ...]

    def __call__(self, host: str, port: int) -> bool:
        return any(rule.matches(host, port) for rule in self.rules)


def http_settings(api: ApiSettings) -> HttpSettings:
    """Return the HTTP settings of the section `api`; raise OSError if a certificate file cannot be read."""
    tls = api.tls_config
    return HttpSettings(
        proxy_url=api.proxy_url.read() if api.proxy_url else None,
        no_proxy=_Bypass(api.no_proxy),
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        min_version=_TLS_VERSIONS[tls.min_version],
    )


def authentication(account: Account, clock: Clock = monotonic, wall_clock: Clock = time.time) -> Credentials:
    """Return the account's credentials; secrets are read at each use."""
    if account.oauth2 is not None:
        return ClientCredentials(
            token_url=account.base_url + TOKEN_PATH,
            client_id=account.oauth2.client_id,
            client_secret=account.oauth2.client_secret.read,
            clock=clock,
        )
    assert account.hmac is not None  # noqa: S101 - a loaded account has exactly one of the two
    return SignedRequests(
        app_id=account.hmac.app_id,
        app_key=account.hmac.app_key.read,
        access_key=account.hmac.access_key.read,
        secret_key=account.hmac.secret_key.read,
        wall_clock=wall_clock,
    )


def client_of(
    account: Account,
    api: ApiSettings,
    http: httpx.AsyncClient,
    auth: Credentials,
    traffic: Traffic,
    *,
    wall_clock: Clock = time.time,
) -> MimecastClient:
    """Return the account's client, which records its requests in `traffic`."""
    return MimecastClient(
        http,
        base_url=account.base_url,
        auth=auth,
        timeout=api.timeout,
        max_response_size=api.max_response_size,
        traffic=traffic,
        wall_clock=wall_clock,
    )
