"""Accounts as the file declares them to accounts as the program uses them.

Knows Mimecast's regions and what must hold between the keys of one account. Must not know where a
declaration comes from: a file, one of many files, the environment.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from exporter.config.schema import AccountBlock, CampaignsBlock, HmacBlock, OAuth2Block
from exporter.config.secret import Secret
from exporter.config.settings import Account, CampaignFilter, HmacCredentials, OAuth2Credentials
from exporter.yamlfile import Document

#: API 2.0: the `region` and the base URL it stands for.
OAUTH2_REGIONS: Final[Mapping[str, str]] = {
    "global": "https://api.services.mimecast.com",
    "uk": "https://uk-api.services.mimecast.com",
    "us": "https://us-api.services.mimecast.com",
}
#: API 1.0: the `region` and the base URL it stands for.
HMAC_REGIONS: Final[Mapping[str, str]] = {
    **{name: f"https://{name}-api.mimecast.com" for name in ("au", "ca", "de", "eu", "je", "us", "usb", "za")},
    "uspcom": "https://uspcom-api.mimecast-pscom-us.com",
}

#: Labels of the metrics exposed, which target labels would hide or be hidden by.
EXPOSED_LABELS: Final = frozenset(
    {
        *("account", "campaign_id", "title", "question", "option", "reason", "endpoint", "code", "file"),
        *("custom_module", "custom_content", "correct_option"),
        *("version", "revision", "branch", "python", "python_version", "implementation", "generation"),
        *("major", "minor", "patchlevel", "le", "quantile"),
    }
)
#: Labels that Prometheus itself gives to targets.
TARGET_LABELS: Final = frozenset({"job", "instance"})

_LABEL_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def build_account(
    block: AccountBlock, document: Document[Any], directory: Path, campaigns: CampaignsBlock
) -> Account | None:
    """Return the account that `block` declares; None when something is wrong, which `document` then says.

    File names are relative to `directory`; `campaigns` is the global block. Secret files are read, once, to
    see that they can be.
    """
    _check_present(block, "name", document)
    _check_labels(block, document)
    base_url = _base_url(block, document)
    credentials = _credentials(block, document, directory)
    if base_url is None or credentials is None:
        return None
    return Account(
        name=str(block.name),
        base_url=base_url,
        credentials=credentials,
        correct_answers=block.correct_answers,
        campaigns=build_filter(block.campaigns, campaigns),
        labels=MappingProxyType(dict(block.labels)),
    )


def build_filter(block: CampaignsBlock, fallback: CampaignsBlock) -> CampaignFilter:
    """Return the filter of a block; each key it leaves out is taken from `fallback`."""
    include = block.include if block.include is not None else fallback.include or ()
    exclude = block.exclude if block.exclude is not None else fallback.exclude or ()
    max_age = block.max_age if block.max_age is not None else fallback.max_age
    return CampaignFilter(
        include=tuple(pattern.compiled() for pattern in include),
        exclude=tuple(pattern.compiled() for pattern in exclude),
        max_age=None if max_age is None else float(max_age),
        limit=block.limit if block.limit is not None else fallback.limit,
    )


def _check_present(block: msgspec.Struct, name: str, document: Document[Any]) -> None:
    if not getattr(block, name) and not document.reported(block, name):
        document.report(block, name, "is missing")


def _check_labels(block: AccountBlock, document: Document[Any]) -> None:
    for name in block.labels:
        if not _LABEL_NAME.fullmatch(name):
            message = "not a label name: letters, digits and underscores, not beginning with a digit"
        elif name.startswith("__"):
            message = "label names that begin with __ belong to Prometheus"
        elif name in TARGET_LABELS or name in EXPOSED_LABELS:
            message = "this label is taken: use another name"
        else:
            continue
        document.report(block, f"labels.{name}", message)


def _base_url(block: AccountBlock, document: Document[Any]) -> str | None:
    """Return where the account's API is, by `base_url` or `region`."""
    if document.reported(block, "base_url", "region"):
        return None
    if block.base_url is not None:
        if block.region is not None:
            document.report(block, "region", "give base_url or region, not both")
        return str(block.base_url)
    if block.hmac is not None and block.region is None:
        regions = ", ".join(HMAC_REGIONS)
        document.report(block, "region", f"is missing: give region ({regions}) or base_url")
        return None
    return _region_url(block, document)


