"""Convert YAML nodes to values of declared types.

No message repeats a value, which may be a secret: only keys are repeated.
"""

from __future__ import annotations

import contextlib
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
import yaml

from exporter.yamlfile import schema as schemas
from exporter.yamlfile.document import Document, join_key
from exporter.yamlfile.faults import FITTING, WANTED, FaultError, Kind, did_you_mean, kind_of, listed, shown, wrong
from exporter.yamlfile.schema import COMMA_SEPARATED

T = TypeVar("T", bound=msgspec.Struct)

#: How a value of a type is written: octal, hexadecimal and base 60 are refused, because nobody means them.
_PLAIN_VALUES = {
    bool: (re.compile("true|yes|on|false|no|off", re.ASCII | re.IGNORECASE), "true or false"),
    int: (re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII), "a whole number in plain digits"),
    float: (re.compile(r"[-+]?[0-9]{1,17}(\.[0-9]{0,17})?", re.ASCII), "a number like 12 or 0.5"),
}
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Entry(NamedTuple):
    line: int | None
    node: yaml.Node


class ValueReader:
    """Converts nodes to values of the types asked for; it reports every fault to the document and reads on."""

    def __init__(self, document: Document[Any], environ: Mapping[str, str] | None) -> None:
        self._document = document
        self._environ = environ

    def root(self, node: yaml.Node | None, schema: type[T]) -> T | None:
        """Read a whole document; None if it is not even a mapping."""
        if node is None or kind_of(node) is Kind.NOTHING:
            node = yaml.MappingNode("tag:yaml.org,2002:map", [])
        self._document.place("", _line(node) or 1)
        return next(iter(self._read(node, schema, "")), None)

    def _read(self, node: yaml.Node, wanted: Any, key: str) -> list[Any]:
        """Return the value in a list; report the fault and return nothing if there is one."""
        try:
            return [self._value(node, wanted, key)]
        except FaultError as fault:
            self._document.add(key, str(fault))
            return []

    def _value(self, node: yaml.Node, wanted: Any, key: str) -> Any:
        """Convert one node; raises FaultError."""
        origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
        if origin is Annotated:
            if COMMA_SEPARATED in arguments and kind_of(node) is Kind.TEXT:
                node = self._split(node)
            return _bounded(self._value(node, schemas.read_as(wanted), key), arguments[1:])
        if schemas.is_union(wanted):
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
            return self._choice(node, arguments)
        return self._struct(node, wanted, key) if schemas.is_struct(wanted) else self._scalar(node, wanted, key)

    def _union(self, node: yaml.Node, members: tuple[object, ...], key: str) -> Any:
        """Take the first scalar that the node can be; the message is that of the last one."""
        *others, last = [member for member in members if member is not type(None)]
        for member in others:
            with contextlib.suppress(FaultError):
                return self._value(node, member, key)
        return self._value(node, last, key)

    def _choice(self, node: yaml.Node, choices: tuple[object, ...]) -> object:
        text = self._text(node) if isinstance(node, yaml.ScalarNode) else ""
        names = {str(choice): choice for choice in choices}
        if text not in names:
            raise FaultError(f"must be {listed(names, 'or')}")
        return names[text]

    def _items(self, node: yaml.Node, wanted: Any, key: str) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode) or kind_of(node) is not Kind.LIST:
            raise wrong(node, Kind.LIST)
        for index, item in enumerate(node.value):
            self._document.place(f"{key}[{index}]", _line(item))
        return [value for index, item in enumerate(node.value) for value in self._read(item, wanted, f"{key}[{index}]")]

    def _struct(self, node: yaml.Node, schema: type[T], key: str) -> T:
        entries = self._entries(node, key)
        known = schemas.keys_of(schema)
        for name in [name for name in entries if name not in known]:
            self._unknown(name, entries[name], schema, key)
        values: dict[str, Any] = {field.name: None for field in known.values() if field.required}
        for field in schemas.fields_of(schema):
            values.update((field.name, value) for value in self._field(field, entries, key))
        struct = schema(**values)
        self._document.own(
            struct, key, {known[name].name for name in entries if name in known and _given(entries, name)}
        )
        return struct

    def _field(self, field: schemas.Field, entries: Mapping[str, _Entry], key: str) -> list[Any]:
        """Return the value of a field in a list; nothing if it is left out or faulty."""
        name, *twin = field.keys
        # A key with nothing after it counts as left out: the lines below it may all be comments.
        given = [written for written in field.keys if _given(entries, written)]
        if len(given) > 1:
            self._document.add(join_key(key, given[1]), f"give {name} or {given[1]}, not both")
        elif given == twin != []:
            return self._read(entries[given[0]].node, self._from_path(field), join_key(key, given[0]))
        elif given or (field.required and name in entries and not twin):
            return self._read(entries[name].node, field.annotation, join_key(key, name))
        elif field.required:
            hint = f": give {listed(field.keys, 'or')}" if twin else ""
            self._document.add(join_key(key, name), f"is missing{hint}")
        return []

    def _entries(self, node: yaml.Node, key: str) -> dict[str, _Entry]:
        """Return what a mapping holds, each key once, with what `<<` merges into it after its own."""
        if not isinstance(node, yaml.MappingNode):
            raise wrong(node, Kind.MAPPING)
        if kind_of(node) is not Kind.MAPPING:
            self._document.add(key, str(wrong(node, Kind.MAPPING)))
        entries: dict[str, _Entry] = {}
        merged: list[yaml.Node] = []
        for name, value in node.value:
            line = _line(name)
            if name.tag.endswith(":merge"):
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not isinstance(name, yaml.ScalarNode) or not name.value:
                self._document.add(key, "a key must be text", line)
            elif name.value in entries:
                first = entries[name.value].line
                shown_key = key if _is_word_alone(value) else join_key(key, shown(name.value))
                self._document.add(shown_key, f"duplicate key, first on line {first}", line)
            else:
                entries[name.value] = _Entry(line, value)
        for other in merged:
            try:
                entries = {**self._entries(other, key), **entries}
            except FaultError as fault:
                self._document.add(key, str(fault), _line(other))
        for name, entry in entries.items():
            self._document.place(join_key(key, name), entry.line)
        return entries

    def _unknown(self, name: str, entry: _Entry, schema: type[msgspec.Struct], key: str) -> None:
        known = schemas.keys_of(schema)
        if _is_word_alone(entry.node) and any(field.secret for field in known.values()):
            # `{client_secret: top,secret}` makes a key of half a secret.
            message = "a word without a value: if it belongs to the value before it, put that in quotes"
            self._document.add(key, message, entry.line)
            return
        hint = did_you_mean(name, known) or _belongs_below(name, schema) or f": {listed(known, 'and')} are known"
        self._document.add(join_key(key, shown(name)), f"unknown key{hint}", entry.line)

    def _scalar(self, node: yaml.Node, wanted: Any, key: str) -> object:
        base = next((base for base in WANTED if isinstance(wanted, type) and issubclass(wanted, base)), str)
        kind, expected = kind_of(node), getattr(wanted, "expected", WANTED[base])
        if not isinstance(node, yaml.ScalarNode) or kind == Kind.NOTHING or (base is str and kind != Kind.TEXT):
            raise wrong(node, expected)
        text = self._text(node)
        if wanted in WANTED:
            if kind != FITTING[base] and text == node.value:  # what a variable stands for may be of any kind
                raise wrong(node, expected)
            return text if base is str else _plain_value(text, base)
        try:
            value: object = getattr(wanted, "parse", wanted)(text)
        except OSError as error:
            raise FaultError(f"cannot read {error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise FaultError(str(error)) from None
        self._document.own(value, key)
        return value

    def _from_path(self, field: schemas.Field) -> Callable[[str], object]:
        """Return the function that reads a field from the name of a file relative to the document."""

        def parse(name: str) -> object:
            if not name or "\0" in name:
                raise ValueError("must be the name of a file")
            return field.plain.from_path(Path(self._document.file).parent / name)

        return parse

    def _split(self, node: yaml.Node) -> yaml.Node:
        """Return the list that a text with commas stands for."""
        assert isinstance(node, yaml.ScalarNode)  # noqa: S101 - what has the kind TEXT is a scalar
        text = self._text(node)
        if self._environ is not None:  # the variables are replaced already
            text = text.replace("${", "$${")
        items = [yaml.ScalarNode(node.tag, item.strip(), node.start_mark) for item in text.split(",") if item.strip()]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, node.start_mark)

    def _text(self, node: yaml.ScalarNode) -> str:
        """Return a scalar as it is written, variables replaced."""
        if kind_of(node) is Kind.TAGGED:
            raise FaultError("a word that begins with ! is a tag, and none is known here: put it in quotes")
        try:
            text = node.value if self._environ is None else expand(node.value, self._environ)
        except ValueError as error:
            raise FaultError(str(error)) from None
        if _SURROGATE.search(text):
            raise FaultError("holds a character that UTF-8 cannot write")
        return text


