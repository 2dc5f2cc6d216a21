"""Numbered columns: as an `IntEnum`, but each name is a plain int.

Python 3.11 takes six times as long to read a member of an enumeration as an attribute, and one lookup reads hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class _Numbered(type):
    """What makes a class of numbers: it has a length, and yields its numbers in order."""

    numbers: tuple[int, ...]

    def __new__(cls, name: str, bases: tuple[type, ...], names: dict[str, Any]) -> _Numbered:
        made = super().__new__(cls, name, bases, names)
        made.numbers = tuple(value for column, value in names.items() if column.isupper())
        if made.numbers != tuple(range(len(made.numbers))):
            raise ValueError(f"The columns of {name} are numbered {made.numbers}; number them 0, 1, 2 and so on.")
        return made

    def __len__(cls) -> int:
        return len(cls.numbers)

    def __iter__(cls) -> Iterator[int]:
        return iter(cls.numbers)


class Columns(metaclass=_Numbered):
    """Columns by name, declared in order from 0."""
