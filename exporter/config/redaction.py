"""Write the configuration as YAML without any secret: the one place that decides what is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from exporter.config.scalars import Duration, Size
from exporter.config.secret import REDACTED
from exporter.config.settings import Config
from exporter.yamlfile import fields_of

#: The C emitter if PyYAML was built with it: the other would delay the scrapes of a fleet.
_DUMPER: type[yaml.SafeDumper | yaml.CSafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def redacted(config: Config, *, defaults: bool = True) -> str:
    """Return the effective configuration with `<secret>` for each secret given inline.

    Of a secret kept in a file, the file name is shown. All accounts are shown together, whatever file they come from.

    Args:
        config: the configuration.
        defaults: whether to show what has its default value, or an account's value that is the global one.

    """
    shown = _shown(config) if defaults else _changed(config, _shown(config))
    return str(yaml.dump(shown, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000))


def _changed(struct: msgspec.Struct, shown: Mapping[str, Any], inherited: Config | None = None) -> dict[str, Any]:
    """Return the entries of `shown`, as made from `struct`, that are neither defaults nor inherited."""
    kept: dict[str, Any] = {}
    for field in fields_of(type(struct)):
        value, key = getattr(struct, field.name), next((key for key in field.keys if key in shown), None)
        if key is None or value in ({}, field.default, getattr(inherited, field.name, msgspec.NODEFAULT)):
            continue
        if isinstance(struct, Config) and field.name == "accounts":
            entries = zip(struct.accounts, shown[key], strict=True)
            kept[key] = [_changed(account, entry, inherited=struct) for account, entry in entries]
        else:
            kept[key] = _changed(value, shown[key]) if isinstance(value, msgspec.Struct) else shown[key]
    return kept


def _shown(value: Any, kind: Any = None) -> Any:
    if isinstance(value, msgspec.Struct):
        return dict(_entries(value))
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, re.Pattern):
        return value.pattern
    if kind in {Duration, Size}:
        return str(kind(value))
    return str(value) if isinstance(value, str) else value


def _entries(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """Yield each key that has a value, and what is shown of it."""
    for field in fields_of(type(struct)):
        value = getattr(struct, field.name)
        if value is None:
            continue
        if not field.secret:
            yield field.keys[0], _shown(value, field.plain)
        elif file := getattr(value, "file", None):
            yield field.keys[-1], str(file)
        else:
            yield field.keys[0], REDACTED
