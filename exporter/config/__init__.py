"""The configuration: what can be set, read from a file or the environment, checked, and shown without its secrets.

The rest of the program imports everything about its configuration from here.
"""

from exporter.config.accounts import EXPOSED_LABELS, HMAC_REGIONS, OAUTH2_REGIONS
from exporter.config.loading import load_environment, load_file
from exporter.config.redaction import redacted
from exporter.config.secret import REDACTED, Secret
from exporter.config.settings import (
    Account,
    ApiSettings,
    CacheSettings,
    CampaignFilter,
    Config,
    HmacCredentials,
    OAuth2Credentials,
    TlsSettings,
)
from exporter.yamlfile import ConfigError, Problem

__all__ = [
    "EXPOSED_LABELS",
    "HMAC_REGIONS",
    "OAUTH2_REGIONS",
    "REDACTED",
    "Account",
    "ApiSettings",
    "CacheSettings",
    "CampaignFilter",
    "Config",
    "ConfigError",
    "HmacCredentials",
    "OAuth2Credentials",
    "Problem",
    "Secret",
    "TlsSettings",
    "load_environment",
    "load_file",
    "redacted",
]
