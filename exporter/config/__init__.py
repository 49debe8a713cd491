"""The settings: one schema, read from a file or the environment, checked, and shown without their secrets.

The rest of the program imports everything about its configuration from here.
"""

from exporter.config.completion import HMAC_REGIONS, OAUTH2_REGIONS
from exporter.config.loading import digest_of_files, load_environment, load_file
from exporter.config.scalars import NoProxyRule
from exporter.config.secret import Secret
from exporter.config.settings import (
    Account,
    ApiSettings,
    CacheSettings,
    CampaignFilter,
    Catalog,
    Config,
    Hmac,
    OAuth2,
    TlsSettings,
    redacted,
)
from exporter.yamlfile import ConfigError, Problem

__all__ = [
    "HMAC_REGIONS",
    "OAUTH2_REGIONS",
    "Account",
    "ApiSettings",
    "CacheSettings",
    "CampaignFilter",
    "Catalog",
    "Config",
    "ConfigError",
    "Hmac",
    "NoProxyRule",
    "OAuth2",
    "Problem",
    "Secret",
    "TlsSettings",
    "digest_of_files",
    "load_environment",
    "load_file",
    "redacted",
]
