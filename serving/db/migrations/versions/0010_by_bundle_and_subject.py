"""Decisions name their bundle in a column; what branches take is kept by type of subject; held ones say what for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_CALLS = sa.table("outgoing_calls", sa.column("call_id"), sa.column("subject_type"))
_TAKEN = {
    "budget_uses": ("ix_budget_uses_window", ["budget", "used_at", "amount_millionths"]),
    "branch_takings": ("ix_branch_takings_last", ["branch", "key_fact", "key_digest", "taken_at"]),
}


def upgrade() -> None:
    """Add the columns; the bundle of a decision is read out of its body once, the type of subject out of its call."""
    op.add_column("decisions", sa.Column("policy_digest", sa.String(length=64)))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE decisions SET policy_digest = body::json #>> '{policy,digest}'")
    else:
        op.execute("UPDATE decisions SET policy_digest = json_extract(body, '$.policy.digest')")
    op.add_column("cause_children", sa.Column("waits_for", sa.Text()))
    for table, (index, columns) in _TAKEN.items():
        op.drop_index(index, table)
        op.add_column(table, sa.Column("subject_type", sa.String(length=20), nullable=False, server_default="shipment"))
        kept = sa.table(table, sa.column("subject_type"), sa.column("call_id"))
        of_call = sa.select(_CALLS.c.subject_type).where(_CALLS.c.call_id == kept.c.call_id).scalar_subquery()
        op.execute(sa.update(kept).values(subject_type=of_call))
        op.create_index(index, table, ["subject_type", *columns])


def downgrade() -> None:
    """Take the columns away again."""
    for table, (index, columns) in _TAKEN.items():
        op.drop_index(index, table)
        op.drop_column(table, "subject_type")
        op.create_index(index, table, columns)
    op.drop_column("cause_children", "waits_for")
    op.drop_column("decisions", "policy_digest")
