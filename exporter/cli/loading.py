"""Load the configuration for a command, and print its problems."""

from __future__ import annotations

import os
import sys

from exporter.accounts.status import reserved_labels
from exporter.collectors import COLLECTORS
from exporter.config import Catalog, Config, ConfigError, load_environment, load_file


def load(config_file: str | None) -> Config | None:
    """Return the configuration, or None after printing every problem to standard error."""
    try:
        return read(config_file)
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"mimecast-exporter: {problem}\n")
        return None


def read(config_file: str | None) -> Config:
    """Return the configuration from the file, or from the environment if None; raise ConfigError."""
    if config_file:
        return load_file(config_file, environ=os.environ, catalog=catalog())
    return load_environment(os.environ, catalog=catalog())


def catalog() -> Catalog:
    """Return the collectors and labels that a configuration is validated against."""
    return Catalog(
        collectors={name: collector.enabled_by_default for name, collector in COLLECTORS.items()},
        labels=reserved_labels(),
    )
