"""Reading a flat table: the columns that a model may see as numbers, and the label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.errors import FlatTableError
from training.flat.config import FlatConfig

Column = np.ndarray[Any, np.dtype[Any]]
_FLAGS = {"Yes": 1.0, "No": 0.0}


@dataclass(frozen=True, slots=True)
class FlatTable:
    """n cases.

    Attributes
    ----------
    frame
        All columns of the files, as read; codes that mean missing are NaN.
    values : float64 [n, len(names)]
        What the model may see; categories are numbered.
    names
        Of the columns of `values`, with spaces as underscores.
    label : bool [n]
    at
        When each case came up, None for a table without time.
    """

    frame: pd.DataFrame
    values: NDArray[np.float64]
    names: tuple[str, ...]
    label: NDArray[np.bool_]
    at: pd.Series | None

    def without(self, columns: tuple[str, ...]) -> NDArray[np.float64]:
        """Return the values with columns, and what was made of them, taken away."""
        made = {name for name in self.names for column in columns if column in name.split(" ")}
        return self.values[:, [place for place, name in enumerate(self.names) if name not in made]]


def read_table(folder: Path, config: FlatConfig) -> FlatTable:
    """Read the files of a flat table.

    Raises
    ------
    FlatTableError
        If a file is not there, lacks columns, or holds something else than the configuration says.
    """
    frame = _read(folder / config.file)
    for join in config.joins:
        other = _read(folder / join.file)
        _check(folder / join.file, other, [join.column])
        _check(folder / config.file, frame, [join.column])
        frame = frame.merge(other, on=join.column, how="left", validate="many_to_one")
    columns, time = config.columns, config.time
    known = [*columns.numbers, *columns.flags, *columns.categories, config.label.column]
    pairs = [*columns.differences, *columns.ratios, *config.rules.values()]
    _check(folder / config.file, frame, [*known, *(one for pair in pairs for one in pair)])
    for column, code in columns.missing.items():
        frame[column] = frame[column].mask(frame[column] == code)
    label = (frame[config.label.column].astype(str) == config.label.positive).to_numpy(dtype=bool)
    if label.all() or not label.any():
        held = sorted(frame[config.label.column].astype(str).unique())[:5]
        told = f"'{config.label.column}' is '{config.label.positive}' in {int(label.sum())} of {len(label)} rows"
        raise FlatTableError(folder / config.file, f"{told}; it holds {held}")
    made: dict[str, Column] = {}
    for name in columns.numbers:
        made[name] = frame[name].to_numpy(dtype=np.float64)
    for name in columns.flags:
        odd = sorted(map(str, set(frame[name].dropna()) - set(_FLAGS)))
        if odd:
            raise FlatTableError(folder / config.file, f"flag '{name}' holds {odd[:5]}, not Yes or No")
        made[name] = frame[name].map(_FLAGS).to_numpy(dtype=np.float64)
    for name in columns.categories:
        made[name] = pd.factorize(frame[name], sort=True)[0].astype(np.float64)
    for a, b in columns.differences:
        made[f"{a} less {b}"] = made[a] - made[b]
    for a, b in columns.ratios:
        made[f"{a} to {b}"] = made[a] / (np.maximum(made[b], 0.0) + 1.0)
    at = None
    if time is not None:
        _check(folder / config.file, frame, [time.column])
        at = pd.to_datetime(frame[time.column], format=time.format)
        parts = {"hour": at.dt.hour, "weekday": at.dt.day_of_week, "month": at.dt.month}
        made |= {part: parts[part].to_numpy(dtype=np.float64) for part in time.parts}
    return FlatTable(frame, np.column_stack(list(made.values())), tuple(made), label, at)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise FlatTableError(path, str(error)) from error


def _check(path: Path, frame: pd.DataFrame, needed: list[str]) -> None:
    missing = sorted(set(needed) - set(frame.columns))
    if missing:
        raise FlatTableError(path, f"it lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")
