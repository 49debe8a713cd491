"""YAML nodes to values of declared types.

A schema is a msgspec.Struct class whose fields are annotated with str, int, float, bool, Literal, list[X],
tuple[X, ...], dict[str, X], unions of these, X | None, other Struct classes, and scalar classes: subclasses of str,
int or float with a classmethod `parse(text)` that raises ValueError, and perhaps a class attribute `expected` that
says what they are ("a duration"). A scalar class that is no str gets its text however YAML would understand it.
`Annotated[X, SECRET]` marks what must not be shown; `Annotated[X, msgspec.Meta(ge=1)]` sets bounds (ge, gt, le,
min_length). The key of a field is its name, or what `msgspec.field(name=…)` says.

No message repeats a value, only keys. A scalar's `parse` may repeat its text where that helps; for a secret
such a message is replaced.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, TypeVar, Union

import msgspec
import yaml

from exporter.yamlfile.faults import (
    FITTING,
    WANTED,
    FaultError,
    Kind,
    did_you_mean,
    kind_of,
    listed,
    out_of_bounds,
    shown,
    wrong,
)
from exporter.yamlfile.variables import expand


class Secrecy:
    """The mark of what must not be shown."""


#: `Annotated[X, SECRET]`: the value is a secret.
SECRET: Final = Secrecy()

T = TypeVar("T", bound=msgspec.Struct)

_WHOLE_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})", re.ASCII)
_DECIMAL = re.compile(r"[-+]?[0-9]{1,17}(\.[0-9]{0,17})?", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_SURROGATE = re.compile("[\ud800-\udfff]")


class Notes(Protocol):
    """Where problems, lines and the keys of structs are written down."""

    def add(self, key: str, message: str, line: int | None = None) -> None:
        """Add a problem with a dotted key."""

    def place(self, key: str, line: int) -> None:
        """Note the line of a key."""

    def own(self, struct: msgspec.Struct, key: str) -> None:
        """Note the key of a struct."""


class _Entry(NamedTuple):
    line: int
    node: yaml.Node


class ValueReader:
    """Turns nodes into values of the types asked for; every fault is noted, and reading goes on."""

    def __init__(self, notes: Notes, environ: Mapping[str, str] | None) -> None:
        self._notes = notes
        self._environ = environ

    def root(self, node: yaml.Node | None, schema: type[T]) -> T | None:
        """Read a whole document; None when it is not even a mapping or lacks something required."""
        if node is None or kind_of(node) is Kind.NOTHING:
            node = yaml.MappingNode("tag:yaml.org,2002:map", [])
        self._notes.place("", node.start_mark.line + 1 if node.start_mark else 1)
        try:
            return self._struct(node, schema, "")
        except FaultError as fault:
            self._note("", fault)
            return None

    def _value(self, node: yaml.Node, wanted: Any, key: str, secret: bool = False) -> object:
        """Convert one node; raises FaultError."""
        origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
        if origin is Annotated:
            value = self._value(node, arguments[0], key, secret or SECRET in arguments[1:])
            return _bounded(value, arguments[1:])
        if origin in {Union, types.UnionType}:
            return self._union(node, arguments, key, secret)
        if origin in {list, tuple, dict}:
            return self._collection(node, origin, arguments, key, secret)
        if origin is Literal:
            return self._choice(node, arguments)
        return self._struct(node, wanted, key) if _is_struct(wanted) else self._scalar(node, wanted, secret)

    def _union(self, node: yaml.Node, members: tuple[object, ...], key: str, secret: bool) -> object:
        """Take the first member that the node can be; the message is that of the last one of its shape."""
        if type(None) in members and kind_of(node) is Kind.NOTHING:
            return None
        members = tuple(member for member in members if member is not type(None))
        *others, last = [member for member in members if isinstance(node, _shape(member))] or members[:1]
        for member in others:
            try:
                return self._value(node, member, key, secret)
            except FaultError:
                continue
        return self._value(node, last, key, secret)

    def _choice(self, node: yaml.Node, choices: tuple[object, ...]) -> object:
        text = self._text(node) if isinstance(node, yaml.ScalarNode) else ""
        names = {str(choice): choice for choice in choices}
        if text not in names:
            raise FaultError(f"must be {listed(names, 'or')}")
        return names[text]

    def _collection(
        self, node: yaml.Node, container: type, arguments: tuple[object, ...], key: str, secret: bool
    ) -> object:
        if container is dict:
            entries = self._entries(node, key)
            return dict(self._converted(entries, arguments[1], key, secret))
        if not isinstance(node, yaml.SequenceNode) or kind_of(node) is not Kind.LIST:
            raise wrong(node, Kind.LIST)
        entries = {f"[{i}]": _Entry(item.start_mark.line + 1, item) for i, item in enumerate(node.value)}
        for name, entry in entries.items():
            self._notes.place(join_key(key, name), entry.line)
        return container(value for _, value in self._converted(entries, arguments[0], key, secret))

    def _converted(
        self, entries: Mapping[str, _Entry], wanted: object, key: str, secret: bool
    ) -> list[tuple[str, object]]:
        """Convert what can be converted and note the rest."""
        values = []
        for name, entry in entries.items():
            path = join_key(key, name)
            try:
                values.append((name, self._value(entry.node, wanted, path, secret)))
            except FaultError as fault:
                self._note(path, fault)
        return values

    def _struct(self, node: yaml.Node, schema: type[T], key: str) -> T:
        entries = self._entries(node, key)
        fields = {field.encode_name: field for field in struct_fields(schema)}
        for name in entries.keys() - fields.keys():
            self._unknown(name, entries[name], schema, key)
        values: dict[str, object] = {}
        for name, field in fields.items():
            if name not in entries:
                if field.required:
                    self._notes.add(join_key(key, name), "is missing")
            # A key with nothing after it counts as left out: the lines below it may all be comments.
            elif field.required or kind_of(entries[name].node) is not Kind.NOTHING:
                done = self._converted({name: entries[name]}, field.type, key, secret=False)
                values.update((field.name, value) for _, value in done)
        if any(field.required and field.name not in values for field in fields.values()):
            raise FaultError
        struct = schema(**values)
        self._notes.own(struct, key)
        return struct

    def _entries(self, node: yaml.Node, key: str) -> dict[str, _Entry]:
        """Return what a mapping holds, each key once, with what `<<` merges into it after its own."""
        if not isinstance(node, yaml.MappingNode) or kind_of(node) is not Kind.MAPPING:
            raise wrong(node, Kind.MAPPING)
        entries: dict[str, _Entry] = {}
        merged: list[yaml.Node] = []
        for name, value in node.value:
            line = name.start_mark.line + 1
            if name.tag.endswith(":merge"):
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            elif not isinstance(name, yaml.ScalarNode) or not name.value:
                self._notes.add(key, "a key must be text", line)
            elif name.value in entries:
                first = entries[name.value].line
                shown_key = key if _is_word_alone(value) else join_key(key, shown(name.value))
                self._notes.add(shown_key, f"duplicate key, first on line {first}", line)
            else:
                entries[name.value] = _Entry(line, value)
        for other in merged:
            entries = {**self._entries(other, key), **entries}
        for name, entry in entries.items():
            self._notes.place(join_key(key, name), entry.line)
        return entries

    def _unknown(self, name: str, entry: _Entry, schema: type[msgspec.Struct], key: str) -> None:
        known = [field.encode_name for field in struct_fields(schema)]
        if _is_word_alone(entry.node) and any(is_secret(field.type) for field in struct_fields(schema)):
            # `{client_secret: top,secret}` makes a key of half a secret.
            message = "a word without a value: if it belongs to the value before it, put that in quotes"
            self._notes.add(key, message, entry.line)
            return
        hint = did_you_mean(name, known) or _belongs_below(name, schema) or f": {listed(known, 'and')} are known"
        self._notes.add(join_key(key, shown(name)), f"unknown key{hint}", entry.line)

    def _scalar(self, node: yaml.Node, wanted: type, secret: bool) -> object:
        base = next(base for base in WANTED if issubclass(wanted, base))
        parse = getattr(wanted, "parse", None)
        expected = getattr(wanted, "expected", WANTED[base])
        kind = kind_of(node)
        if not isinstance(node, yaml.ScalarNode) or kind == Kind.NOTHING or (base is str and kind != Kind.TEXT):
            raise wrong(node, expected)
        text = self._text(node)
        # What a variable stands for has no type of its own yet.
        if parse is None and kind != FITTING[base] and text == node.value:
            raise wrong(node, expected)
        if parse is None:
            return text if base is str else _plain_value(text, base)
        try:
            return parse(text)
        except ValueError as error:
            raise FaultError("is not valid" if secret and text in str(error) else str(error)) from None

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

    def _note(self, key: str, fault: FaultError) -> None:
        if str(fault):
            self._notes.add(key, str(fault))


@functools.cache
def struct_fields(schema: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the fields of a schema with their types, defaults and the keys they have in YAML."""
    return msgspec.structs.fields(schema)


