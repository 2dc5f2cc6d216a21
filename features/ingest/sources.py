"""The sources of a mapping: files (CSV, Parquet, Excel), and stacks of their columns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings
from zipfile import BadZipFile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import SourceError

KINDS = (".csv", ".parquet", ".xlsx")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source.

    Attributes
    ----------
    file
        Its path inside the source folder.
    sheet
        Sheet of an Excel file; the first if none is named.
    missing
        Texts that stand for "missing" in it; no text else does but the empty one, which always does.
    text
        Columns that are text even where they look like numbers, so that a leading zero stays.
    separator, point, encoding
        How a CSV file is written.
    """

    file: str
    sheet: str | None = None
    missing: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    separator: str = ","
    point: str = "."
    encoding: str = "utf-8-sig"


@dataclass(frozen=True, slots=True)
class Stack:
    """A source made of another by stacking groups of its columns: one row for each row and group.

    Attributes
    ----------
    of
        The source that it is made of.
    keep
        Columns of it that every row of the group repeats.
    word
        New column that holds the word of the group.
    over
        The words of the groups, such as "stop1", "stop2".
    columns
        New column by the pattern of the columns it stacks; "{}" in the pattern stands for the word.
    """

    of: str
    keep: tuple[str, ...]
    word: str
    over: tuple[str, ...]
    columns: Mapping[str, str]

    def needs(self) -> list[str]:
        """Return the columns that its source must have."""
        return [*self.keep, *(pattern.format(word) for pattern in self.columns.values() for word in self.over)]


def stacked(frame: pd.DataFrame, stack: Stack) -> pd.DataFrame:
    """Return a stack of a source: the groups of its first row, then those of its second.

    So row r of the source becomes the rows from r times the number of words on.
    """
    parts = []
    for word in stack.over:
        columns = {name: frame[pattern.format(word)] for name, pattern in stack.columns.items()}
        parts.append(frame[list(stack.keep)].assign(**{stack.word: word}, **columns))
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def read_source(folder: Path, file: SourceFile) -> pd.DataFrame:
    """Read a file of a source, its first row the names of the columns.

    Raises
    ------
    SourceError
        If it is not there or cannot be read, or lacks a column that is to be read as text.
    """
    path = folder / file.file
    try:
        frame = _read(path, file)
    except FileNotFoundError as error:
        raise SourceError(path, "it is not there; mend `file` in the mapping, or name another source folder") from error
    except UnicodeError as error:
        words = f"{error}; say its `encoding` in the mapping, such as cp1252 or utf-16"
        raise SourceError(path, words) from error
    except BadZipFile as error:
        raise SourceError(path, f"it is no workbook ({error}); save it as .xlsx") from error
    except pd.errors.EmptyDataError as error:
        raise SourceError(path, "it is empty; its first row should name the columns") from error
    except (OSError, ValueError, KeyError, LookupError) as error:
        raise SourceError(path, str(error)) from error
    absent = [name for name in file.text if name not in frame.columns]
    if absent:
        found = ", ".join(map(str, frame.columns))
        raise SourceError(path, f"it has no column {', '.join(map(repr, absent))} to read as text. Found: {found}")
    return frame


def _read(path: Path, file: SourceFile) -> pd.DataFrame:
    """Read a file: whole numbers as `Int64` and flags as `boolean`, whatever is missing beside them."""
    missing = ["", *file.missing]
    match path.suffix.lower():
        case ".parquet":
            table = pq.read_table(path)
            _refuse_twins(table.column_names)
            frame = table.to_pandas(types_mapper=_TYPES.get)
            raw = [field.name for field in table.schema if _is_raw(field.type)]
            frame = frame.assign(**{name: _decoded(frame[name]) for name in raw})
            frame = frame.astype({name: "string" for name in file.text if name in frame})
        case ".xlsx":
            with pd.ExcelFile(path, engine="openpyxl") as book:
                header = pd.read_excel(book, sheet_name=file.sheet or 0, header=None, nrows=1, dtype=object)
                _refuse_twins(header.iloc[0].dropna() if len(header) else [])
                frame = pd.read_excel(
                    book,
                    sheet_name=file.sheet or 0,
                    dtype=dict.fromkeys(file.text, "string"),
                    na_values=missing,
                    keep_default_na=False,
                    dtype_backend="numpy_nullable",
                )
        case _:
            frame = _read_csv(path, file, missing)
    return pd.DataFrame({str(name): _usual(column, missing) for name, column in frame.items()}, index=frame.index)


def _read_csv(path: Path, file: SourceFile, missing: list[str]) -> pd.DataFrame:
    how: dict[str, Any] = {
        "sep": file.separator,
        "encoding": file.encoding,
        "index_col": False,
        "keep_default_na": False,
    }
    header = pd.read_csv(path, header=None, nrows=1, dtype=str, **how)
    _refuse_twins([name for name in header.iloc[0] if name])
    # Without `index_col` pandas takes what there is more of for names of rows, and moves every value.
    with catch_warnings():
        filterwarnings("error", "Length of header", pd.errors.ParserWarning)
        try:
            frame: pd.DataFrame = pd.read_csv(
                path,
                decimal=file.point,
                dtype=dict.fromkeys(file.text, "string"),
                na_values=missing,
                dtype_backend="numpy_nullable",
                low_memory=False,  # in pieces, each would have types of its own: an id would be 7 here and "007" there
                **how,
            )
        except pd.errors.ParserWarning as warning:
            words = "its rows have more values than its first row names columns"
            raise ValueError(f"{words}; name every column, or take away what stands behind the last") from warning
    _refuse_torn_quotes(path, file, frame)
    return frame


def _refuse_torn_quotes(path: Path, file: SourceFile, frame: pd.DataFrame) -> None:
    """Raise where a value goes over several lines and its quotes are not whole: such a value swallows rows."""
    texts = (column for _, column in frame.items() if isinstance(column.dtype, pd.StringDtype))
    if not any(column.str.contains(r"[\r\n]").any() for column in texts):
        return
    with path.open(encoding=file.encoding, newline="") as stream:
        rows = csv.reader(stream, delimiter=file.separator, strict=True)
        try:
            for _ in rows:
                pass
        except csv.Error as error:
            words = (
                'a value in quotes goes over several lines, and its last quote stands before other text; write " as ""'
            )
            raise ValueError(f"line {rows.line_num}: {words}") from error


_WHOLE = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32())
_TYPES = {**dict.fromkeys(_WHOLE, pd.Int64Dtype()), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()}


def _is_raw(kind: pa.DataType) -> bool:
    """Tell whether a column holds bytes, as some writers of Parquet leave text."""
    return any(is_so(kind) for is_so in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary))


def _decoded(column: pd.Series) -> pd.Series:
    """Return bytes as text; what is no UTF-8 is escaped."""
    return column.map(lambda raw: raw.decode("utf-8", "backslashreplace"), na_action="ignore").astype("str")


def _usual(column: pd.Series, missing: list[str]) -> pd.Series:
    """Return a column with NaN for what is missing, but for whole numbers and flags."""
    if isinstance(column.dtype, pd.StringDtype):
        texts = column.astype("str")
        return texts.mask(texts.isin(missing))
    return column.astype("float64") if isinstance(column.dtype, pd.Float64Dtype) else column


def _refuse_twins(names: Iterable[object]) -> None:
    """Raise where two columns have one name: pandas calls the second "name.1", and nobody knows which is meant."""
    counted = Counter(map(str, names))
    twins = ", ".join(f"'{name}'" for name, count in counted.items() if count > 1)
    if twins:
        raise ValueError(f"it has several columns of the name {twins}; give each a name of its own")
