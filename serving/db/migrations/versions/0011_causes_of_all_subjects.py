"""Looks, causes and what causes hold are about a subject of a type; what is held says what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = ("looks", "causes", "cause_children")
_KEYS = {"looks": "playbook", "cause_children": "cause_id"}
"""The tables that are keyed by their subject, each with what stands in the key beside it."""
_BEFORE = {
    "ix_looks_scope": ("looks", ["playbook", "key", "looked_at", "shows"]),
    "ix_causes_scope": ("causes", ["playbook", "key", "position"]),
    "ix_cause_children_status": ("cause_children", ["cause_id", "status", "settled_at"]),
    "ix_cause_children_shipment": ("cause_children", ["shipment_id", "status"]),
}
_AFTER = {
    "ix_looks_scope": ("looks", ["subject_type", "playbook", "key", "looked_at", "shows"]),
    "ix_causes_scope": ("causes", ["subject_type", "playbook", "key", "position"]),
    "ix_cause_children_status": ("cause_children", ["cause_id", "status", "settled_at"]),
    "ix_cause_children_subject": ("cause_children", ["subject_type", "subject_id", "status"]),
}


def upgrade() -> None:
    """Rename the columns and add the type; everything of before is about shipments."""
    _drop(_BEFORE)
    op.add_column("cause_children", sa.Column("title", sa.String(length=300)))
    for table in _TABLES:
        op.add_column(table, _type())
    for table, beside in _KEYS.items():
        op.execute(f"ALTER TABLE {table} RENAME COLUMN shipment_id TO subject_id")
        _key(table, [beside, "subject_type", "subject_id"])
    _create(_AFTER)


def downgrade() -> None:
    """Take the type away again.

    Raises
    ------
    RuntimeError
        If there is anything that is not about shipments: without its type it would be taken for one.
    """
    connection = op.get_bind()
    for table in _TABLES:
        others = sa.select(sa.func.count()).select_from(sa.table(table, sa.column("subject_type")))
        count = connection.scalar(others.where(sa.column("subject_type") != "shipment"))
        if count:
            raise RuntimeError(f"{count} rows of {table} are not about shipments; an older release would misread them.")
    _drop(_AFTER)
    for table, beside in _KEYS.items():
        op.execute(f"ALTER TABLE {table} RENAME COLUMN subject_id TO shipment_id")
        _key(table, [beside, "shipment_id"])
    for table in _TABLES:
        op.drop_column(table, "subject_type")
    op.drop_column("cause_children", "title")
    _create(_BEFORE)


def _drop(indexes: Mapping[str, tuple[str, list[str]]]) -> None:
    for name, (table, _) in indexes.items():
        op.drop_index(name, table)


def _create(indexes: Mapping[str, tuple[str, list[str]]]) -> None:
    for name, (table, columns) in indexes.items():
        op.create_index(name, table, columns)


def _key(table: str, columns: list[str]) -> None:
    """Give a table another primary key. SQLite makes the table anew for it, with all that it holds."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(f"{table}_pkey", table, type_="primary")
        op.create_primary_key(f"{table}_pkey", table, columns)
        return
    as_it_is = sa.Table(table, sa.MetaData(), *_COLUMNS[table](columns[-1]), sa.PrimaryKeyConstraint(*columns))
    with op.batch_alter_table(table, copy_from=as_it_is, recreate="always"):
        pass


def _looks(subject_id: str) -> Iterator[sa.Column[Any]]:
    yield sa.Column("playbook", sa.String(length=200), nullable=False)
    yield sa.Column(subject_id, sa.String(length=200), nullable=False)
    yield sa.Column("key", sa.Text(), nullable=False)
    yield sa.Column("looked_at", _TIME, nullable=False)
    yield sa.Column("shows", sa.Boolean(), nullable=False)
    yield _type()


def _children(subject_id: str) -> Iterator[sa.Column[Any]]:
    yield sa.Column("cause_id", sa.String(length=64), sa.ForeignKey("causes.cause_id"), nullable=False)
    yield sa.Column(subject_id, sa.String(length=200), nullable=False)
    yield sa.Column("decision_id", sa.String(length=64), sa.ForeignKey("decisions.decision_id"), nullable=False)
    yield sa.Column("held_at", _TIME, nullable=False)
    yield sa.Column("looked_at", _TIME, nullable=False)
    yield sa.Column("value_at_stake_minor", sa.BigInteger(), nullable=False)
    yield sa.Column("currency", sa.String(length=3))
    yield sa.Column("latest_useful_at", _TIME)
    yield sa.Column("status", sa.String(length=20), nullable=False)
    yield sa.Column("waits_for", sa.Text())
    yield sa.Column("settled_at", _TIME)
    yield sa.Column("settled_decision_id", sa.String(length=64), sa.ForeignKey("decisions.decision_id"))
    yield sa.Column("settled_because", sa.Text())
    yield sa.Column("title", sa.String(length=300))
    yield _type()


def _type() -> sa.Column[Any]:
    return sa.Column("subject_type", sa.String(length=20), nullable=False, server_default="shipment")


_COLUMNS: Mapping[str, Callable[[str], Iterator[sa.Column[Any]]]] = {"looks": _looks, "cause_children": _children}
