"""The sources of a mapping: files (CSV, Parquet, Excel), and stacks of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from warnings import catch_warnings, filterwarnings
from zipfile import BadZipFile

import pandas as pd
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
        Texts that stand for "missing" in it; no text else does but the empty one.
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
    """Return a stack of a source: the groups of its first row, then those of its second."""
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
    except (OSError, ValueError, BadZipFile, KeyError, LookupError) as error:
        raise SourceError(path, str(error)) from error
    absent = [name for name in file.text if name not in frame.columns]
    if absent:
        found = ", ".join(map(str, frame.columns))
        raise SourceError(path, f"it has no column {', '.join(map(repr, absent))} to read as text. Found: {found}")
    return frame


def _read(path: Path, file: SourceFile) -> pd.DataFrame:
    frame: pd.DataFrame
    missing, as_text = list(file.missing), dict.fromkeys(file.text, "string")
    match path.suffix:
        case ".parquet":
            frame = pq.read_table(path).to_pandas()
            return frame.astype({name: "string" for name in file.text if name in frame})
        case ".xlsx":
            frame = pd.read_excel(
                path,
                sheet_name=file.sheet or 0,
                dtype=as_text,
                na_values=["", *missing],
                keep_default_na=False,
                engine="openpyxl",
            )
        case _:
            # Without `index_col` pandas takes what there is more of for names of rows, and moves every value.
            with catch_warnings():
                filterwarnings("error", "Length of header", pd.errors.ParserWarning)
                try:
                    frame = pd.read_csv(
                        path,
                        sep=file.separator,
                        decimal=file.point,
                        dtype=as_text,
                        na_values=missing,
                        keep_default_na=False,
                        encoding=file.encoding,
                        index_col=False,
                    )
                except pd.errors.ParserWarning as warning:
                    words = "its rows have more values than its first row names columns"
                    raise ValueError(
                        f"{words}; name every column, or take away what stands behind the last"
                    ) from warning
    return frame
