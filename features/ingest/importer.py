"""Importing files: sources in, canonical tables and rejects out.

No row is lost: each that is offered to a table is written, left out by the mapping, or rejected with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import MappingError, SourceError, did_you_mean
from features.ingest.checks import DEFAULTS, broken_links, broken_rows
from features.ingest.expressions import Expression, evaluate
from features.ingest.functions import Column, has_offset
from features.ingest.mapping import Mapping, SourceFile, TableRule
from features.tables import SCHEMAS, RecordTables

OnStep = Callable[[str, int, int], None]
"""Called with what is being done, steps done, and steps in all."""

_SOURCE_ROW = "__source_row__"
_RULE = "__rule__"
_UNREADABLE = "__unreadable__"
_REJECTS = pa.schema(
    {"table": pa.string(), "source": pa.string(), "row": pa.int64(), "reason": pa.string(), "content": pa.string()}
)


@dataclass(slots=True)
class TableSummary:
    """What became of the rows that were offered to one table: offered = written + left out + rejected."""

    offered: int = 0
    written: int = 0
    left_out: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did: rows read by source, what became of them by table, rejects by reason."""

    rows_read: dict[str, int] = field(default_factory=dict)
    tables: dict[str, TableSummary] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)


def import_files(
    mapping: Mapping, source: Path, out: Path, on_step: OnStep = lambda _what, _done, _total: None
) -> ImportSummary:
    """Turn the files of a source folder into canonical tables in `out`, with `rejects.parquet` beside them.

    Raises
    ------
    SourceError
        If a file is missing or cannot be read.
    MappingError
        If an expression names a column that is not there, or cannot be evaluated.
    """
    total = len(mapping.sources) + len(mapping.tables) + 1
    frames: dict[str, pd.DataFrame] = {}
    for done, (name, file) in enumerate(mapping.sources.items()):
        on_step(f"reading {file.file}", done, total)
        frames[name] = _read(source / file.file, file)
    summary = ImportSummary(rows_read={name: len(frame) for name, frame in frames.items()})
    _derive(mapping, frames)
    made: dict[str, list[pd.DataFrame]] = {table: [] for table in SCHEMAS}
    for index, rule in enumerate(mapping.tables):
        on_step(f"making {rule.table}", len(mapping.sources) + index, total)
        made[rule.table].append(_rows(mapping, rule, index, frames, summary))
    tables = {table: _joined(table, parts) for table, parts in made.items()}
    on_step("checking and writing", total - 1, total)
    rejects = _reject(mapping, tables, frames, summary)
    RecordTables(**{table: frame[SCHEMAS[table].names] for table, frame in tables.items()}).write(out)
    pq.write_table(pa.Table.from_pylist(rejects, schema=_REJECTS), out / "rejects.parquet", compression="zstd")
    for table, frame in tables.items():
        if table in summary.tables:
            summary.tables[table].written = len(frame)
    on_step("done", total, total)
    return summary


def _read(path: Path, file: SourceFile) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            frame: pd.DataFrame = pq.read_table(path).to_pandas()
            return frame
        return pd.read_csv(path, na_values=list(file.missing), keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise SourceError(path, str(error)) from error


def _derive(mapping: Mapping, frames: dict[str, pd.DataFrame]) -> None:
    for source, columns in mapping.derive.items():
        for name, expression in columns.items():
            frames[source][name] = _evaluated(mapping, f"derive.{source}.{name}", expression, source, frames)


def _rows(
    mapping: Mapping, rule: TableRule, index: int, frames: MappingType[str, pd.DataFrame], summary: ImportSummary
) -> pd.DataFrame:
    frame = frames[rule.source]
    counted = summary.tables.setdefault(rule.table, TableSummary())
    counted.offered += len(frame)
    chosen = np.ones(len(frame), dtype=bool)
    if rule.where is not None:
        chosen = np.asarray(_evaluated(mapping, f"{rule.table}.where", rule.where, rule.source, frames), dtype=bool)
    counted.left_out += int((~chosen).sum())
    columns = {
        name: _evaluated(mapping, f"{rule.table}.{name}", expression, rule.source, frames)
        for name, expression in rule.fields.items()
    }
    rows = pd.DataFrame(columns, index=frame.index)[chosen]
    rows[_SOURCE_ROW] = np.flatnonzero(chosen)
    rows[_RULE] = index
    return rows


def _evaluated(
    mapping: Mapping, place: str, expression: Expression, source: str, frames: MappingType[str, pd.DataFrame]
) -> Column:
    frame = frames[source]
    unknown = [(source, name, list(frame.columns)) for name in sorted(expression.columns - set(frame.columns))]
    for other, *names in expression.lookups:
        unknown += [(other, name, list(frames[other].columns)) for name in names if name not in frames[other].columns]
    if unknown:
        problems = [
            f"{place}: source '{where}' has no column '{name}'.{did_you_mean(name, found)} Found: {', '.join(found)}"
            for where, name, found in unknown
        ]
        raise MappingError(mapping.path, problems)
    try:
        return evaluate(expression, frame, frames)
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError) as error:
        raise MappingError(mapping.path, [f"{place}: '{expression.text}' cannot be evaluated: {error}"]) from error


