"""Read files, bytes and mappings as documents of a schema."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from yaml.representer import SafeRepresenter

from exporter.yamlfile.document import Document, T
from exporter.yamlfile.nodes import MAX_BYTES, UnreadableYamlError, compose
from exporter.yamlfile.values import ValueReader


def read_bytes(path: Path, max_size: int) -> bytes:
    """Return the content of a regular file of at most `max_size` bytes; raise OSError for any other."""
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "not a file name", str(path))
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        data = file.read(max_size + 1)
    if len(data) > max_size:
        size = f"{max_size >> 20} MiB" if max_size >> 20 else f"{max_size >> 10} KiB"
        raise OSError(errno.EFBIG, f"larger than {size}", str(path))
    return data


def read_file(path: Path, schema: type[T], *, environ: Mapping[str, str] | None = None) -> Document[T]:
    """Read a file; a file that cannot be opened is a problem of the document."""
    try:
        data = read_bytes(path, MAX_BYTES)
    except OSError as error:
        document: Document[T] = Document(str(path))
        document.add("", f"cannot be read: {error.strerror}")
        return document
    return read(data, schema, file=str(path), environ=environ)


def read(data: bytes, schema: type[T], *, file: str, environ: Mapping[str, str] | None = None) -> Document[T]:
    """Read YAML as an instance of `schema`; an empty text is an empty mapping. Errors are problems of the document.

    With `environ`, `${NAME}` in values is replaced by that variable, and `$${` by `${`.
    """
    document: Document[T] = Document(file)
    try:
        root = compose(data)
    except UnreadableYamlError as error:
        document.add("", error.message, error.line)
    else:
        document.value = ValueReader(document, environ).root(root, schema)
    return document


def read_mapping(values: Mapping[str, object], schema: type[T], *, source: str) -> Document[T]:
    """Read texts, in nested mappings and lists, as an instance of `schema`; problems have no line."""
    document: Document[T] = Document(source)
    document.value = ValueReader(document, None).root(SafeRepresenter().represent_data(values), schema)
    return document
