"""The order of calls among the decisions stands with the call; decisions are found by their time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Move the sequence from what calls took to the calls; for those of before, take that of their decision."""
    op.add_column("outgoing_calls", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE outgoing_calls SET sequence = (SELECT decisions.sequence FROM decisions "
        "WHERE decisions.decision_id = outgoing_calls.decision_id)"
    )
    op.drop_column("budget_uses", "sequence")
    op.drop_column("branch_takings", "sequence")
    op.create_index("ix_decisions_decided_at", "decisions", ["decided_at"])


def downgrade() -> None:
    """Move it back."""
    op.drop_index("ix_decisions_decided_at", "decisions")
    for table in ("branch_takings", "budget_uses"):
        op.add_column(table, sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="0"))
        op.execute(
            f"UPDATE {table} SET sequence = (SELECT outgoing_calls.sequence FROM outgoing_calls "  # noqa: S608  ours
            f"WHERE outgoing_calls.call_id = {table}.call_id)"
        )
    op.drop_column("outgoing_calls", "sequence")
