"""One canonical table out of its file: its columns in their types, and nothing missing that no row may lack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import SourceError, TableError
from features.shape import FieldShape


def read_table(path: Path, table: str, shapes: Sequence[FieldShape]) -> pd.DataFrame:
    """Read a table of these fields; one that is not there yet, because the data are older than it, has its default.

    Raises
    ------
    SourceError
        If the file is not there or cannot be read, a column is of another type, or misses what no row may lack.
    TableError
        If a column is not there that no table may lack.
    """
    try:
        read = pq.read_table(path)
    except FileNotFoundError as error:
        raise SourceError(path, "it is not there; name a folder that `triage import` has written") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(path, str(error)) from error
    absent = [shape for shape in shapes if shape.name not in read.column_names]
    missing = [shape.name for shape in absent if shape.required]
    if missing:
        raise TableError(table, read.column_names, missing)
    for shape in absent:
        read = read.append_column(shape.name, pa.array([shape.default] * len(read), type=shape.kind))
    schema = pa.schema({shape.name: shape.kind for shape in shapes})
    frame: pd.DataFrame = pa.table([_typed(path, shape, read[shape.name]) for shape in shapes], schema).to_pandas()
    return frame


def _typed(path: Path, shape: FieldShape, column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        if pa.types.is_timestamp(column.type) and column.type.tz is None:
            raise pa.ArrowInvalid("its times have no zone")
        typed = column.cast(shape.kind)
    except pa.ArrowException as error:
        words = f"'{shape.name}' is {column.type}, expected {shape.kind} ({error}); import the source again"
        raise SourceError(path, words) from error
    if shape.required and typed.null_count:
        words = f"'{shape.name}' is missing in {typed.null_count} of {len(typed)} rows; import the source again"
        raise SourceError(path, words)
    return typed
