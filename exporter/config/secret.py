"""A secret that can be read but does not show itself.

Knows where a secret is kept and the one way to read it. Must not know what it is for.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn

#: What stands in every output where a secret was.
REDACTED = "<secret>"

_LARGEST = 64 * 1024
#: Control characters, and what is left of an environment variable that was not UTF-8.
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Secret:
    """A secret given inline, or by the name of a file that is read anew at each use.

    Two secrets are equal when they are kept in the same way and place: the same text, or the same file.
    Deliberately no dataclass: encoders such as msgspec's write the fields of those.
    """

    __slots__ = ("_value", "file")

    def __init__(self, value: str | None = None, *, file: Path | None = None) -> None:
        if (value is None) == (file is None):
            raise TypeError("a secret has either a value or a file")
        self._value = value
        self.file = file

    def read(self) -> str:
        """Return the secret, one trailing newline of a file removed.

        Raises OSError when the file cannot be read, and ValueError when what is there is empty, longer than
        64 KiB, not UTF-8 or more than one line. Neither holds any of the content.
        """
        text = self._value if self.file is None else _read_file(self.file)
        where = "the secret" if self.file is None else f"secret file {self.file}"
        if not text:
            raise ValueError(f"{where} is empty")
        if _CONTROL.search(text):
            # A line break inside would otherwise surface, with the secret, in an HTTP library's error.
            raise ValueError(f"{where} holds a line break or another control character; expected one line")
        return text

    def __repr__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._value, self.file) == (other._value, other.file)

    def __hash__(self) -> int:
        return hash((self._value, self.file))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def _read_file(path: Path) -> str:
    """Read a small text file; a named pipe that nobody writes to counts as empty instead of blocking."""
    with open(path, "rb", opener=_open_without_waiting) as stream:
        data = stream.read(_LARGEST + 1) or b""
    if len(data) > _LARGEST:
        raise ValueError(f"secret file {path} is larger than {_LARGEST // 1024} KiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # The original error carries the content.
        raise ValueError(f"secret file {path} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
