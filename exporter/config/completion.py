"""Validate constraints between keys, and fill in settings that depend on several keys."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from exporter.config.settings import Account, Catalog, Config, TlsSettings
from exporter.yamlfile import MAX_BYTES, Document, did_you_mean, read_bytes

#: API 2.0: each `region` and its base URL.
OAUTH2_REGIONS: Final[Mapping[str, str]] = {
    "global": "https://api.services.mimecast.com",
    "uk": "https://uk-api.services.mimecast.com",
    "us": "https://us-api.services.mimecast.com",
}
#: API 1.0: each `region` and its base URL.
HMAC_REGIONS: Final[Mapping[str, str]] = {
    **{name: f"https://{name}-api.mimecast.com" for name in ("au", "ca", "de", "eu", "je", "us", "usb", "za")},
    "uspcom": "https://uspcom-api.mimecast-pscom-us.com",
}

_LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def complete_config(document: Document[Config], catalog: Catalog) -> Config:
    """Return the complete configuration of a document; the document gets the problems."""
    config = document.value or Config()
    config = replace(
        config,
        collectors=_enabled_collectors(config, document, catalog)
        or tuple(name for name, enabled in catalog.collectors.items() if enabled),
        api=replace(config.api, tls_config=_complete_tls(config.api.tls_config, document)),
    )
    return replace(config, accounts=tuple(complete_account(one, document, config, catalog) for one in config.accounts))


def complete_account(account: Account, document: Document[Any], config: Config, catalog: Catalog) -> Account:
    """Return the account with its base URL and inherited settings; `document` gets the problems."""
    _check_labels(account, document, catalog)
    _check_credentials(account, document)
    given = document.given(account.campaigns)
    return replace(
        account,
        base_url=_base_url(account, document),
        region=None,
        collectors=_enabled_collectors(account, document, catalog) or config.collectors,
        campaigns=replace(config.campaigns, **{name: getattr(account.campaigns, name) for name in given}),
    )


def _enabled_collectors(owner: Account | Config, document: Document[Any], catalog: Catalog) -> tuple[str, ...]:
    """Return the collectors that an account or the file enables; `document` gets the problems."""
    if not owner.collectors and "collectors" in document.given(owner) and not document.reported(owner, "collectors"):
        document.report(owner, "collectors", "must name a collector; leave the key out for the default")
    for index, name in enumerate(owner.collectors):
        if name not in catalog.collectors:
            hint = did_you_mean(name, catalog.collectors) or f": use {', '.join(catalog.collectors)}"
            document.report(name, "", f"unknown collector{hint}")
        elif name in owner.collectors[:index]:
            document.report(name, "", "names a collector twice")
    return owner.collectors


def _check_labels(account: Account, document: Document[Any], catalog: Catalog) -> None:
    for name in account.labels:
        if not _LABEL_NAME.fullmatch(name):
            message = "not a label name: letters, digits and underscores, not beginning with a digit"
        elif name.startswith("__") or name in {"job", "instance", *catalog.labels}:
            message = "this label is taken by Prometheus or the exporter: use another name"
        else:
            continue
        document.report(account, f"labels.{name}", message)


def _check_credentials(account: Account, document: Document[Any]) -> None:
    if account.oauth2 is not None and account.hmac is not None:
        document.report(account, "hmac", "give oauth2 or hmac, not both")
    elif account.oauth2 is None and account.hmac is None and not document.reported(account, "oauth2", "hmac"):
        document.report(account, "", "has no credentials: give oauth2 (API 2.0) or hmac (API 1.0)")


def _base_url(account: Account, document: Document[Any]) -> str:
    """Return the URL that the account's `base_url` or `region` gives; empty if there is a problem."""
    if account.base_url and account.region is not None:
        document.report(account, "region", "give base_url or region, not both")
    if account.base_url or document.reported(account, "base_url", "region") or not (account.hmac or account.oauth2):
        return account.base_url
    regions, version = (HMAC_REGIONS, "1.0 (hmac)") if account.hmac else (OAUTH2_REGIONS, "2.0 (oauth2)")
    region, known = account.region or "global", ", ".join(regions)
    if region not in regions:
        document.report(account, "region", f"API {version} needs one of {known}, or base_url instead")
    return regions.get(region, "")


def _complete_tls(tls: TlsSettings, document: Document[Any]) -> TlsSettings:
    """Return the settings with file names resolved; `document` gets the problems."""
    files: dict[str, str] = {}
    for key in ("ca_file", "cert_file", "key_file"):
        if (name := getattr(tls, key)) is not None:
            files[key] = str(Path(document.file).parent / name)
            try:
                read_bytes(Path(files[key]), MAX_BYTES)
            except OSError as error:
                document.report(tls, key, f"cannot read {files[key]}: {error.strerror}")
    if not document.reported(tls, *files):
        _check_tls(tls, files, document)
    return replace(tls, **files)


def _check_tls(tls: TlsSettings, files: Mapping[str, str], document: Document[Any]) -> None:
    """Check that OpenSSL accepts the files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca, cert, key = (files.get(name) for name in ("ca_file", "cert_file", "key_file"))
    if ca:
        try:
            context.load_verify_locations(ca)
        except OSError:
            document.report(tls, "ca_file", f"{ca} does not hold PEM certificates")
    if cert and key:
        try:
            # Without the callback OpenSSL asks for a password on the terminal.
            context.load_cert_chain(cert, key, password=lambda: "")
        except (OSError, ValueError):
            expected = f"a PEM certificate that fits the unencrypted key in {key}"
            document.report(tls, "cert_file", f"{cert} does not hold {expected}")
    elif cert or key:
        document.report(tls, "key_file" if cert else "cert_file", "is missing: give cert_file and key_file")
