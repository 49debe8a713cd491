"""Read the files of the web configuration.

Contents are compared to detect changes: modification times are unreliable with symbolic links and mounts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_MAX_SIZE = 1 << 20

#: The contents of each file, or the reason, as text, why it cannot be read.
Files = dict[Path, bytes | str]


def read_files(paths: Iterable[Path]) -> Files:
    """Read each of the files."""
    return {path: _read(path) for path in paths}


def _read(path: Path) -> bytes | str:
    try:
        # Opening a pipe would wait for its writer.
        if path.is_fifo():
            return "it is a pipe; a regular file is required"
        with path.open("rb") as stream:
            data = stream.read(_MAX_SIZE + 1)
    except OSError as error:
        return error.strerror or "unknown reason"
    except ValueError:
        return "not a file name"
    return data if len(data) <= _MAX_SIZE else f"it is larger than {_MAX_SIZE >> 20} MiB"
