"""Read single values of the configuration: names, identifiers, patterns, and durations and sizes as in Prometheus."""

from __future__ import annotations

import re
import warnings
from typing import Self

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_PATTERN = 1000
_MAX_NAME = 100

_SECONDS = {"y": 365 * 86400.0, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,15}}){unit})?" for unit in _SECONDS), re.ASCII)

_BYTES = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,15})(B|[KMGT]i?B)", re.ASCII)


class CollectorName(str):
    """The name of a collector: always an object of its own, so that a problem with it is reported at its place."""


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
    if not re.fullmatch("[!-~]+", text):
        raise ValueError("must be plain characters without spaces")
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


class Duration(float):
    """A length of time in seconds, written like `1h30m`, `400d`, `500ms`: units from large to small."""

    expected = "a duration such as 5m"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the length of `5m`, for instance, 300.0; ValueError says how to write a duration."""
        if text == "0":
            return cls(0)
        match = _DURATION.fullmatch(text)
        if not match or not text:
            raise ValueError("not a duration with its unit: write it like 30s, 5m, 1h30m, 400d or 500ms")
        return cls(sum(int(count or 0) * unit for count, unit in zip(match.groups(), _SECONDS.values(), strict=True)))

    def __str__(self) -> str:
        """Write the same length of time in the largest units that hold it exactly, down to milliseconds."""
        rest, text = round(self * 1000), ""
        # Weeks and years are read but not written: `400d` comes back as it went in.
        for unit in ("d", "h", "m", "s", "ms"):
            count, rest = divmod(rest, round(_SECONDS[unit] * 1000))
            text += f"{count}{unit}" if count else ""
        return text or "0s"


class Size(int):
    """A number of bytes, written like `512KB`, `64MiB`; KB and KiB are both 1024 bytes, as in Prometheus."""

    expected = "a size such as 64MiB"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the size of `64MiB`, for instance, 67108864; ValueError says how to write a size."""
        match = _SIZE.fullmatch(text)
        if not match:
            raise ValueError("not a size with its unit: write it like 512KB, 64MiB or 1GB")
        return cls(int(match[1]) * _BYTES[match[2][0]])

    def __str__(self) -> str:
        """Write the same number of bytes in the largest unit that holds it exactly."""
        for letter in "TGMK":
            if self and self % _BYTES[letter] == 0:
                return f"{self // _BYTES[letter]}{letter}iB"
        return f"{int(self)}B"
