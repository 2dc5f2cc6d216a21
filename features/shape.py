"""What the fields of a record are, read from its declaration, so that tables and checks say the same as the record."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from features.fields import Priced, Record, Valid, known_zone

_KINDS: dict[Any, pa.DataType] = {
    AwareDatetime: pa.timestamp("us", tz="UTC"),
    datetime: pa.timestamp("us", tz="UTC"),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
}


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field: its type in a table, and what it may hold.

    Attributes
    ----------
    words
        The only values allowed; none where anything goes.
    least, above, most
        Bounds of a number: at least, more than, at most.
    longest, pattern, is_zone
        Length and form of a text, and whether it names a time zone.
    """

    name: str
    kind: pa.DataType
    required: bool
    default: object = None
    words: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None
    longest: int | None = None
    pattern: str | None = None
    is_zone: bool = False
    meaning: str = ""


def shape_of(model: type[BaseModel]) -> tuple[FieldShape, ...]:
    """Return the plain fields of a record or a part: its own first, then those of its bases, the clocks last.

    Fields that hold parts are left out: they are tables of their own.
    """
    clocks = tuple(Record.model_fields)
    bases = [name for base in (Valid, Priced) for name in base.model_fields if name not in clocks]
    last = [name for name in (*bases, *clocks) if name in model.model_fields]
    names = [*(name for name in model.model_fields if name not in last), *last]
    shapes = (_field(name, model.model_fields[name]) for name in names)
    return tuple(shape for shape in shapes if shape is not None)


def _field(name: str, info: FieldInfo) -> FieldShape | None:
    kind, limits = _unwrapped(info.annotation)
    if get_origin(kind) is tuple:
        return None
    found: dict[str, Any] = {}
    for limit in (*info.metadata, *limits):
        for attribute, meaning in _LIMITS.items():
            value = getattr(limit, attribute, None)
            if value is not None:
                found[meaning] = value
        if getattr(limit, "func", None) is known_zone:
            found["is_zone"] = True
    words: tuple[str, ...] = ()
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        words, kind = tuple(word.value for word in kind), str
    default = None if info.is_required() else info.default
    return FieldShape(
        name=name,
        kind=_KINDS[kind],
        required=info.is_required(),
        default=default.value if isinstance(default, StrEnum) else default,
        words=words,
        meaning=info.description or "",
        **found,
    )


_LIMITS = {"ge": "least", "gt": "above", "le": "most", "max_length": "longest", "pattern": "pattern"}


def _unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    """Return the bare type of an annotation, and the limits that are written into it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *limits = get_args(annotation)
        kind, deeper = _unwrapped(inner)
        return kind, [*deeper, *_flat(limits)]
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(annotation) if part is not type(None))
        return _unwrapped(inner)
    return annotation, []


def _flat(limits: list[Any]) -> Iterator[Any]:
    for limit in limits:
        if isinstance(limit, FieldInfo):
            yield from limit.metadata
        else:
            yield limit
