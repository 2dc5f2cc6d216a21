"""Reading the files of a source: CSV, Parquet, Excel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
            frame = pd.read_csv(
                path,
                sep=file.separator,
                decimal=file.point,
                dtype=as_text,
                na_values=missing,
                keep_default_na=False,
                encoding=file.encoding,
            )
    return frame
