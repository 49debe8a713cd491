"""Read small regular files without ever waiting for one."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_bytes(path: Path, max_size: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: The file cannot be opened or read.
        ValueError: It is larger than `max_size`, or not a regular file: opening a named pipe would wait for a writer.

    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError("not a regular file")
        data = file.read(max_size + 1)
    if len(data) > max_size:
        size = f"{max_size >> 20} MiB" if max_size >> 20 else f"{max_size >> 10} KiB"
        raise ValueError(f"larger than {size}")
    return data


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
