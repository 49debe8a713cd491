"""Word the messages about faulty values; no message repeats a value, which may be a secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum

import yaml

_MAX_KEY = 80


class Kind(StrEnum):
    """What a node is, in the words of those who write YAML."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NOTHING = "nothing"
    LIST = "a list"
    MAPPING = "a mapping"
    TAGGED = "a value with a tag (a word that begins with !)"


_KINDS = {
    **dict.fromkeys(("str", "timestamp", "value", "merge"), Kind.TEXT),
    **{"int": Kind.NUMBER, "float": Kind.NUMBER, "bool": Kind.BOOLEAN, "null": Kind.NOTHING},
    **{"seq": Kind.LIST, "map": Kind.MAPPING},
}
#: What a value of a type is called, and the kind of node that it is read from.
WANTED = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
FITTING = {bool: Kind.BOOLEAN, int: Kind.NUMBER, float: Kind.NUMBER, str: Kind.TEXT}


class FaultError(Exception):
    """A value that cannot be what it should be; caught at the list, mapping or field it belongs to."""


def wrong(node: yaml.Node, wanted: str) -> FaultError:
    """Return the fault of a node of another kind than the one wanted."""
    found = kind_of(node)
    if found == Kind.NOTHING:
        return FaultError(f"has no value: expected {wanted}")
    if wanted == Kind.TEXT and found in {Kind.NUMBER, Kind.BOOLEAN}:
        return FaultError(f"expected {wanted}, found {found}: put it in quotes")
    if wanted in {WANTED[int], Kind.NUMBER, Kind.BOOLEAN} and getattr(node, "style", None) in {"'", '"'}:
        return FaultError(f"expected {wanted}, found {found}: remove the quotes")
    return FaultError(f"expected {wanted}, found {found}")


def kind_of(node: yaml.Node) -> Kind:
    """Return what a node is; a tag that YAML itself does not give makes it TAGGED."""
    prefix, _, name = node.tag.rpartition(":")
    return _KINDS.get(name, Kind.TAGGED) if prefix == "tag:yaml.org,2002" else Kind.TAGGED


def shown(key: str) -> str:
    """Return a key that the file has made up, cut to a length that a line can bear."""
    return key if len(key) <= _MAX_KEY else key[:_MAX_KEY] + "…"


def listed(names: Iterable[str], word: str) -> str:
    """Return `a, b and c` for the word `and`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that names what is nearly `name`; empty when nothing is."""
    near = difflib.get_close_matches(name[:_MAX_KEY], list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
