"""Parse YAML bytes into a tree of nodes of limited size.

Other encodings than UTF-8, aliases that multiply or refer to themselves, and deep nesting are refused. No message
contains text of the file, which may be secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import yaml

#: The C parser if PyYAML was built with it: it is ten times as fast.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 8 << 20
MAX_DEPTH = 40
MAX_NODES = 200_000
#: Characters of a scalar that count as one node, so that aliases to long text are limited too.
_CHARACTERS_PER_NODE = 64

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Names of anchors and tags that the parser quotes; the tokens that it names have <> or one character.
_QUOTED_TEXT = re.compile(r"""(['"])(?!<)[^'"\s]{2,}\1""")

_ADVICE = {
    "found undefined alias": "a value that begins with * must be in quotes",
    "cannot start any token": "indent with spaces, not tabs, and put a value that begins with @, ` or % in quotes",
    "mapping values are not allowed": "check the indentation, and put a value that contains ': ' in quotes",
    "tag": "a value that begins with ! must be in quotes",
    "duplicate anchor": "two anchors have the same name; a value that begins with & must be in quotes",
    "end of stream": "a quote or a bracket is not closed",
    **dict.fromkeys(
        ("did not find expected", "but found", "but got"),
        "check indentation, brackets and quotes; between braces, put ${NAME} in quotes",
    ),
    "unknown escape": "in double quotes a backslash is written twice; single quotes take it as it is",
    "incompatible YAML document": "remove the %YAML line",
}


class Kind(StrEnum):
    """The kind of a node, as messages name it."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NOTHING = "nothing"
    LIST = "a list"
    MAPPING = "a mapping"
    TAGGED = "a value with a tag (a word that begins with !)"


_KINDS = {
    yaml.ScalarNode: {
        **dict.fromkeys(("str", "timestamp", "value", "merge"), Kind.TEXT),
        **{"int": Kind.NUMBER, "float": Kind.NUMBER, "bool": Kind.BOOLEAN, "null": Kind.NOTHING},
    },
    yaml.SequenceNode: {"seq": Kind.LIST},
    yaml.MappingNode: {"map": Kind.MAPPING},
}


@dataclass(eq=False)
class UnreadableYamlError(Exception):
    """The text is not YAML or exceeds a limit; `line` counts from 1, None if there is no line."""

    message: str
    line: int | None = None


def compose(data: bytes, loader: type[yaml.SafeLoader | yaml.CSafeLoader] = LOADER) -> yaml.Node | None:
    """Return the root node of the single document in `data`, None if there is none; raise UnreadableYamlError.

    Aliases are expanded: a node may be the child of several others, but never of itself.
    """
    text = _decode(data)
    try:
        _check_size(text, loader)
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableYamlError(_explain(error), None if mark is None else mark.line + 1) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # For example the escape "\UFFFFFFFF", for which the Python parser raises the error of chr().
        raise UnreadableYamlError("not valid YAML") from None


def _decode(data: bytes) -> str:
    """Return the text of UTF-8 bytes, with or without a byte order mark."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableYamlError("not UTF-8: save the file as UTF-8", line) from None
    if found := _UNPRINTABLE.search(text):
        cure = "remove it, or write it as an escape in double quotes"
        line = text.count("\n", 0, found.start()) + 1
        raise UnreadableYamlError(f"control character U+{ord(found[0]):04X}: {cure}", line)
    return text


def _explain(error: yaml.MarkedYAMLError) -> str:
    """Return the parser's message and advice, without text of the file."""
    parts = [part for part in (error.context, error.problem) if part]
    said = _QUOTED_TEXT.sub("…", ": ".join(parts))
    cure = next((cure for sign, cure in _ADVICE.items() if sign in said), None)
    return f"not valid YAML: {said}" + (f" ({cure})" if cure else "")


@dataclass
class _Open:
    """An open node: its anchor, and its size and height so far with all aliases expanded."""

    anchor: str | None
    size: int = 1
    height: int = 1


def _check_size(text: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader]) -> None:
    """Check depth, size and number of documents before anything recursive parses the text."""
    anchors: dict[str, _Open] = {}
    stack = [_Open(None)]
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else None
        if isinstance(event, yaml.NodeEvent):
            stack.append(_Open(event.anchor))
        if isinstance(event, yaml.ScalarEvent):
            stack[-1].size += len(event.value) // _CHARACTERS_PER_NODE
        elif isinstance(event, yaml.AliasEvent):
            if any(event.anchor == node.anchor for node in stack[:-1]):
                raise UnreadableYamlError("an alias refers to a value that contains it", line)
            # compose() reports an alias without an anchor.
            stack[-1] = anchors.get(event.anchor or "", stack[-1])
        elif isinstance(event, yaml.DocumentStartEvent) and stack[0].size > 1:
            raise UnreadableYamlError("a second document begins here: keep one and no --- line", line)
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.CollectionEndEvent):
            node = stack.pop()
            stack[-1].size += node.size
            stack[-1].height = max(stack[-1].height, node.height + 1)
            anchors |= {node.anchor: node} if node.anchor else {}
        if len(stack) + stack[-1].height - 2 > MAX_DEPTH:
            raise UnreadableYamlError(f"nested deeper than {MAX_DEPTH} levels", line)
        if stack[-1].size > MAX_NODES:
            raise UnreadableYamlError(f"more than {MAX_NODES} values, each use of an alias counted", line)


def wrong_kind(node: yaml.Node, expected: str) -> ValueError:
    """Return the error for a node of an unexpected kind."""
    found = kind_of(node)
    if found == Kind.NOTHING:
        return ValueError(f"has no value: expected {expected}")
    if expected == Kind.TEXT and found in {Kind.NUMBER, Kind.BOOLEAN}:
        return ValueError(f"expected {expected}, found {found}: put it in quotes")
    if expected not in {Kind.TEXT, Kind.LIST, Kind.MAPPING} and getattr(node, "style", None) in {"'", '"'}:
        return ValueError(f"expected {expected}, found {found}: remove the quotes")
    return ValueError(f"expected {expected}, found {found}")


def kind_of(node: yaml.Node) -> Kind:
    """Return the kind of a node; a node with a custom tag is TAGGED."""
    return _KINDS[type(node)].get(node.tag.removeprefix("tag:yaml.org,2002:"), Kind.TAGGED)
