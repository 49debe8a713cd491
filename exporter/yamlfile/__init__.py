"""YAML files to typed values by a declared schema; every problem knows its file, line and key.

Knows YAML and types, and nothing of what a file is about. `nodes` reads the text within bounds, `values`
says what a schema may hold and reads values by it, `document` gathers what was read and what is wrong.
"""

from exporter.yamlfile.document import ConfigError, Document, Problem, read, read_file, read_mapping
from exporter.yamlfile.values import SECRET, is_secret, struct_fields
from exporter.yamlfile.variables import expand

__all__ = [
    "SECRET",
    "ConfigError",
    "Document",
    "Problem",
    "expand",
    "is_secret",
    "read",
    "read_file",
    "read_mapping",
    "struct_fields",
]