def _region_url(block: AccountBlock, document: Document[Any]) -> str | None:
    if block.hmac is None and block.oauth2 is None:
        return None
    regions = OAUTH2_REGIONS if block.hmac is None else HMAC_REGIONS
    url = regions.get(block.region or "global")
    if url is None:
        version = "2.0 (oauth2)" if block.hmac is None else "1.0 (hmac)"
        known = ", ".join(regions)
        document.report(block, "region", f"not known to API {version}: use one of {known}, or give base_url")
    return url


def _credentials(
    block: AccountBlock, document: Document[Any], directory: Path
) -> OAuth2Credentials | HmacCredentials | None:
    oauth2 = _oauth2(block.oauth2, document, directory) if block.oauth2 else None
    hmac = _hmac(block.hmac, document, directory) if block.hmac else None
    if block.oauth2 is not None and block.hmac is not None:
        document.report(block, "hmac", "give oauth2 or hmac, not both")
    elif block.oauth2 is None and block.hmac is None and not document.reported(block, "oauth2", "hmac"):
        document.report(block, "", "has no credentials: give oauth2 (API 2.0) or hmac (API 1.0)")
    return oauth2 or hmac


def _oauth2(block: OAuth2Block, document: Document[Any], directory: Path) -> OAuth2Credentials | None:
    _check_present(block, "client_id", document)
    secret = _secret(block, "client_secret", document, directory)
    return OAuth2Credentials(str(block.client_id), secret) if secret else None


def _hmac(block: HmacBlock, document: Document[Any], directory: Path) -> HmacCredentials | None:
    _check_present(block, "app_id", document)
    app_key = _secret(block, "app_key", document, directory)
    access_key = _secret(block, "access_key", document, directory)
    secret_key = _secret(block, "secret_key", document, directory)
    if secret_key and not _is_base64(secret_key):
        field = "secret_key" if secret_key.file is None else "secret_key_file"
        document.report(block, field, "is not base64: take the secret key exactly as Mimecast shows it")
    if app_key and access_key and secret_key:
        return HmacCredentials(str(block.app_id), app_key, access_key, secret_key)
    return None


def _secret(block: msgspec.Struct, name: str, document: Document[Any], directory: Path) -> Secret | None:
    """Return a secret of `block`, given by the key `name` or the name of a file in its twin."""
    twin = f"{name}_file"
    if document.reported(block, name, twin):
        return None
    value, file = getattr(block, name), getattr(block, twin)
    if value is None and file is None:
        document.report(block, name, f"is missing: give {name} or {twin}")
        return None
    if value is not None and file is not None:
        document.report(block, twin, f"give {name} or {twin}, not both")
        return None
    secret = Secret(value) if file is None else Secret(file=directory / file)
    return _checked(secret, block, name if file is None else twin, document)


def _checked(secret: Secret, block: msgspec.Struct, field: str, document: Document[Any]) -> Secret | None:
    try:
        text = secret.read()
    except OSError as error:
        document.report(block, field, f"cannot read secret file {secret.file}: {error.strerror}")
        return None
    except ValueError as error:
        document.report(block, field, str(error))
        return None
    if field.startswith(("access_key", "app_key")) and not text.isascii():
        document.report(block, field, "must be plain ASCII: take the key exactly as Mimecast shows it")
        return None
    return secret


def _is_base64(secret: Secret) -> bool:
    try:
        return bool(base64.b64decode(secret.read(), validate=True))
    except (OSError, ValueError, binascii.Error):
        return False
