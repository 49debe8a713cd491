"""Secrets that never appear in their `repr`."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import NoReturn, Self

from exporter.yamlfile import read_bytes

#: Replaces a secret in every output.
REDACTED = "<secret>"

_MAX_SIZE = 64 * 1024


class Secret:
    """A secret given inline, or by the name of a file that is read again at each use.

    Two secrets are equal if they are the same text or are kept in the same file. This is not a dataclass or
    msgspec.Struct, because encoders write the fields of those.
    """

    __slots__ = ("_value", "file")

    def __init__(self, value: str = "", *, file: Path | None = None) -> None:
        self._value = value
        self.file = file

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the secret with this text; ValueError says why it cannot be one and never repeats it."""
        secret = cls(text)
        secret.read()
        return secret

    @classmethod
    def from_path(cls, path: Path) -> Self:
        """Return the secret kept in a file; OSError or ValueError if it cannot be read or used now."""
        secret = cls(file=path)
        secret.read()
        return secret

    def read(self) -> str:
        """Return the secret. A byte order mark and one trailing newline of a file are not part of it.

        Raises:
            OSError: The file cannot be read.
            ValueError: The secret cannot be used. Like OSError's, the text holds none of the content.
        """
        if self.file is None:
            return self._checked(self._value)
        try:
            text = read_bytes(self.file, _MAX_SIZE).decode("utf-8-sig")
            return self._checked(text.removesuffix("\n").removesuffix("\r"))
        except UnicodeDecodeError:
            # The original error carries the content.
            raise ValueError(f"secret file {self.file} is not UTF-8 text") from None
        except ValueError as error:
            raise ValueError(f"secret file {self.file} {error}") from None

    def _checked(self, text: str) -> str:
        """Return `text`, or raise ValueError if HTTP headers and forms cannot hold it unchanged."""
        if not text:
            raise ValueError("is empty")
        if not text.isascii():
            raise ValueError("holds a character that is not ASCII: take the secret exactly as Mimecast shows it")
        if not text.isprintable():
            # The HTTP library's error for a line break in a header would contain the secret.
            raise ValueError("holds a line break or another control character; expected one line")
        if text != text.strip():
            raise ValueError("begins or ends with a space")
        return text

    def __repr__(self) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._value, self.file) == (other._value, other.file)

    def __hash__(self) -> int:
        return hash((self._value, self.file))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


class SecretKey(Secret):
    """A secret in base64, which signs requests."""

    def _checked(self, text: str) -> str:
        try:
            base64.b64decode(super()._checked(text), validate=True)
        except binascii.Error:
            raise ValueError("is not base64: take the secret key exactly as Mimecast shows it") from None
        return text
