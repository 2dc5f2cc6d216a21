"""What became of calls: the state of each effect, what was reported of it, and the items that ask a person about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)
_COLUMNS = (
    ("effect_at", _TIME),
    ("effect_because", sa.Text()),
    ("outcome", sa.String(length=20)),
    ("reference", sa.String(length=200)),
    ("confirm_seconds", sa.BigInteger()),
    ("confirm_by", _TIME),
    ("ask_at", _TIME),
    ("compensates", sa.String(length=100)),
)
_EFFECT_OF_STATUS = (
    "UPDATE outgoing_calls SET effect = CASE "
    "WHEN status = 'delivered' THEN 'accepted' "
    "WHEN status = 'dead' THEN 'with_person' "
    "WHEN status = 'dismissed' THEN 'withdrawn' "
    "WHEN status = 'expired' AND attempts = 0 THEN 'withdrawn' "
    "WHEN status = 'expired' THEN 'unverified' "
    "WHEN attempts > 0 THEN 'sent' ELSE 'intended' END"
)


def upgrade() -> None:
    """Add the columns and the table; of the calls of before, no confirmation is waited for."""
    op.add_column(
        "outgoing_calls", sa.Column("effect", sa.String(length=20), nullable=False, server_default="intended")
    )
    for name, kind in _COLUMNS:
        op.add_column("outgoing_calls", sa.Column(name, kind, nullable=True))
    op.execute(_EFFECT_OF_STATUS)
    op.create_index("ix_outgoing_calls_effect", "outgoing_calls", ["effect", "confirm_by"])
    op.create_index("ix_outgoing_calls_compensates", "outgoing_calls", ["compensates"], unique=True)
    op.add_column("review_items", sa.Column("call_id", sa.String(length=100), nullable=True))
    op.create_index("ix_review_items_call", "review_items", ["call_id"])
    op.create_table(
        "outcomes",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("call_id", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("reported_at", _TIME, nullable=False),
        sa.Column("reported_by", sa.String(length=100), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reception", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["outgoing_calls.call_id"]),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("ix_outcomes_call", "outcomes", ["call_id", "position"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("outcomes")
    op.drop_index("ix_review_items_call", "review_items")
    op.drop_column("review_items", "call_id")
    op.drop_index("ix_outgoing_calls_compensates", "outgoing_calls")
    op.drop_index("ix_outgoing_calls_effect", "outgoing_calls")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("outgoing_calls", name)
    op.drop_column("outgoing_calls", "effect")