def is_secret(annotation: object) -> bool:
    """Tell whether an annotation, or a part of it, is marked SECRET."""
    parts = typing.get_args(annotation)
    return SECRET in getattr(annotation, "__metadata__", ()) or any(map(is_secret, parts))


def join_key(key: str, name: str) -> str:
    """Join a dotted key and the name or `[index]` of something below it."""
    return f"{key}.{name}" if key and name and name[0] != "[" else key + name


def _plain_value(text: str, wanted: type) -> bool | int | float:
    """Read a number or boolean; octal, hexadecimal and base 60 are refused, because nobody means them."""
    if wanted is bool and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if wanted is int and _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if wanted is float and _DECIMAL.fullmatch(text):
        return float(text)
    cures = {bool: "true or false", int: "a whole number in plain digits", float: "a number like 12 or 0.5"}
    raise FaultError(f"expected {cures[wanted]}")


def _bounded(value: object, metadata: Iterable[object]) -> object:
    for bound in metadata:
        if isinstance(bound, msgspec.Meta) and (message := out_of_bounds(value, bound)):
            raise FaultError(message)
    return value


def _is_word_alone(node: yaml.Node) -> bool:
    return kind_of(node) is Kind.NOTHING and not node.value


def _is_struct(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def _shape(annotation: object) -> type[yaml.Node]:
    """Return the class of the nodes that an annotation can be read from."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _shape(typing.get_args(annotation)[0])
    if origin in {list, tuple}:
        return yaml.SequenceNode
    return yaml.MappingNode if origin is dict or _is_struct(annotation) else yaml.ScalarNode


def _belongs_below(name: str, schema: type[msgspec.Struct]) -> str:
    """Say under which key a key belongs that was written one level too high."""
    for field in struct_fields(schema):
        for part in (field.type, *typing.get_args(field.type)):
            if _is_struct(part) and name in {inner.encode_name for inner in struct_fields(part)}:
                return f": did you mean {field.encode_name}.{name}?"
    return ""
