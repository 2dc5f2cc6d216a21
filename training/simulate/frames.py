"""From arrays to canonical tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.tables import SCHEMAS

SECONDS_PER_HOUR = 3600


def instants(start: datetime, hours: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return the instants so many hours after the start, to the second, NaN as NaT: datetime64[us], UTC."""
    origin = np.datetime64(start.replace(tzinfo=None), "us")
    seconds = np.round(np.nan_to_num(hours) * SECONDS_PER_HOUR).astype("timedelta64[s]")
    return np.where(np.isnan(hours), np.datetime64("NaT", "us"), origin + seconds)


def frame(table: str, columns: Mapping[str, Any], *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return a canonical table from its columns, sorted; a column that is not given is null."""
    return typed(SCHEMAS[table], columns, by=by)


def typed(schema: pa.Schema, columns: Mapping[str, Any], *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return a frame with the columns and types of the schema, sorted."""
    rows = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name], type=field.type, from_pandas=True)
        if field.name in columns
        else pa.nulls(rows, type=field.type)
        for field in schema
    ]
    made: pd.DataFrame = pa.Table.from_arrays(arrays, schema=schema).to_pandas()
    return made.sort_values(list(by), kind="stable", ignore_index=True) if by else made
