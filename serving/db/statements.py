"""Statements that every decision makes, built once: building one costs several times what running it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Insert, Table, insert
from sqlalchemy.orm import Session

from serving.db.base import Base


def put(session: Session, row: type[Base], **values: object) -> None:
    """Insert one row. Columns that are not given get their defaults; nothing is loaded of it."""
    session.execute(_into(row), values)


def put_all(session: Session, row: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Insert several rows at once; see `put`."""
    session.execute(_into(row), rows)


def table_of(row: type[Base]) -> Table:
    """Return the table of a row class."""
    table = row.__table__
    assert isinstance(table, Table)  # noqa: S101  as every row of ours has
    return table


@cache
def _into(row: type[Base]) -> Insert:
    return insert(table_of(row))
