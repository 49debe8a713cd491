"""The types and marks that a schema can have.

A schema is a msgspec.Struct class whose fields are annotated with str, int, float, bool, Literal, list[X],
tuple[X, ...], dict[str, X], unions of scalars, X | None, other Struct classes, scalar classes, and Annotated[X, …]:

- a scalar class or a function, which converts the text in place of the type X;
- msgspec.Meta(ge=1, le=2), which sets bounds;
- the marks defined below.

A scalar class has a classmethod `parse(text)` or is called with the text, and may have an attribute `expected` that
describes its values ("a duration"). If it also has a classmethod `from_path(path)`, the value can be given as a file
name in a second key, `<key>_file`. All raise ValueError without the value; `from_path` may raise OSError. The key of a
field is its name, or that of `msgspec.field(name=…)`.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Final, Union

import msgspec
from msgspec.structs import FieldInfo

#: The field has no key: the program sets it.
COMPUTED: Final = "COMPUTED"
#: The list can also be one text with commas.
COMMA_SEPARATED: Final = "COMMA_SEPARATED"


@functools.cache
def fields_of(schema: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    """Return the fields of a schema that have a key."""
    fields = msgspec.structs.fields(schema)
    return tuple(field for field in fields if COMPUTED not in getattr(field.type, "__metadata__", ()))


@functools.cache
def keys_of(schema: type[msgspec.Struct]) -> Mapping[str, FieldInfo]:
    """Return the keys of a schema and their fields."""
    return {key: field for field in fields_of(schema) for key in keys(field)}


def keys(field: FieldInfo) -> tuple[str, ...]:
    """Return the key of a field, and its `_file` key if it has one."""
    key = field.encode_name
    return (key, f"{key}_file") if hasattr(plain(field.type), "from_path") else (key,)


def plain(annotation: Any) -> Any:
    """Return an annotation without marks, bounds and `| None`: the type, class or function of the value."""
    if typing.get_origin(annotation) is Annotated:
        kind, *marks = typing.get_args(annotation)
        return plain(next(filter(callable, marks), kind))
    others = [part for part in typing.get_args(annotation) if part is not type(None)]
    return plain(others[0]) if is_union(annotation) and len(others) == 1 else annotation


def is_union(annotation: object) -> bool:
    """Report whether an annotation is a union."""
    return typing.get_origin(annotation) in {Union, types.UnionType}
