"""Policy bundles are kept: their bytes, every step of their lives, and what one in shadow would have decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "policy_bundles",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kept_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "policy_moves",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("pack", sa.Text(), nullable=True),
        sa.Column("signs", sa.String(length=64), nullable=True),
        sa.Column("live_digest", sa.String(length=64), nullable=False),
        sa.Column("candidate_digest", sa.String(length=64), nullable=True),
        sa.Column("rollout_id", sa.String(length=64), nullable=True),
        sa.Column("share_millionths", sa.Integer(), nullable=True),
        sa.Column("shadow_digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["policy_bundles.digest"]),
        sa.ForeignKeyConstraint(["live_digest"], ["policy_bundles.digest"]),
        sa.ForeignKeyConstraint(["candidate_digest"], ["policy_bundles.digest"]),
        sa.ForeignKeyConstraint(["shadow_digest"], ["policy_bundles.digest"]),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("ix_policy_moves_bundle", "policy_moves", ["digest", "position"])
    op.create_table(
        "shadow_decisions",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("decided_at", _TIME, nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["policy_bundles.digest"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("digest", "decision_id"),
    )
    op.create_index("ix_shadow_decisions_digest", "shadow_decisions", ["digest", "position"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("shadow_decisions")
    op.drop_table("policy_moves")
    op.drop_table("policy_bundles")
