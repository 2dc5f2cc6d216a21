"""Overdue reviews of bundles are put before their owners."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "overdue_reviews",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("overdue_id", sa.String(length=64), nullable=False),
        sa.Column("subject_type", sa.String(length=20), nullable=False),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("meanwhile", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("call_id", sa.String(length=100)),
        sa.Column("not_called_because", sa.Text()),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME),
        sa.Column("closed_because", sa.Text()),
        sa.ForeignKeyConstraint(["policy_digest"], ["policy_bundles.digest"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.ForeignKeyConstraint(["call_id"], ["outgoing_calls.call_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("overdue_id"),
    )
    op.create_index("ix_overdue_reviews_open", "overdue_reviews", ["closed_at", "subject_type"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("overdue_reviews")
