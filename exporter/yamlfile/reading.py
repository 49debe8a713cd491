"""Read bytes, files and mappings of texts as documents of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from exporter.yamlfile.document import Document
from exporter.yamlfile.files import read_bytes
from exporter.yamlfile.nodes import MAX_BYTES, UnreadableYamlError, compose, text_node
from exporter.yamlfile.values import ValueReader

T = TypeVar("T", bound=msgspec.Struct)


def read_file(path: Path, schema: type[T], *, environ: Mapping[str, str] | None = None) -> Document[T]:
    """Read a file as `read` reads its bytes; a file that cannot be opened is a problem too."""
    document: Document[T] = Document(str(path))
    try:
        data = read_bytes(path, MAX_BYTES)
    except OSError as error:
        document.add("", f"cannot be read: {error.strerror}")
    except ValueError as error:
        document.add("", "cannot be read: not a file name" if "\0" in str(path) else f"cannot be read: {error}")
    else:
        return read(data, schema, file=str(path), environ=environ)
    return document


def read(data: bytes, schema: type[T], *, file: str, environ: Mapping[str, str] | None = None) -> Document[T]:
    """Read YAML as an instance of `schema`; an empty text is an empty mapping. Never raises, see `Document`.

    With `environ`, `${NAME}` in values is replaced by that variable, and `$${` by a plain `${`.
    """
    document: Document[T] = Document(file)
    try:
        root = compose(data)
    except UnreadableYamlError as error:
        document.add("", error.message, error.line)
        return document
    document.value = ValueReader(document, environ).root(root, schema)
    return document


def read_mapping(values: Mapping[str, object], schema: type[T], *, source: str) -> Document[T]:
    """Read texts, in nested mappings and lists, as an instance of `schema`; lines of problems mean nothing."""
    document: Document[T] = Document(source)
    document.value = ValueReader(document, None).root(text_node(values), schema)
    return document
