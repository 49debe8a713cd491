"""Texts of the configuration that must have a form: names, identifiers, files, patterns for titles."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_PATTERN = 1000
_MAX_NAME = 100


class Name(str):
    """Text that people read as a name: printable, on one line, at most 100 characters."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> str:
        """Return the name; ValueError if it cannot be one."""
        if not text.strip():
            raise ValueError("must not be empty")
        if text != text.strip() or _CONTROL.search(text):
            raise ValueError("must not begin or end with a space, or hold a control character")
        if len(text) > _MAX_NAME:
            raise ValueError(f"must be at most {_MAX_NAME} characters long")
        return text


class Identifier(str):
    """Mimecast's identifier of an application: it goes into HTTP headers and forms, so visible ASCII only."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> str:
        """Return the identifier; ValueError if it cannot be one. Never repeats it."""
        if not text:
            raise ValueError("must not be empty")
        if not re.fullmatch("[!-~]+", text):
            raise ValueError("must be plain characters without spaces")
        return text


class CollectorName(str):
    """The name of a collector."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> str:
        """Return the name as an object of its own, so that problems with it can be reported at its place."""
        return cls(text)


class FileName(str):
    """The name of a file."""

    __slots__ = ()

    @classmethod
    def from_path(cls, path: Path) -> str:
        """Return the name of the file, absolute or relative to the working directory."""
        return str(path)


class FilePattern(str):
    """A pattern of file names."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> str:
        """Return the pattern; ValueError if no file can match it."""
        if not text or "\0" in text:
            raise ValueError("must be the name of a file")
        return text


class TitlePattern(str):
    """A regular expression of Python's `re` for whole titles; `.` matches line breaks, as in Prometheus."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> re.Pattern[str]:
        """Return the compiled expression; ValueError says at which character it is wrong."""
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
