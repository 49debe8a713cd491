"""A file that was read: its value, and every problem found in it. No message contains a value, which may be secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

_MAX_KEY = 80
#: A bcrypt hash, or its beginning where a key was cut.
_HASH = re.compile(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in a file or another source: its line (from 1), its dotted key, and a message."""

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        # In a malformed file, a key or a file name can be a password's hash.
        key = self.key if len(self.key) <= _MAX_KEY else self.key[:_MAX_KEY] + "…"
        text = _HASH.sub("<secret>", ": ".join(part for part in (where, key, self.message) if part))
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class ConfigError(Exception):
    """The configuration is invalid. `problems` has every reason; the text has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Document(Generic[T]):
    """A file that was read: its value, which may be incomplete, and the problems found so far.

    In `value`, an invalid optional field has its default, a missing or invalid required field is None, and invalid
    items of lists are left out. Checks of several fields call `reported` before they report another problem. `result`
    returns the value only if there is no problem.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: T | None = None
        self.problems: list[Problem] = []
        self.lines: dict[str, int | None] = {}
        self._faulty: set[str] = set()
        # The values are kept too, so that no other object gets their id.
        self._owned: dict[int, tuple[object, str, frozenset[str]]] = {}

    def report(self, owner: object, field: str, message: str) -> None:
        """Add a problem with a field (or `field[0]`) of a value in this document; "" is the value itself."""
        self.add(self.key(owner, field), message)

    def reported(self, owner: object, *fields: str) -> bool:
        """Report whether any of these fields of a struct, or anything inside them, has a problem."""
        return any(self.key(owner, field) in self._faulty for field in fields)

    def key(self, owner: object, field: str = "") -> str:
        """Return the dotted key of a struct or scalar of this document, or of a field of it."""
        _, key, _ = self._owned.get(id(owner), (None, "", None))
        return join_key(key, field)

    def given(self, owner: msgspec.Struct) -> frozenset[str]:
        """Return the names of the fields that the file gives a struct; none if the struct is a default."""
        _, _, fields = self._owned.get(id(owner), (None, "", frozenset[str]()))
        return fields

    def line(self, key: str) -> int | None:
        """Return the line of a dotted key, or of the nearest enclosing key in the file."""
        return next((self.lines[around] for around in _outwards(key) if around in self.lines), None)

    def add(self, key: str, message: str, line: int | None = None) -> None:
        """Add a problem with a dotted key, by default on the key's line."""
        self.problems.append(Problem(self.file, self.line(key) if line is None else line, key, message))
        self._faulty.update(_outwards(key))

    def own(self, value: object, key: str, fields: Iterable[str] = ()) -> None:
        """Record the key of a struct or scalar, and which fields of a struct the file gives."""
        self._owned[id(value)] = value, key, frozenset(fields)

    def sorted_problems(self) -> list[Problem]:
        """Return the problems in the order of their lines."""
        return sorted(self.problems, key=lambda problem: problem.line or 0)

    def result(self) -> T:
        """Return the value; raise ConfigError if there are problems."""
        if self.problems or self.value is None:
            raise ConfigError(self.sorted_problems())
        return self.value


def join_key(key: str, name: str) -> str:
    """Join a dotted key and the name or `[index]` of something below it."""
    return f"{key}.{name}" if key and name and name[0] != "[" else key + name


def _outwards(key: str) -> Iterator[str]:
    """Yield a dotted key and its enclosing keys, the document's "" last."""
    while key:
        yield key
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    yield ""


def listed(names: Iterable[str], word: str) -> str:
    """Return `a, b and c` for the word `and`."""
    *most, last = names
    return f"{', '.join(most)} {word} {last}" if most else last


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that suggests a similar name, or an empty string."""
    import difflib  # noqa: PLC0415 - only errors need it

    near = difflib.get_close_matches(name[:_MAX_KEY], list(known), 1)
    return f": did you mean {near[0]}?" if near else ""
