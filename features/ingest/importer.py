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

from features.errors import OverwritingError
from features.ingest.checks import DEFAULTS, broken_links, broken_rows
from features.ingest.columns import Column, flags
from features.ingest.evaluation import FOUND, RULE, SOURCE_ROW, UNREAD, Evaluation, sources_of
from features.ingest.mapping import Mapping
from features.ingest.sources import read_source
from features.ingest.times import has_offset, written_times
from features.ingest.unread import Notes, without_value
from features.ingest.workbook import unread_cells
from features.tables import SCHEMAS, RecordTables, frame_of

OnStep = Callable[[str, int, int], None]
"""Called with what is being done, steps done, and steps in all."""

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


def _silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tables made from sources, before anything is written.

    Attributes
    ----------
    offered
        The rows of each table as they were offered, in its types; what could not be read as such is missing there.
    coverage
        Share of the offered rows in which the files gave each field of each table, defaults left out.
    kept
        The rows that passed every check.
    rejects
        The others, with their reason and what their source held.
    """

    summary: ImportSummary
    offered: dict[str, pd.DataFrame]
    coverage: dict[str, dict[str, float]]
    kept: RecordTables
    rejects: list[dict[str, object]]


def import_files(mapping: Mapping, source: Path, out: Path, on_step: OnStep = _silent) -> ImportSummary:
    """Turn the files of a source folder into canonical tables in `out`, with `rejects.parquet` beside them.

    Raises
    ------
    SourceError
        If a file is missing or cannot be read.
    MappingError
        If an expression names a column that is not there, or cannot be evaluated.
    OverwritingError
        If a table would take the place of a source.
    """
    written = {(out / f"{name}.parquet").resolve() for name in (*SCHEMAS, "rejects")}
    for file in mapping.sources.values():
        if (source / file.file).resolve() in written:
            raise OverwritingError(out / Path(file.file).name, source)
    prepared = prepare(mapping, source, on_step)
    prepared.kept.write(out)
    rejects = pa.Table.from_pylist(prepared.rejects, schema=_REJECTS)
    pq.write_table(rejects, out / "rejects.parquet", compression="zstd")
    steps = _steps(mapping)
    on_step("done", steps, steps)
    return prepared.summary


def prepare(mapping: Mapping, source: Path, on_step: OnStep = _silent) -> Prepared:
    """Turn the files of a source folder into canonical tables, in memory; errors are those of `import_files`."""
    total = _steps(mapping)
    frames: dict[str, pd.DataFrame] = {}
    unread: dict[tuple[str, str], Notes] = {}
    for done, (name, file) in enumerate(mapping.sources.items()):
        on_step(f"reading {file.file}", done, total)
        frames[name] = read_source(source, file)
        if file.file.lower().endswith(".xlsx"):
            cells = unread_cells(source / file.file, file.sheet)
            unread |= {
                (name, column): notes for column, notes in without_value(cells, frames[name], file.missing).items()
            }
    summary = ImportSummary(rows_read={name: len(frame) for name, frame in frames.items()})
    evaluation = Evaluation(mapping, frames, unread)
    evaluation.derive()
    made: dict[str, list[pd.DataFrame]] = {rule.table: [] for rule in mapping.tables}
    for index, rule in enumerate(mapping.tables):
        on_step(f"making {rule.table}", len(mapping.sources) + index, total)
        rows, chosen = evaluation.rows(rule, index)
        made[rule.table].append(rows)
        counted = summary.tables.setdefault(rule.table, TableSummary())
        counted.offered += len(chosen)
        counted.left_out += int((~chosen).sum())
    evaluation.finish()
    on_step("checking", total - 1, total)
    joined = {table: _joined(table, parts) for table, parts in made.items()}
    offered = {table: rows[SCHEMAS[table].names] for table, (rows, _) in joined.items()}
    tables = {table: joined[table][0] if table in joined else frame_of(table, []) for table in SCHEMAS}
    rejects = _reject(mapping, tables, frames, summary)
    for table, counted in summary.tables.items():
        counted.written = len(tables[table])
    kept = RecordTables(**{table: rows[SCHEMAS[table].names] for table, rows in tables.items()})
    return Prepared(summary, offered, {table: coverage for table, (_, coverage) in joined.items()}, kept, rejects)


def _steps(mapping: Mapping) -> int:
    return len(mapping.sources) + len(mapping.tables) + 1


def _joined(table: str, parts: list[pd.DataFrame]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the rows of a table in its types, with why one cannot be read as such; and the coverage of each field."""
    rows = pd.concat(parts, ignore_index=True)
    coverage: dict[str, float] = {}
    unread, found = rows[UNREAD], rows[FOUND]
    columns: dict[str, Column] = {}
    for column in SCHEMAS[table]:
        name = column.name
        told = _told(rows, name)
        coverage[name] = float(told.notna().mean()) if len(rows) else 0.0
        default = DEFAULTS[table].get(name)
        given = told if default is None else told.where(told.notna(), default)
        columns[name], expected = _typed(given, column.type)
        broken = given.notna() & columns[name].isna() & unread.isna()
        unread = unread.where(~broken, f"'{name}' is {expected}")
        found = found.where(~broken, given)
    made = {**columns, SOURCE_ROW: rows[SOURCE_ROW], RULE: rows[RULE], UNREAD: unread, FOUND: found}
    return pd.DataFrame(made), coverage


