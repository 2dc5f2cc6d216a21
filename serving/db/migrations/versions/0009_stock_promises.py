"""Stock that was promised to order lines is kept, so that none of it is promised twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "stock_promises",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("subject_type", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=200), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("quantity_thousandths", sa.BigInteger(), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("decision_id", "branch", "place", "sku"),
    )
    op.create_index("ix_stock_promises_sku", "stock_promises", ["sku", "promised_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("stock_promises")
