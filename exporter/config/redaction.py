"""Write the configuration as YAML without any secret: the one place that decides what is shown."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml
from msgspec.structs import FieldInfo

from exporter.config.scalars import Duration, Size
from exporter.config.secret import Secret
from exporter.config.settings import Config
from exporter.yamlfile import fields_of, keys, plain

#: The C emitter if PyYAML was built with it: the other would delay the scrapes of a fleet.
_DUMPER: type[yaml.SafeDumper | yaml.CSafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def redacted(config: Config) -> str:
    """Return the effective configuration, defaults included, with `<secret>` for each secret given inline.

    Of a secret kept in a file, the file name is shown. All accounts are shown together, whatever file they come from.
    """
    return str(yaml.dump(_shown(config), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000))


def _shown(value: Any, kind: Any = None) -> Any:
    if isinstance(value, msgspec.Struct):
        given = ((field, one) for field in fields_of(type(value)) if (one := getattr(value, field.name)) is not None)
        return {_key(field, one): _shown(one, plain(field.type)) for field, one in given}
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Secret):
        return str(value.file or value)
    if kind in {Duration, Size}:
        return str(kind(value))
    return str(value) if isinstance(value, str) else value


def _key(field: FieldInfo, value: Any) -> str:
    return keys(field)[-1 if isinstance(value, Secret) and value.file else 0]
