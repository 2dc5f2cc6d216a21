"""Decisions, calls and items are about a subject of a type; bundles, their moves and orders are on one type."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ABOUT = ("decisions", "outgoing_calls", "review_items")
_TYPED = ("policy_bundles", "policy_moves", "directives")


def upgrade() -> None:
    """Rename the columns and add the type; everything of before is about shipments."""
    op.drop_index("ix_decisions_shipment", "decisions")
    op.drop_index("ix_outgoing_calls_shipment", "outgoing_calls")
    for table in _ABOUT:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN shipment_id TO subject_id")
    for table in (*_ABOUT, *_TYPED):
        kind = sa.Column("subject_type", sa.String(length=20), nullable=False, server_default="shipment")
        op.add_column(table, kind)
    op.create_index("ix_decisions_subject", "decisions", ["subject_type", "subject_id", "sequence"])
    op.create_index("ix_outgoing_calls_subject", "outgoing_calls", ["subject_type", "subject_id", "position"])
    op.create_index("ix_policy_moves_subject", "policy_moves", ["subject_type", "position"])


def downgrade() -> None:
    """Take the type away again.

    Raises
    ------
    RuntimeError
        If there is anything that is not about shipments: without its type it would be taken for one.
    """
    connection = op.get_bind()
    for table in (*_ABOUT, *_TYPED):
        others = sa.select(sa.func.count()).select_from(sa.table(table, sa.column("subject_type")))
        count = connection.scalar(others.where(sa.column("subject_type") != "shipment"))
        if count:
            raise RuntimeError(f"{count} rows of {table} are not about shipments; an older release would misread them.")
    op.drop_index("ix_policy_moves_subject", "policy_moves")
    op.drop_index("ix_outgoing_calls_subject", "outgoing_calls")
    op.drop_index("ix_decisions_subject", "decisions")
    for table in (*_TYPED, *_ABOUT):
        op.drop_column(table, "subject_type")
    for table in _ABOUT:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN subject_id TO shipment_id")
    op.create_index("ix_decisions_shipment", "decisions", ["shipment_id", "sequence"])
    op.create_index("ix_outgoing_calls_shipment", "outgoing_calls", ["shipment_id", "position"])
