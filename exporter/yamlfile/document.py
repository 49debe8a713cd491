"""A file that was read: its value, and all that is wrong with it, with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from exporter.yamlfile.nodes import MAX_BYTES, UnreadableYamlError, compose, text_node
from exporter.yamlfile.values import ValueReader, join_key

T = TypeVar("T", bound=msgspec.Struct)

#: A bcrypt hash, or its beginning where a key was cut.
_HASH = re.compile(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: in which file (or other source), on which line (from 1), at which dotted key."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        # Keys and file names are shown, and in a file whose lines got mixed up a password's hash can be one.
        text = _HASH.sub("<secret>", ": ".join(part for part in (where, self.key, self.message) if part))
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class ConfigError(Exception):
    """What was read cannot be used. `problems` has all the reasons; as text, one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Document(Generic[T]):
    """A file that was read: its value as far as it could be read, and the problems found so far.

    Where an optional field is faulty, the value has the field's default; faulty items of lists are left out.
    So checks across several fields can go on, and should ask `reported` before they blame a field for being
    empty. `result` gives the value only when there is no problem at all.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: T | None = None
        self.problems: list[Problem] = []
        self._lines: dict[str, int] = {}
        self._faulty: set[str] = set()
        # The struct is kept beside its key, so that no other object can come to have its id.
        self._keys: dict[int, tuple[msgspec.Struct, str]] = {}

    def report(self, owner: msgspec.Struct, field: str, message: str) -> None:
        """Add a problem with a field (or `field[0]`) of a struct in this document; "" is the struct."""
        self.add(self.key(owner, field), message)

    def reported(self, owner: msgspec.Struct, *fields: str) -> bool:
        """Tell whether any of these fields of a struct, or what is inside them, has a problem already."""
        return any(self.key(owner, field) in self._faulty for field in fields)

    def key(self, owner: msgspec.Struct, field: str = "") -> str:
        """Return the dotted key of a struct of this document, or of a field of it."""
        _, key = self._keys.get(id(owner), (None, ""))
        return join_key(key, field)

    def line(self, key: str) -> int | None:
        """Return the line of a dotted key, or of the nearest key around it that the file has."""
        return next((self._lines[around] for around in _outwards(key) if around in self._lines), None)

    def add(self, key: str, message: str, line: int | None = None) -> None:
        """Add a problem with a dotted key, on the key's own line when no other is given."""
        self.problems.append(Problem(self.file, self.line(key) if line is None else line, key, message))
        self._faulty.update(_outwards(key))

    def place(self, key: str, line: int) -> None:
        """Note the line of a key."""
        self._lines[key] = line

    def own(self, struct: msgspec.Struct, key: str) -> None:
        """Note the key of a struct."""
        self._keys[id(struct)] = struct, key

    def result(self) -> T:
        """Return the value; raises ConfigError with all problems, in the order of their lines."""
        if self.problems or self.value is None:
            raise ConfigError(sorted(self.problems, key=lambda problem: problem.line or 0))
        return self.value


def _outwards(key: str) -> Iterator[str]:
    """Yield a dotted key and those of all that is around it, the document's "" last."""
    while key:
        yield key
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    yield ""


def read_file(path: Path, schema: type[T], *, environ: Mapping[str, str] | None = None) -> Document[T]:
    """Read a file as `read` reads its text; that it cannot be opened is a problem too."""
    try:
        with path.open("rb") as stream:
            # One byte more than is allowed, so that /dev/zero is too large instead of endless.
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        document: Document[T] = Document(str(path))
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        document.add("", f"cannot be read: {reason}")
        return document
    return read(data, schema, file=str(path), environ=environ)


def read(data: bytes, schema: type[T], *, file: str, environ: Mapping[str, str] | None = None) -> Document[T]:
    """Read YAML as an instance of `schema`; an empty text is an empty mapping. Never raises, see `Document`.

    With `environ`, `${NAME}` in values is replaced by that variable, and `$${` by a plain `${`.
    """
    document: Document[T] = Document(file)
    try:
        root = compose(data)
    except UnreadableYamlError as error:
        document.add("", error.message, error.line)
        return document
    document.value = ValueReader(document, environ).root(root, schema)
    return document


def read_mapping(values: Mapping[str, object], schema: type[T], *, source: str) -> Document[T]:
    """Read text values, in nested mappings, as an instance of `schema`; lines of problems mean nothing."""
    document: Document[T] = Document(source)
    document.value = ValueReader(document, None).root(text_node(values), schema)
    return document
