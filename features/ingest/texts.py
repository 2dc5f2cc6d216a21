"""Functions of mappings about text and numbers written as text."""

from __future__ import annotations

import re

import pandas as pd

from features.ingest.columns import Column


def text(*parts: Column) -> Column:
    """Join the parts into one text; missing if any part is missing."""
    joined: Column = ""
    missing: Column = False
    for part in parts:
        missing = missing | pd.isna(part)
        joined = joined + (part.astype("string") if isinstance(part, pd.Series) else str(part))
    return joined.mask(missing) if isinstance(joined, pd.Series) else joined


def number(column: Column) -> Column:
    """Read text as a number."""
    is_read = not isinstance(column, pd.Series) or pd.api.types.is_numeric_dtype(column)
    return pd.to_numeric(column if is_read else _written(column), errors="coerce")


def with_point(column: Column, point: str) -> Column:
    """Return numbers that are written with a decimal comma as numbers with a point; a text that is none is missing.

    The point parts thousands then, three digits each: 1.234 is more than a thousand, and 12.5 is no number.
    """
    if point != "," or not isinstance(column, pd.Series) or pd.api.types.is_numeric_dtype(column):
        return column
    written = _written(column).str.strip()
    marks = str.maketrans({".": None, " ": None, "'": None, ",": "."})
    return written.where(written.str.fullmatch(_WITH_COMMA).fillna(False)).str.translate(marks)


_WITH_COMMA = re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?P<mark>[.' ])[0-9]{3}(?:(?P=mark)[0-9]{3})*|[0-9]*)(?:,[0-9]+)?")


def rounded(column: Column, digits: int = 0) -> Column:
    """Round to so many digits after the point."""
    return number(column).round(digits)


def strip(column: Column) -> Column:
    """Take away blanks at both ends."""
    return _written(column).str.strip()


def upper(column: Column) -> Column:
    """Write in capital letters."""
    return _written(column).str.upper()


def lower(column: Column) -> Column:
    """Write in small letters."""
    return _written(column).str.lower()


def replace(column: Column, old: str, new: str) -> Column:
    """Put `new` in the place of every `old`."""
    return _written(column).str.replace(old, new, regex=False)


def part(column: Column, separator: str, position: int) -> Column:
    """Cut at the separator and take the part at the position, from 0; missing if there are not so many."""
    return _written(column).str.split(separator, regex=False).str.get(position)


def starts_with(column: Column, beginning: str) -> Column:
    """Tell where the text begins so; where it is missing it does not."""
    return _written(column).str.startswith(beginning).fillna(False).astype(bool)


def contains(column: Column, piece: str) -> Column:
    """Tell where the text has the piece in it; where it is missing it has not."""
    return _written(column).str.contains(piece, regex=False).fillna(False).astype(bool)


def _written(column: Column) -> Column:
    return column.astype("string")
