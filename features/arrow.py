"""From frames to Arrow tables of a schema."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa


def arrow_table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Return the columns of a schema as an Arrow table; the index of the frame is left out.

    `pa.Table.from_pandas` gives the same, but reads instants with a zone in a way that pandas has deprecated, with a
    warning for every column.
    """
    if frame.empty:
        return schema.empty_table()
    columns = [pa.array(_without_zone(frame[field.name]), type=field.type, from_pandas=True) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _without_zone(column: pd.Series) -> Any:
    """Return instants as they stand in UTC, and any other column as it is."""
    return column.dt.tz_convert(None).to_numpy() if isinstance(column.dtype, pd.DatetimeTZDtype) else column
