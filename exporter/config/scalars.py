"""Read single values of the configuration: names, identifiers, patterns, files."""

from __future__ import annotations

import hashlib
import re
import warnings
from pathlib import Path
from typing import Self

from exporter.yamlfile import read_bytes

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_PATTERN = 1000
_MAX_NAME = 100
_MAX_FILE = 8 << 20


class CollectorName(str):
    """The name of a collector: always an object of its own, so that a problem with it is reported at its place."""

    __slots__ = ()


class File(str):
    """The name of a regular file, and the digest of what it held when the configuration was loaded."""

    __slots__ = ("digest",)
    digest: str

    @classmethod
    def from_path(cls, path: Path) -> Self:
        """Return the file; OSError or ValueError if it cannot be read."""
        file = cls(path)
        try:
            file.digest = hashlib.sha256(read_bytes(path, _MAX_FILE)).hexdigest()
        except ValueError as error:
            raise ValueError(f"cannot read {path}: {error}") from None
        return file


def name(text: str) -> str:
    """Return text that people read as a name: printable, on one line, at most 100 characters."""
    if not text.strip():
        raise ValueError("must not be empty")
    if text != text.strip() or _CONTROL.search(text):
        raise ValueError("must not begin or end with a space, or hold a control character")
    if len(text) > _MAX_NAME:
        raise ValueError(f"must be at most {_MAX_NAME} characters long")
    return text


def identifier(text: str) -> str:
    """Return Mimecast's identifier of an application; it goes into HTTP headers, so ValueError never repeats it."""
    if not text:
        raise ValueError("must not be empty")
    if not re.fullmatch("[!-~]+", text):
        raise ValueError("must be plain characters without spaces")
    return text


def file_pattern(text: str) -> str:
    """Return a pattern of file names."""
    if not text or "\0" in text:
        raise ValueError("must be the name of a file")
    return text


def title_pattern(text: str) -> re.Pattern[str]:
    """Return an expression of Python's `re` for whole titles; `.` matches line breaks, as in Prometheus."""
    if len(text) > _MAX_PATTERN:
        raise ValueError(f"must be at most {_MAX_PATTERN} characters long")
    try:
        with warnings.catch_warnings():
            # Of sets such as `[[a]` Python says that their meaning may change one day.
            warnings.simplefilter("ignore")
            return re.compile(text, re.DOTALL)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise ValueError(f"not a regular expression: {error.msg}{where}") from None
    except (OverflowError, RecursionError):
        raise ValueError("not a regular expression: a number is too large or brackets are too deep") from None