def _told(rows: pd.DataFrame, name: str) -> Column:
    """Return a field as the mapping gives it; blank text is missing."""
    column: Column = rows[name] if name in rows else pd.Series(None, index=rows.index, dtype=object)
    if pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column):
        column = column.where(column.astype("string").str.strip() != "", None)
    return column


def _typed(given: Column, kind: pa.DataType) -> tuple[Column, str]:
    """Return a field in the type of its column, missing where it cannot be, and what is wrong with it then."""
    if pa.types.is_timestamp(kind):
        written = written_times(given)
        instants = _instants(written.where(has_offset(written)), format="ISO8601", utc=True, errors="coerce")
        wrong = 'no time with a zone; write parse_time(column, "zone") if it is local to one'
        return instants.astype("datetime64[us, UTC]"), wrong
    if pa.types.is_integer(kind):
        numbers = _numbers(given, errors="coerce").astype("Float64")
        return numbers.where(numbers % 1 == 0).astype("Int64"), "no whole number"
    if pa.types.is_floating(kind):
        numbers = _numbers(given, errors="coerce").astype("float64")
        return numbers.where(np.isfinite(numbers)), "no finite number"
    if pa.types.is_boolean(kind):
        return flags(given).astype("boolean"), "neither true nor false"
    return given.astype("string").str.strip(), "no text"


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
        rows = tables[table][broken]
        for row, text in zip(sources_of(rows, mapping, frames), rows[FOUND], strict=True):
            content = json.dumps(row["content"], default=str, ensure_ascii=False)
            told = reason if pd.isna(text) else f"{reason}; found '{text}'"
            rejects.append({**row, "table": table, "reason": told, "content": content})
        tables[table] = tables[table][~broken].reset_index(drop=True)
        summary.tables[table].rejected += int(broken.sum())
        summary.rejects[f"{table}: {reason}"] = summary.rejects.get(f"{table}: {reason}", 0) + int(broken.sum())

    for table in summary.tables:
        for reason in tables[table][UNREAD].dropna().unique():
            take_out(table, (tables[table][UNREAD] == reason).to_numpy(), reason)
        again = True
        while again:  # rows that are out must not be counted by a later check: each is judged on what is left
            again = False
            for broken, reason in broken_rows(table, tables[table]):
                if broken.any():
                    take_out(table, broken, reason)
                    again = True
                    break
    again = True
    while again:  # a shipment without stops goes, then what was a part of it
        again = False
        for table, broken, reason in broken_links(tables):
            again |= bool(broken.any())
            take_out(table, broken, reason)
    return rejects
