"""What functions of a mapping could not read, row by row: so that it is told from what is missing, and not lost.

A function that cannot read a value makes it missing and leaves a note of it. The note follows the value through all
that is made of it, for as long as that is missing too. A row whose field is missing with a note is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ingest.columns import Column, whole
from features.ingest.groups import group_first
from features.ingest.workbook import Unread

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Note:
    """What was found, and why it could not be read."""

    found: str
    why: str

    @property
    def reason(self) -> str:
        """Why the row is rejected, without what was found."""
        return (
            f"cannot be read: {self.why}; mend it, list its text under 'missing' of the source if it means nothing, "
            "or write if_readable() around it to do without"
        )


Notes = Mapping[int, Note]
"""Notes of a column by the number of the row, from 0."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A function that reads: what it expects in how many of its first arguments; the first `needs` must be there."""

    expects: str
    of: int = 1
    needs: int = 1


_NUMBER, _ZONE = Reader("a number, with the decimal point of its source"), "and the IANA zone that it is local to"
NUMBERS: Mapping[str, Reader] = {
    **dict.fromkeys(("number", "rounded", "pounds_to_kg", "cubic_feet_to_m3", "miles_to_km"), _NUMBER),
    **dict.fromkeys(("mph_to_ms", "inches_to_mm", "fahrenheit_to_celsius"), _NUMBER),
    "convert": Reader("a number and a unit that it knows", 2),
}
"""The functions whose first argument is a number, which may be text."""

READERS: Mapping[str, Reader] = {
    **NUMBERS,
    "money_minor": Reader("an amount alone, or with its sign or the code of its currency, as 1,043.20 or EUR 12", 2),
    "hhmm_minutes": Reader("a clock time as the number HHMM, to 2400"),
    "parse_time": Reader(f"a time of ISO 8601, as 2026-03-02T10:00, {_ZONE}", 2),
    "parse_time_as": Reader(f"a time of its form, {_ZONE}", 3),
    "wall_clock": Reader(f"a day of the calendar, minutes, {_ZONE}", 5, 4),
    "next_wall_clock": Reader(f"an instant, minutes, {_ZONE}", 3, 2),
}
_OVER_GROUPS = ("group_sum", "group_least", "group_greatest")
_DOING_WITHOUT = "if_readable"


def noted(name: str, arguments: Sequence[Column], value: Column, notes: Notes) -> tuple[Column, Notes]:
    """Return what a function gave, with the notes of its arguments and those of what it could not read itself.

    Raises
    ------
    ValueError
        If it cannot read a constant.
    """
    if name == _DOING_WITHOUT:
        return value, {}
    if name in _OVER_GROUPS and notes:
        return _over_groups(value, arguments[1:], notes)
    reader = READERS.get(name)
    if reader is None:
        return value, notes
    if not isinstance(value, pd.Series):
        if pd.isna(value) and not pd.isna(arguments[0]):
            raise ValueError(f"'{arguments[0]}' {Note('', _expected(name)).reason}")
        return value, notes
    lost = value.isna().to_numpy()
    for needed in arguments[: reader.needs]:
        lost = lost & whole(needed, value.index).notna().to_numpy()
    rows = np.flatnonzero(lost)
    shown = [whole(one, value.index).iloc[rows].astype("string").fillna("") for one in arguments[: reader.of]]
    own = {
        row: Note(", ".join(texts)[:_LONGEST], _expected(name))
        for row, *texts in zip(rows.tolist(), *shown, strict=True)
        if texts[0].strip()
    }
    return value, {**own, **notes}


def _expected(name: str) -> str:
    return f"{name}() expects {READERS[name].expects}"


def without_value(cells: Unread, frame: pd.DataFrame, missing: Sequence[str]) -> Mapping[str, Notes]:
    """Return notes of the cells of a sheet that hold no value, by column; what means nothing by its text is missing."""
    notes: dict[str, dict[int, Note]] = {}
    for (row, at), found in cells.items():
        if 0 < row <= len(frame) and at < frame.shape[1] and found not in missing:
            note = Note(found[:_LONGEST], "its cell in the workbook holds no value")
            notes.setdefault(str(frame.columns[at]), {})[row - 1] = note
    return notes


def left(notes: Notes, value: Column) -> Notes:
    """Return the notes of the rows in which a value is missing: where it is not, the mapping did without."""
    if not notes or not isinstance(value, pd.Series):
        return {}
    missing = value.isna().to_numpy()
    return {row: note for row, note in notes.items() if missing[row]}


def looked_up(notes: Notes, rows: NDArray[np.float64]) -> Notes:
    """Return the notes of what is taken from the rows of another source; NaN is none of them."""
    return {at: notes[row] for at, row in enumerate(rows.tolist()) if row in notes} if notes else {}


def _over_groups(value: Column, by: Sequence[Column], notes: Notes) -> tuple[Column, Notes]:
    """Take away what was reckoned over a group with something unread in it, and note that in all of its rows."""
    at = np.full(len(value), np.nan)
    at[list(notes)] = list(notes)
    first = group_first(pd.Series(at, index=value.index), *by)
    return value.mask(first.notna()), {**looked_up(notes, first.to_numpy()), **notes}
