"""Columns of a source, as the functions of mappings see them.

Whole numbers are `Int64`, whatever is missing beside them: as floats, 1001 would be written "1001.0".
"""

from __future__ import annotations

from typing import Any

import pandas as pd

Column = Any
"""A Series, or a constant that stands for a whole column."""

_INTEGER = pd.Int64Dtype()


def whole(value: Column, index: pd.Index) -> pd.Series:
    """Return a column as it is, a constant as a column of it; whole numbers stay so where some are missing."""
    column = value if isinstance(value, pd.Series) else pd.Series(value, index=index)
    return column.astype(_INTEGER) if column.dtype.kind == "i" else column


def chosen(condition: pd.Series, then: pd.Series, otherwise: Column) -> pd.Series:
    """Take `then` where a condition holds, `otherwise` where it does not, in a type that holds both."""
    if otherwise is None:
        return whole(then, then.index).where(condition)
    then, other = whole(then, then.index), whole(otherwise, then.index)
    kind = then.dtype if then.dtype == other.dtype else pd.concat([then.head(0), other.head(0)]).dtype
    return then.astype(kind).where(condition, other.astype(kind))


def flags(column: pd.Series) -> pd.Series:
    """Return a column as true and false, missing where it is neither."""
    return column if column.dtype in ("bool", "boolean") else column.map(_FLAGS).astype("boolean")


_FLAGS = {True: True, False: False, "true": True, "false": False, "True": True, "False": False}
"""1 and 0 equal True and False, and so are found as well."""


def judged(column: pd.Series) -> pd.Series:
    """Return a column as true and false; raise for one that is neither."""
    told = flags(column)
    neither = column[told.isna() & column.notna()]
    if len(neither):
        raise TypeError(f"a condition is true or false and was found to be '{neither.iloc[0]}'; compare it")
    return told


def refuse_text(what: str, *columns: Column) -> None:
    """Raise for text where numbers or instants are reckoned with: of "5" and "7" it would make "57"."""
    for column in columns:
        found = _text_in(column)
        if found is not None:
            raise TypeError(
                f"{what} needs numbers or instants and found the text '{found}'; read it first, as by number()"
            )


def _text_in(column: Column) -> str | None:
    if not isinstance(column, pd.Series):
        return column if isinstance(column, str) else None
    is_string = isinstance(column.dtype, pd.StringDtype)
    held = column.dropna() if is_string else column if column.dtype == object else ()
    return next((one for one in held if isinstance(one, str)), None)
