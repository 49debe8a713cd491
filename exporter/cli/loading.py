"""Reading the configuration a command was given, and saying what is wrong with it."""

from __future__ import annotations

import os
import sys

from exporter.config import Config, ConfigError, load_environment, load_file


def load(config_file: str | None) -> Config | None:
    """The configuration, or None after every error was printed to standard error."""
    try:
        return read(config_file)
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"mimecast-exporter: {problem}\n")
        return None


def read(config_file: str | None) -> Config:
    """The configuration of the file, or of the environment where none is named.

    Raises:
        ConfigError: with every problem.

    """
    return load_file(config_file, environ=os.environ) if config_file else load_environment(os.environ)
