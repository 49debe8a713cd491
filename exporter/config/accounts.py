"""Check what must hold between the keys of an account, and complete it with what it inherits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from exporter.config.settings import Account, CampaignFilter, Catalog, Config
from exporter.yamlfile import Document, did_you_mean, fields_of

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

#: Labels that Prometheus itself gives to targets.
_TARGET_LABELS = frozenset({"job", "instance"})
_LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def complete(account: Account, document: Document[Any], config: Config, catalog: Catalog) -> Account:
    """Return the account with its base URL and what it inherits; `document` gets the problems."""
    _check_labels(account, document, catalog)
    _check_credentials(account, document)
    return replace(
        account,
        base_url=_base_url(account, document),
        region=None,
        collectors=enabled_collectors(account, document, catalog) or config.collectors,
        campaigns=_inherited(account.campaigns, config.campaigns, document),
    )


def enabled_collectors(owner: Account | Config, document: Document[Any], catalog: Catalog) -> tuple[str, ...]:
    """Return the collectors that an account or the whole file names; `document` gets the problems."""
    if not owner.collectors and "collectors" in document.given(owner) and not document.reported(owner, "collectors"):
        document.report(owner, "collectors", "must name a collector; leave the key out for the default")
    for index, name in enumerate(owner.collectors):
        if name not in catalog.collectors:
            hint = did_you_mean(name, catalog.collectors) or f": use {', '.join(catalog.collectors)}"
            document.report(name, "", f"unknown collector{hint}")
        elif name in owner.collectors[:index]:
            document.report(name, "", "names a collector twice")
    return owner.collectors


def _inherited(own: CampaignFilter, general: CampaignFilter, document: Document[Any]) -> CampaignFilter:
    """Return the filter of an account; each key it leaves out is taken from the global one."""
    names = {field.name for field in fields_of(CampaignFilter)} - document.given(own)
    return replace(own, **{name: getattr(general, name) for name in names})


def _check_labels(account: Account, document: Document[Any], catalog: Catalog) -> None:
    for name in account.labels:
        if not _LABEL_NAME.fullmatch(name):
            message = "not a label name: letters, digits and underscores, not beginning with a digit"
        elif name.startswith("__"):
            message = "label names that begin with __ belong to Prometheus"
        elif name in _TARGET_LABELS or name in catalog.labels:
            message = "this label is taken: use another name"
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
    if account.base_url or document.reported(account, "base_url", "region"):
        return account.base_url
    if account.hmac is not None:
        return _region_url(account, HMAC_REGIONS, "1.0 (hmac)", document)
    return "" if account.oauth2 is None else _region_url(account, OAUTH2_REGIONS, "2.0 (oauth2)", document)


def _region_url(account: Account, regions: Mapping[str, str], version: str, document: Document[Any]) -> str:
    known, region = ", ".join(regions), account.region
    if region is None and "global" not in regions:
        document.report(account, "region", f"is missing: give region ({known}) or base_url")
    elif (region or "global") not in regions:
        document.report(account, "region", f"not known to API {version}: use one of {known}, or give base_url")
    return regions.get(region or "global", "")
