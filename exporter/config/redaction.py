"""Write the configuration as YAML without any secret: the one place that decides what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

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
        return dict(_entries(value))
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, re.Pattern):
        return value.pattern
    if kind in {Duration, Size}:
        return str(kind(value))
    return str(value) if isinstance(value, str | Secret) else value


def _entries(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """Yield each key that has a value, and what is shown of it."""
    for field in fields_of(type(struct)):
        value = getattr(struct, field.name)
        if value is None:
            continue
        if isinstance(value, Secret) and value.file is not None:
            yield keys(field)[-1], str(value.file)
        else:
            yield field.encode_name, _shown(value, plain(field.type))
