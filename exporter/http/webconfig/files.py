"""Read files up to a maximum size, and tell by a digest whether their contents have changed.

Contents are compared rather than modification times, which say little where symbolic links, mounts and renames put
certificates into place.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path

_MAX_SIZE = 1 << 20

#: A file's contents, or, as text, why it cannot be read.
Contents = bytes | str


def contents_of(path: Path) -> Contents:
    """Read one file of at most a MiB."""
    try:
        # Opening a pipe would wait for its writer.
        if stat.S_ISFIFO(path.stat().st_mode):
            return "it is a pipe, and a regular file is needed"
        with path.open("rb") as stream:
            data = stream.read(_MAX_SIZE + 1)
    except OSError as error:
        return error.strerror or "unknown reason"
    except ValueError:
        return "not a file name"
    return data if len(data) <= _MAX_SIZE else f"it is larger than {_MAX_SIZE >> 20} MiB"


def digest(read: Iterable[Contents]) -> bytes:
    """Return a digest of contents in their order, reasons for not having any included."""
    result = hashlib.sha256()
    for contents in read:
        data = contents if isinstance(contents, bytes) else contents.encode()
        result.update(type(contents).__name__.encode() + len(data).to_bytes(8) + data)
    return result.digest()
