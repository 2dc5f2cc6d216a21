"""One message for several cases: it waits for more, and the calls of those that joined it go with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from serving.db.base import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and to calls with which one each goes, and how many go with it."""
    op.create_table(
        "messages",
        sa.Column("call_id", sa.String(length=100), nullable=False),
        sa.Column("subject_type", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.String(length=200), nullable=False),
        sa.Column("branch", sa.String(length=20), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_digest", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("opened_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("sends_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("closed_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("closed_because", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"]),
        sa.PrimaryKeyConstraint("call_id"),
    )
    op.create_index("ix_messages_due", "messages", ["closed_at", "sends_at"])
    op.create_index("ix_messages_waiting", "messages", ["subject_type", "branch", "by_digest", "closed_at"])
    op.add_column("outgoing_calls", sa.Column("goes_with", sa.String(length=100), nullable=True))
    op.add_column("outgoing_calls", sa.Column("gathers", sa.Integer(), nullable=True))
    op.create_index("ix_outgoing_calls_goes_with", "outgoing_calls", ["goes_with"])


def downgrade() -> None:
    """Take it away again; what waits to go with others goes alone, what went with a message is as that one is."""
    op.execute("UPDATE outgoing_calls SET status = 'pending' WHERE status = 'joined'")
    op.execute("UPDATE outgoing_calls SET status = 'dismissed' WHERE status = 'gathered'")
    op.drop_index("ix_outgoing_calls_goes_with", "outgoing_calls")
    op.drop_column("outgoing_calls", "gathers")
    op.drop_column("outgoing_calls", "goes_with")
    op.drop_index("ix_messages_waiting", "messages")
    op.drop_index("ix_messages_due", "messages")
    op.drop_table("messages")
