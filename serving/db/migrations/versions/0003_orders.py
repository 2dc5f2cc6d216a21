"""What people order for a while: directives, and the proposals to raise a limit again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "directives",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("directive_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=True),
        sa.Column("mode", sa.String(length=30), nullable=True),
        sa.Column("everywhere", sa.Boolean(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.String(length=100), nullable=False),
        sa.Column("issued_at", _TIME, nullable=False),
        sa.Column("ended_by", sa.String(length=100), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("directive_id"),
    )
    op.create_index("ix_directives_standing", "directives", ["ended_at", "until"])

    op.create_table(
        "step_ups",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("step_up_id", sa.String(length=64), nullable=False),
        sa.Column("directive_id", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=30), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("proposed_by", sa.String(length=100), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["directive_id"], ["directives.directive_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("step_up_id"),
    )
    op.create_index("ix_step_ups_status", "step_ups", ["status", "position"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("step_ups")
    op.drop_table("directives")
