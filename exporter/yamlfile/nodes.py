"""Parse YAML bytes to a tree of nodes that is small enough to walk, and say what a node is.

Unusual encodings, aliases that multiply or refer to themselves, and deep nesting are refused. No message repeats any of
the file's text, because that text may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

import yaml

#: The C parser where PyYAML was built with it: ten times faster on a fleet's accounts.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_BYTES = 8 << 20
MAX_DEPTH = 40
MAX_NODES = 200_000
#: So many characters of a scalar count as one node, so that aliases to long text are bounded too.
_CHARACTERS_PER_NODE = 64

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Names of anchors and tags, which the parser quotes from the file; the tokens it names have <> or one character.
_QUOTED_TEXT = re.compile(r"""(['"])(?!<)[^'"\s]{2,}\1""")

#: What the parser says, and what to do about it.
_CURES = {
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
    """What a node is, in the words of those who write YAML."""

    TEXT = "text"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NOTHING = "nothing"
    LIST = "a list"
    MAPPING = "a mapping"
    TAGGED = "a value with a tag (a word that begins with !)"


#: What the tags that YAML itself gives to nodes mean.
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
    """The text is not YAML, or is more than is reasonable; `line` counts from 1, None when it has no line."""

    message: str
    line: int | None = None


def compose(data: bytes, loader: type[yaml.SafeLoader | yaml.CSafeLoader] = LOADER) -> yaml.Node | None:
    """Return the root node of the one document in `data`, None when there is none.

    Aliases are expanded: a node may be the child of several others, but never of itself. Raises
    UnreadableYamlError.
    """
    text = _decode(data)
    try:
        _check_size(text, loader)
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableYamlError(_explain(error), None if mark is None else mark.line + 1) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" is no character; the pure Python parser lets chr() say so.
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
    """Say what the parser found and what to do, without the text it found it in."""
    parts = [part for part in (error.context, error.problem) if part]
    said = _QUOTED_TEXT.sub("…", ": ".join(parts))
    cure = next((cure for sign, cure in _CURES.items() if sign in said), None)
    return f"not valid YAML: {said}" + (f" ({cure})" if cure else "")


@dataclass
class _Open:
    """A node whose end has not come yet: its anchor, and what it holds so far with all aliases expanded."""

    anchor: str | None
    size: int = 1
    height: int = 1


def _check_size(text: str, loader: type[yaml.SafeLoader | yaml.CSafeLoader]) -> None:
    """Bound depth, size and number of documents before anything recursive sees the text."""
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
                raise UnreadableYamlError("an alias stands for something that contains it", line)
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


def wrong(node: yaml.Node, wanted: str) -> ValueError:
    """Return the error about a node of another kind than the one wanted."""
    found = kind_of(node)
    if found == Kind.NOTHING:
        return ValueError(f"has no value: expected {wanted}")
    if wanted == Kind.TEXT and found in {Kind.NUMBER, Kind.BOOLEAN}:
        return ValueError(f"expected {wanted}, found {found}: put it in quotes")
    if wanted not in {Kind.TEXT, Kind.LIST, Kind.MAPPING} and getattr(node, "style", None) in {"'", '"'}:
        return ValueError(f"expected {wanted}, found {found}: remove the quotes")
    return ValueError(f"expected {wanted}, found {found}")


def kind_of(node: yaml.Node) -> Kind:
    """Return what a node is; a tag that YAML itself does not give it makes it TAGGED."""
    return _KINDS[type(node)].get(node.tag.removeprefix("tag:yaml.org,2002:"), Kind.TAGGED)
