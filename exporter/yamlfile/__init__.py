"""Read YAML files as typed values by a declared schema; every problem has its file, line and key."""

from exporter.yamlfile.document import ConfigError, Document, Problem, did_you_mean
from exporter.yamlfile.nodes import MAX_BYTES
from exporter.yamlfile.reading import read, read_bytes, read_file, read_mapping
from exporter.yamlfile.schema import COMMA_SEPARATED, COMPUTED, fields_of, keys, keys_of, plain
from exporter.yamlfile.values import expand, file_name

__all__ = [
    "COMMA_SEPARATED",
    "COMPUTED",
    "MAX_BYTES",
    "ConfigError",
    "Document",
    "Problem",
    "did_you_mean",
    "expand",
    "fields_of",
    "file_name",
    "keys",
    "keys_of",
    "plain",
    "read",
    "read_bytes",
    "read_file",
    "read_mapping",
]
