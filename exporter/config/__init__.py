"""The settings: their schema, loading from a file or the environment, validation, and display without secrets."""

from exporter.config.completion import HMAC_REGIONS as HMAC_REGIONS
from exporter.config.completion import OAUTH2_REGIONS as OAUTH2_REGIONS
from exporter.config.loading import digest_of_files as digest_of_files
from exporter.config.loading import load_environment as load_environment
from exporter.config.loading import load_file as load_file
from exporter.config.scalars import NoProxyRule as NoProxyRule
from exporter.config.secret import Secret as Secret
from exporter.config.settings import Account as Account
from exporter.config.settings import ApiSettings as ApiSettings
from exporter.config.settings import CacheSettings as CacheSettings
from exporter.config.settings import CampaignFilter as CampaignFilter
from exporter.config.settings import Catalog as Catalog
from exporter.config.settings import Config as Config
from exporter.config.settings import Hmac as Hmac
from exporter.config.settings import OAuth2 as OAuth2
from exporter.config.settings import TlsSettings as TlsSettings
from exporter.config.settings import redacted as redacted
from exporter.yamlfile import ConfigError as ConfigError
from exporter.yamlfile import Problem as Problem
