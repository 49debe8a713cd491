"""Convert YAML nodes to values of declared types. Messages contain keys, but no value, which may be secret."""

from __future__ import annotations

import contextlib
import re
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import yaml
from msgspec.structs import FieldInfo

from exporter.yamlfile import schema as schemas
from exporter.yamlfile.document import Document, T, did_you_mean, join_key, listed
from exporter.yamlfile.nodes import Kind, kind_of, wrong_kind
from exporter.yamlfile.schema import COMMA_SEPARATED

#: For each plain type the kind of its nodes, a description, and the form of its values. Octal, hexadecimal and base 60
#: numbers are refused, because they are rarely intended.
_PLAIN: dict[Any, tuple[Kind, str, str]] = {
    bool: (Kind.BOOLEAN, "true or false", "true|yes|on|false|no|off"),
    int: (Kind.NUMBER, "a whole number in plain digits", "[-+]?(0|[1-9][0-9]{0,17})"),
    float: (Kind.NUMBER, "a number like 12 or 0.5", r"[-+]?[0-9]{1,17}(\.[0-9]{0,17})?"),
    str: (Kind.TEXT, "text", "(?s:.*)"),
}
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Entry(NamedTuple):
    line: int | None
    node: yaml.Node
    is_word_alone: bool


class ValueReader:
    """Converts nodes to values of the expected types; adds every problem to the document."""

    def __init__(self, document: Document[Any], environ: Mapping[str, str] | None) -> None:
        self._document = document
        self._environ = environ

    def root(self, node: yaml.Node | None, schema: type[T]) -> T | None:
        """Read a whole document; None if it is not a mapping."""
        if node is None or kind_of(node) is Kind.NOTHING:
            node = yaml.MappingNode("tag:yaml.org,2002:map", [])
        self._document.lines[""] = _line(node) or 1
        return next(iter(self._read(node, schema, "")), None)

    def _read(self, node: yaml.Node, annotation: Any, key: str) -> list[Any]:
        """Return the value in a list; report a problem and return an empty list if it is invalid."""
        try:
            return [self._value(node, annotation, key)]
        except OSError as error:
            self._document.add(key, f"cannot read {error.filename}: {error.strerror}")
        except ValueError as error:
            self._document.add(key, str(error))
        return []

    def _value(self, node: yaml.Node, annotation: Any, key: str) -> Any:
        """Convert one node; raise ValueError, or OSError for a file that the node names."""
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated:
            if COMMA_SEPARATED in arguments and kind_of(node) is Kind.TEXT:
                node = self._split(node)
            return _bounded(self._value(node, schemas.plain(annotation), key), arguments[1:])
        if schemas.is_union(annotation):
            return self._union(node, arguments, key)
        if origin in {list, tuple}:
            return origin(self._items(node, arguments[0], key))
        if origin is dict:
            entries = self._entries(node, key).items()
            return {
                name: value
                for name, entry in entries
                for value in self._read(entry.node, arguments[1], f"{key}.{name}")
            }
        if origin is Literal:
            text = self._text(node) if isinstance(node, yaml.ScalarNode) else ""
            if text not in arguments:
                raise ValueError(f"must be {listed(arguments, 'or')}")
            return text
        if hasattr(annotation, "__struct_fields__"):
            return self._struct(node, annotation, key)
        return self._scalar(node, annotation, key)

    def _union(self, node: yaml.Node, members: tuple[object, ...], key: str) -> Any:
        """Return the first scalar that the node can be; the error is that of the last one."""
        *others, last = [member for member in members if member is not type(None)]
        for member in others:
            with contextlib.suppress(ValueError):
                return self._value(node, member, key)
        return self._value(node, last, key)

    def _items(self, node: yaml.Node, annotation: Any, key: str) -> list[Any]:
        if kind_of(node) is not Kind.LIST:
            raise wrong_kind(node, Kind.LIST)
        for index, item in enumerate(node.value):
            self._document.lines[f"{key}[{index}]"] = _line(item)
        return [
            value for index, item in enumerate(node.value) for value in self._read(item, annotation, f"{key}[{index}]")
        ]

    def _struct(self, node: yaml.Node, schema: type[T], key: str) -> T:
        entries = self._entries(node, key)
        known = schemas.keys_of(schema)
        for name in [name for name in entries if name not in known]:
            self._unknown(name, entries[name], schema, key)
        values: dict[str, Any] = {field.name: None for field in known.values() if field.required}
        for field in schemas.fields_of(schema):
            values.update((field.name, value) for value in self._field(field, entries, key))
        struct = schema(**values)
        given = (field.name for name, field in known.items() if _given(entries, name))
        self._document.own(struct, key, given)
        return struct

    def _field(self, field: FieldInfo, entries: Mapping[str, _Entry], key: str) -> list[Any]:
        """Return the value of a field in a list, which is empty if it is left out or invalid."""
        keys = schemas.keys(field)
        name, *twin = keys
        # A key without a value counts as left out: all lines below it may be comments.
        given = [written for written in keys if _given(entries, written)]
        if len(given) > 1:
            self._document.add(join_key(key, given[1]), f"give {name} or {given[1]}, not both")
        elif given == twin != []:
            directory, from_path = Path(self._document.file).parent, schemas.plain(field.type).from_path
            node = entries[given[0]].node
            return self._read(node, lambda name: from_path(directory / file_name(name)), join_key(key, given[0]))
        elif given or (field.required and name in entries and not twin):
            return self._read(entries[name].node, field.type, join_key(key, name))
        elif field.required:
            hint = f": give {listed(keys, 'or')}" if twin else ""
            self._document.add(join_key(key, name), f"is missing{hint}")
        return []

    def _entries(self, node: yaml.Node, key: str) -> dict[str, _Entry]:
        """Return the entries of a mapping, including those merged by `<<`; report duplicate keys."""
        if not isinstance(node, yaml.MappingNode) or kind_of(node) is not Kind.MAPPING:
            raise wrong_kind(node, Kind.MAPPING)
        entries: dict[str, _Entry] = {}
        merged: list[yaml.Node] = []
        for name, value in node.value:
            line = _line(name)
            # In `{client_secret: top,secret}` half of a secret is a key, which no message may contain.
            alone = bool(node.flow_style) and kind_of(value) is Kind.NOTHING and not value.value
            if name.tag.endswith(":merge"):
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not isinstance(name, yaml.ScalarNode) or not name.value:
                self._document.add(key, "a key must be text", line)
            elif name.value in entries:
                first = entries[name.value].line
                shown_key = key if alone else join_key(key, name.value)
                self._document.add(shown_key, f"duplicate key, first on line {first}", line)
            else:
                entries[name.value] = _Entry(line, value, alone)
        for other in merged:
            try:
                entries = {**self._entries(other, key), **entries}
            except ValueError as error:
                self._document.add(key, str(error), _line(other))
        for name, entry in entries.items():
            self._document.lines[join_key(key, name)] = entry.line
        return entries

    def _unknown(self, name: str, entry: _Entry, schema: type[msgspec.Struct], key: str) -> None:
        known = schemas.keys_of(schema)
        if entry.is_word_alone:
            message = "a word without a value: if it belongs to the previous value, put that value in quotes"
            self._document.add(key, message, entry.line)
        else:
            hint = did_you_mean(name, known) or _belongs_below(name, schema) or f": {listed(known, 'and')} are known"
            self._document.add(join_key(key, name), f"unknown key{hint}", entry.line)

    def _scalar(self, node: yaml.Node, annotation: Any, key: str) -> object:
        base = next((base for base in _PLAIN if isinstance(annotation, type) and issubclass(annotation, base)), str)
        fitting, called, pattern = _PLAIN[base]
        kind, expected = kind_of(node), getattr(annotation, "expected", called)
        if kind in {Kind.NOTHING, Kind.LIST, Kind.MAPPING, Kind.TAGGED} or (base is str and kind is not fitting):
            raise wrong_kind(node, expected)
        text = self._text(node)
        if annotation is base:
            # A variable's value may be of any kind.
            if kind is not fitting and text == node.value:
                raise wrong_kind(node, expected)
            if not re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE):
                raise ValueError(f"expected {expected}")
            return text.lower() in {"true", "yes", "on"} if base is bool else base(text)
        value: object = getattr(annotation, "parse", annotation)(text)
        self._document.own(value, key)
        return value

    def _split(self, node: yaml.Node) -> yaml.Node:
        """Split a text with commas into a list."""
        text = self._text(node)
        if self._environ is not None:  # the variables have been replaced
            text = text.replace("${", "$${")
        items = [yaml.ScalarNode(node.tag, item.strip(), node.start_mark) for item in text.split(",") if item.strip()]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, node.start_mark)

    def _text(self, node: yaml.Node) -> str:
        """Return a scalar's text with variables replaced."""
        text: str = node.value if self._environ is None else expand(node.value, self._environ)
        if _SURROGATE.search(text):
            raise ValueError("contains a character that UTF-8 cannot encode")
        return text


