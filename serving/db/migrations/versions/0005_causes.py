"""Common causes: looks, causes, and the cases they hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "looks",
        sa.Column("playbook", sa.String(length=200), nullable=False),
        sa.Column("shipment_id", sa.String(length=200), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("looked_at", _TIME, nullable=False),
        sa.Column("shows", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("playbook", "shipment_id"),
    )
    op.create_index("ix_looks_scope", "looks", ["playbook", "key", "looked_at", "shows"])

    op.create_table(
        "causes",
        sa.Column("position", _KEY, autoincrement=True, nullable=False),
        sa.Column("cause_id", sa.String(length=64), nullable=False),
        sa.Column("playbook", sa.String(length=200), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("runbook", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("answer_by", _TIME, nullable=False),
        sa.Column("call_id", sa.String(length=100), nullable=True),
        sa.Column("not_called_because", sa.Text(), nullable=True),
        sa.Column("declared_at", _TIME, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("confirmed_by", sa.String(length=100), nullable=True),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.String(length=100), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.Column("rests_until", _TIME, nullable=True),
        sa.Column("drained_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["call_id"], ["outgoing_calls.call_id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("cause_id"),
    )
    op.create_index("ix_causes_scope", "causes", ["playbook", "key", "position"])
    op.create_index("ix_causes_open", "causes", ["drained_at", "position"])

    op.create_table(
        "cause_children",
        sa.Column("cause_id", sa.String(length=64), nullable=False),
        sa.Column("shipment_id", sa.String(length=200), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("held_at", _TIME, nullable=False),
        sa.Column("looked_at", _TIME, nullable=False),
        sa.Column("value_at_stake_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("latest_useful_at", _TIME, nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("settled_decision_id", sa.String(length=64), nullable=True),
        sa.Column("settled_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["cause_id"], ["causes.cause_id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.ForeignKeyConstraint(["settled_decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("cause_id", "shipment_id"),
    )
    op.create_index("ix_cause_children_status", "cause_children", ["cause_id", "status", "settled_at"])
    op.create_index("ix_cause_children_shipment", "cause_children", ["shipment_id", "status"])


def downgrade() -> None:
    """Drop them."""
    for table in ("cause_children", "causes", "looks"):
        op.drop_table(table)
