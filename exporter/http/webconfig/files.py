"""What files hold, read once and bounded, and whether they still hold it.

Knows the file system only. Contents are compared rather than times of change: certificates come through symbolic
links, mounts and renames, whose times say little.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path

_LARGEST = 1 << 20

#: What a file holds, or, as text, why it cannot be read.
Contents = bytes | str


def contents_of(path: Path) -> Contents:
    """Read one file, of at most a MiB."""
    try:
        # A pipe would be waited for without end, and be something else each time.
        if stat.S_ISFIFO(path.stat().st_mode):
            return "it is a pipe, and a regular file is needed"
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        return error.strerror or "unknown reason"
    except ValueError:
        return "not a file name"
    return data if len(data) <= _LARGEST else f"it is larger than {_LARGEST >> 20} MiB"


def digest(read: Iterable[Contents]) -> bytes:
    """A digest of contents in their order; reasons for not having any count too."""
    result = hashlib.sha256()
    for contents in read:
        data = contents if isinstance(contents, bytes) else contents.encode()
        result.update(type(contents).__name__.encode() + len(data).to_bytes(8) + data)
    return result.digest()