def _given(entries: Mapping[str, _Entry], name: str) -> bool:
    return name in entries and kind_of(entries[name].node) is not Kind.NOTHING


def _line(node: yaml.Node) -> int | None:
    """Return the line of a node, from 1; None if it comes from no file."""
    return node.start_mark.line + 1 if node.start_mark else None


def _plain_value(text: str, wanted: type) -> object:
    pattern, expected = _PLAIN_VALUES[wanted]
    if not pattern.fullmatch(text):
        raise FaultError(f"expected {expected}")
    return text.lower() in {"true", "yes", "on"} if wanted is bool else wanted(text)


def _bounded(value: Any, metadata: Iterable[object]) -> object:
    for bound in metadata:
        if isinstance(bound, msgspec.Meta):
            if bound.ge is not None and value < bound.ge:
                raise FaultError(f"must be at least {type(value)(bound.ge)}")
            if bound.le is not None and value > bound.le:
                raise FaultError(f"must be at most {type(value)(bound.le)}")
    return value


def _is_word_alone(node: yaml.Node) -> bool:
    return kind_of(node) is Kind.NOTHING and not node.value


def _belongs_below(name: str, schema: type[msgspec.Struct]) -> str:
    """Say under which key a key belongs that was written one level too high."""
    for outer, field in schemas.keys_of(schema).items():
        for part in (field.plain, *typing.get_args(field.plain)):
            if schemas.is_struct(part) and name in schemas.keys_of(part):
                return f": did you mean {outer}.{name}?"
    return ""


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace each `${NAME}` by the variable's value and `$${` by `${`; ValueError names what is not set."""
    missing = sorted({name for name in _VARIABLE.findall(text) if name and name not in environ})
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ValueError(f"environment variable {listed(missing, 'and')} {verb} not set")

    def replacement(match: re.Match[str]) -> str:
        if match[0] == "${":
            raise ValueError("${ begins a variable, as in ${NAME}: write $${ for a plain ${")
        return environ[match[1]] if match[1] else "${"

    return _VARIABLE.sub(replacement, text)
