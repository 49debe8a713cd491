"""What a schema may hold, and the marks its fields can have.

A schema is a msgspec.Struct class whose fields are annotated with str, int, float, bool, Literal, list[X],
tuple[X, ...], dict[str, X], unions of these, X | None, other Struct classes, and scalar classes:

- A scalar class has a classmethod `parse(text)` that raises ValueError, and perhaps a class attribute `expected` that
  says what its values are ("a duration"). One that is not a subclass of str takes its text however YAML understands it.
- A scalar class with a classmethod `from_path(path)` is given by a file name, relative to the document's folder. If it
  has `parse` too, the file name is the value of a twin key, `<key>_file`.

`Annotated[str, Name]` is read by the scalar class Name and is a str to the program. `Annotated[X, msgspec.Meta(ge=1)]`
sets bounds (ge, gt, le, min_length). `Annotated[X, SECRET]` and the other marks are explained where they are defined.
The key of a field is its name, or what `msgspec.field(name=…)` says.
"""

from __future__ import annotations

import functools
import types
import typing
from enum import Enum
from typing import Annotated, Any, Final, Union

import msgspec


class Mark(Enum):
    """The marks a field can have, and what each means."""

    SECRET = "no output and no message shows the value"  # noqa: S105 - what the mark means
    COMPUTED = "the field is not a key: the program fills it"
    COMMA_SEPARATED = "the list may also be one text with commas"


SECRET: Final = Mark.SECRET
COMPUTED: Final = Mark.COMPUTED
COMMA_SEPARATED: Final = Mark.COMMA_SEPARATED


@functools.cache
def struct_fields(schema: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the fields of a schema that have a key."""
    return tuple(field for field in msgspec.structs.fields(schema) if not is_marked(field.type, COMPUTED))


def is_marked(annotation: object, mark: Mark) -> bool:
    """Report whether an annotation, or a part of it, has a mark."""
    return mark in getattr(annotation, "__metadata__", ()) or any(
        is_marked(part, mark) for part in typing.get_args(annotation)
    )


def keys_of(field: msgspec.structs.FieldInfo) -> tuple[str, ...]:
    """Return the key of a field, and its `_file` twin if it has one."""
    twin = hasattr(scalar := plain(field.type), "from_path") and hasattr(scalar, "parse")
    return (field.encode_name, f"{field.encode_name}_file") if twin else (field.encode_name,)


def plain(annotation: Any) -> Any:
    """Return an annotation without its marks and bounds, and without `| None`."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        return plain(read_as(annotation))
    if is_union(annotation) and len(others := [part for part in arguments if part is not type(None)]) == 1:
        return plain(others[0])
    return annotation


def read_as(annotation: Any) -> Any:
    """Return what an Annotated is read as: the scalar class beside the type, or the type."""
    kind, *marks = typing.get_args(annotation)
    return next((mark for mark in marks if isinstance(mark, type)), kind)


def is_union(annotation: object) -> bool:
    """Report whether an annotation is a union."""
    return typing.get_origin(annotation) in {Union, types.UnionType}


def is_struct(annotation: object) -> bool:
    """Report whether an annotation is a schema."""
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)