def _joined(table: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of a table with its columns and types, and why a row cannot be read as such."""
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({_SOURCE_ROW: [], _RULE: []})
    unreadable = pd.Series(None, index=rows.index, dtype=object)
    columns: dict[str, Column] = {}
    for column in SCHEMAS[table]:
        name = column.name
        given = _given(rows, name, DEFAULTS[table])
        columns[name], expected = _typed(given, column.type)
        broken = given.notna() & columns[name].isna() & unreadable.isna()
        unreadable = unreadable.where(~broken, f"'{name}' is {expected}")
    return pd.DataFrame({**columns, _SOURCE_ROW: rows[_SOURCE_ROW], _RULE: rows[_RULE], _UNREADABLE: unreadable})


def _given(rows: pd.DataFrame, name: str, defaults: MappingType[str, object]) -> Column:
    """Return a field as the mapping gives it: blank text is missing, and what is missing takes the default."""
    column: Column = rows[name] if name in rows else pd.Series(None, index=rows.index, dtype=object)
    if pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column):
        column = column.where(column.astype("string").str.strip() != "", None)
    return column.where(column.notna(), defaults[name]) if name in defaults else column


def _typed(given: Column, kind: pa.DataType) -> tuple[Column, str]:
    """Return a field in the type of its column, missing where it cannot be, and what is wrong with it then."""
    if pa.types.is_timestamp(kind):
        instants = _instants(given.where(has_offset(given)), format="ISO8601", utc=True, errors="coerce")
        wrong = 'no time with a zone; write parse_time(column, "zone") if it is local to one'
        return instants.astype("datetime64[us, UTC]"), wrong
    if pa.types.is_integer(kind):
        numbers = _numbers(given, errors="coerce").astype("Float64")
        return numbers.where(numbers % 1 == 0).astype("Int64"), "no whole number"
    if pa.types.is_floating(kind):
        numbers = _numbers(given, errors="coerce").astype("float64")
        return numbers.where(np.isfinite(numbers)), "no finite number"
    if pa.types.is_boolean(kind):
        return given.map(_FLAGS).astype("boolean"), "neither true nor false"
    return given.astype("string").str.strip(), "no text"


_FLAGS = {True: True, False: False, "true": True, "false": False, "True": True, "False": False}
"""1 and 0 equal True and False, and so are found as well."""

# pandas' stubs cannot tell that a Series in gives a Series out.
_instants: Callable[..., Column] = pd.to_datetime
_numbers: Callable[..., Column] = pd.to_numeric


def _reject(
    mapping: Mapping, tables: dict[str, pd.DataFrame], frames: MappingType[str, pd.DataFrame], summary: ImportSummary
) -> list[dict[str, object]]:
    """Take out of the tables what breaks a check; return it, each row once, with its first reason."""
    rejects: list[dict[str, object]] = []

    def take_out(table: str, broken: np.ndarray, reason: str) -> None:
        if not broken.any():
            return
        for row, rule in tables[table].loc[broken, [_SOURCE_ROW, _RULE]].itertuples(index=False):
            source = mapping.tables[int(rule)].source
            content = json.dumps(frames[source].iloc[int(row)].to_dict(), default=str, ensure_ascii=False)
            rejects.append(
                {"table": table, "source": source, "row": int(row) + 1, "reason": reason, "content": content}
            )
        tables[table] = tables[table][~broken].reset_index(drop=True)
        summary.tables[table].rejected += int(broken.sum())
        summary.rejects[f"{table}: {reason}"] = summary.rejects.get(f"{table}: {reason}", 0) + int(broken.sum())

    for table in SCHEMAS:
        for reason in tables[table][_UNREADABLE].dropna().unique():
            take_out(table, (tables[table][_UNREADABLE] == reason).to_numpy(), reason)
        again = True
        while again:  # rows that are out must not be counted by a later check: each is judged on what is left
            again = False
            for broken, reason in broken_rows(table, tables[table]):
                if broken.any():
                    take_out(table, broken, reason)
                    again = True
                    break
    for _ in range(2):  # a shipment without stops goes first, then stops whose shipment went
        for table, broken, reason in broken_links(tables):
            take_out(table, broken, reason)
    return rejects
