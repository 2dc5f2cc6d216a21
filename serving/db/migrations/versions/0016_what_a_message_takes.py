"""What a message for several takes of the budgets is noted for the message, not for the call of its first case.

The message has a call of its own only once it is closed, so a use names no row of the outbox any more.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey", "uq": "%(table_name)s_%(column_0_N_name)s_key"}
"""As PostgreSQL names what is given no name."""
_REFERENCE = "budget_uses_call_id_fkey"


def upgrade() -> None:
    """Note it for the message, unless the case goes out alone by now."""
    with op.batch_alter_table("budget_uses", naming_convention=_NAMES) as table:
        table.drop_constraint(_REFERENCE, type_="foreignkey")
    op.execute(
        "UPDATE budget_uses SET call_id = (SELECT goes_with FROM outgoing_calls WHERE call_id = budget_uses.call_id) "
        "WHERE EXISTS (SELECT 1 FROM outgoing_calls WHERE call_id = budget_uses.call_id AND goes_with IS NOT NULL)"
    )


def downgrade() -> None:
    """Note it for the case that opened the message again; of one that this case has left it is forgotten."""
    opened = (
        "FROM outgoing_calls JOIN messages ON messages.call_id = outgoing_calls.goes_with "
        "AND messages.decision_id = outgoing_calls.decision_id WHERE messages.call_id = budget_uses.call_id"
    )
    op.execute(
        f"UPDATE budget_uses SET call_id = (SELECT outgoing_calls.call_id {opened}) "  # noqa: S608  all is ours
        f"WHERE EXISTS (SELECT 1 {opened})"
    )
    op.execute("DELETE FROM budget_uses WHERE call_id IN (SELECT call_id FROM messages)")
    with op.batch_alter_table("budget_uses", naming_convention=_NAMES) as table:
        table.create_foreign_key(_REFERENCE, "outgoing_calls", ["call_id"], ["call_id"])
