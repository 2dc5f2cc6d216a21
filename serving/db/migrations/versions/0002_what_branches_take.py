"""What branches take: from budgets, and for whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and the index by which calls made before are found."""
    op.create_index("ix_outgoing_calls_branch", "outgoing_calls", ["branch", "created_at"])

    op.create_table(
        "budget_uses",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("used_at", _TIME, nullable=False),
        sa.Column("amount_millionths", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.String(length=100), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["outgoing_calls.call_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("call_id", "budget"),
    )
    op.create_index("ix_budget_uses_window", "budget_uses", ["budget", "used_at", "amount_millionths"])

    op.create_table(
        "branch_takings",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("key_fact", sa.Text(), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("taken_at", _TIME, nullable=False),
        sa.Column("call_id", sa.String(length=100), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["outgoing_calls.call_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("call_id", "key_fact"),
    )
    op.create_index("ix_branch_takings_last", "branch_takings", ["branch", "key_fact", "key_digest", "taken_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("branch_takings")
    op.drop_table("budget_uses")
    op.drop_index("ix_outgoing_calls_branch", "outgoing_calls")