def _given(entries: Mapping[str, _Entry], name: str) -> bool:
    return name in entries and kind_of(entries[name].node) is not Kind.NOTHING


def _line(node: yaml.Node) -> int | None:
    """Return the line of a node, from 1; None if it does not come from a file."""
    return node.start_mark.line + 1 if node.start_mark else None


def _bounded(value: Any, metadata: Iterable[object]) -> object:
    for bound in metadata:
        if isinstance(bound, msgspec.Meta):
            if bound.ge is not None and value < bound.ge:
                raise ValueError(f"must be at least {type(value)(bound.ge)}")
            if bound.le is not None and value > bound.le:
                raise ValueError(f"must be at most {type(value)(bound.le)}")
    return value


def _belongs_below(name: str, schema: type[msgspec.Struct]) -> str:
    """Return a hint for a key that belongs one level deeper."""
    for outer, field in schemas.keys_of(schema).items():
        kind = schemas.plain(field.type)
        for part in (kind, *typing.get_args(kind)):
            if hasattr(part, "__struct_fields__") and name in schemas.keys_of(part):
                return f": did you mean {outer}.{name}?"
    return ""


def file_name(text: str) -> str:
    """Return a valid file name."""
    if not text or "\0" in text:
        raise ValueError("must be the name of a file")
    return text


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace each `${NAME}` by the variable's value and `$${` by `${`; ValueError names what is not set."""
    missing = sorted({name for name in _VARIABLE.findall(text) if name and name not in environ})
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ValueError(f"environment variable {listed(missing, 'and')} {verb} not set")

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "${":
            raise ValueError("${ begins a variable, as in ${NAME}: write $${ for a literal ${")
        return environ[match[1]] if match[1] else "${"

    return _VARIABLE.sub(replacement, text)
