"""The example and the documentation say what the schema says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
import yaml

from exporter.config import (
    HMAC_REGIONS,
    OAUTH2_REGIONS,
    ApiSettings,
    CacheSettings,
    ConfigError,
    load_environment,
    load_file,
)
from exporter.config.settings import Config
from exporter.yamlfile import fields_of, keys, plain, read
from tests.config.writing import CATALOG, ROOT, names


def schema_keys(schema: type[msgspec.Struct] = Config, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key of the file, dotted, with its default as the documentation writes it."""
    for field in fields_of(schema):
        kind = plain(field.type)
        below = [part for part in (kind, *get_args(kind)) if isinstance(part, type)]
        structs = [part for part in below if issubclass(part, msgspec.Struct)]
        many = "[]" if get_origin(kind) is tuple else ""
        if structs:
            yield from schema_keys(structs[0], f"{prefix}{field.encode_name}{many}.")
        elif field.required and len(keys(field)) == 1:
            yield prefix + field.encode_name, "required"
        else:
            default = field.default if field.default not in (msgspec.NODEFAULT, None, (), "") else None
            yield from ((prefix + key, f"`{default}`" if default else "none") for key in keys(field))


def test_the_documentation_has_each_key_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z0-9_.\[\]]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", _documentation(), re.MULTILINE)
    assert sorted(rows) == sorted(schema_keys())


def test_the_documentation_has_each_region_and_variable() -> None:
    rows = re.findall(r"^\| ([12]).0 .*\| `(\w+)`.* \| `(https:[^`]+)` \|$", _documentation(), re.MULTILINE)
    assert {name: url for version, name, url in rows if version == "2"} == OAUTH2_REGIONS
    assert {name: url for version, name, url in rows if version == "1"} == HMAC_REGIONS
    with pytest.raises(ConfigError) as caught:
        load_environment({}, catalog=CATALOG)
    assert set(re.findall("MIMECAST_[A-Z_]+", str(caught.value))) <= set(
        re.findall("`(MIMECAST_[A-Z_]+)`", _documentation())
    )


#: What an example with every key at once, and without its files, says.
_ALTERNATIVES = re.compile(", not both$|^cannot read .*: No such file or directory$")


def _documentation() -> str:
    return (ROOT / "docs/configuration.md").read_text()


def _example() -> str:
    return (ROOT / "config.example.yaml").read_text()


def test_the_example_loads_once_its_secrets_are_given(folder: Path) -> None:
    shutil.copy(ROOT / "config.example.yaml", folder / "config.yaml")
    (folder / "secrets").mkdir()
    for name in re.findall(r"^ *\w+_file: (secrets/\S+)", _example(), re.MULTILINE):
        (folder / name).write_text("c2VjcmV0\n")
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", re.sub("#.*", "", _example())), "value")
    config = load_file(folder / "config.yaml", environ=environ, catalog=CATALOG)
    assert names(config) == ["acme", "globex"]
    assert (config.cache, config.api) == (CacheSettings(), ApiSettings())


def test_the_example_shows_each_key_and_the_defaults() -> None:
    text = re.sub(r"^( *)#(?=[a-z_]+: )", r"\1", _example(), flags=re.MULTILINE)
    document = read(text.encode(), Config, file="config.example.yaml")
    assert [one for one in document.problems if not _ALTERNATIVES.search(one.message)] == []
    shown = dict(_leaves(yaml.safe_load(text)))
    for key, default in schema_keys():
        assert any(name in (key, f"{key}.tier") for name in shown)
        if default.startswith("`"):
            assert str(shown[key]) == default.strip("`")


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict):
        for item in tree:
            yield from _leaves(item, f"{prefix}[]")
    else:
        yield prefix, tree
