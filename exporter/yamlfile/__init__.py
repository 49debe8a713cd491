"""Read YAML files as typed values by a declared schema; every problem has its file, line and key."""

from exporter.yamlfile.document import ConfigError, Document, Problem
from exporter.yamlfile.faults import did_you_mean
from exporter.yamlfile.nodes import MAX_BYTES
from exporter.yamlfile.reading import read, read_bytes, read_file, read_mapping
from exporter.yamlfile.schema import COMMA_SEPARATED, COMPUTED, SECRET, fields_of
from exporter.yamlfile.values import expand

__all__ = [
    "COMMA_SEPARATED",
    "COMPUTED",
    "MAX_BYTES",
    "SECRET",
    "ConfigError",
    "Document",
    "Problem",
    "did_you_mean",
    "expand",
    "fields_of",
    "read",
    "read_bytes",
    "read_file",
    "read_mapping",
]
