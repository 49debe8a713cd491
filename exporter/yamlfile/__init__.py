"""Read YAML files into typed values by a schema; every problem has a file, line and key."""

from exporter.yamlfile.document import ConfigError as ConfigError
from exporter.yamlfile.document import Document as Document
from exporter.yamlfile.document import Problem as Problem
from exporter.yamlfile.document import did_you_mean as did_you_mean
from exporter.yamlfile.nodes import MAX_BYTES as MAX_BYTES
from exporter.yamlfile.reading import read as read
from exporter.yamlfile.reading import read_bytes as read_bytes
from exporter.yamlfile.reading import read_file as read_file
from exporter.yamlfile.reading import read_mapping as read_mapping
from exporter.yamlfile.schema import COMMA_SEPARATED as COMMA_SEPARATED
from exporter.yamlfile.schema import COMPUTED as COMPUTED
from exporter.yamlfile.schema import fields_of as fields_of
from exporter.yamlfile.schema import keys as keys
from exporter.yamlfile.schema import keys_of as keys_of
from exporter.yamlfile.schema import plain as plain
from exporter.yamlfile.values import file_name as file_name
