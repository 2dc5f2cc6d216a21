"""What a call takes from a budget is noted for whom: a budget may be kept for each carrier apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WINDOW = "ix_budget_uses_window"
_BEFORE = ["subject_type", "budget", "used_at", "amount_millionths"]
_AFTER = ["subject_type", "budget", "key_facts", "key_digest", "used_at", "amount_millionths"]
_NAMES = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
"""As PostgreSQL names what is given no name."""


def upgrade() -> None:
    """Add the columns; everything of before is of budgets that are not kept apart."""
    op.drop_index(_WINDOW, "budget_uses")
    with op.batch_alter_table("budget_uses", naming_convention=_NAMES) as table:
        table.add_column(sa.Column("key_facts", sa.Text(), nullable=False, server_default=""))
        table.add_column(sa.Column("key_digest", sa.String(length=64), nullable=False, server_default=""))
        table.add_column(sa.Column("key_values", sa.Text(), nullable=False, server_default=""))
        table.drop_constraint("budget_uses_call_id_budget_key", type_="unique")
        table.create_unique_constraint("budget_uses_call_id_budget_key_facts_key", ["call_id", "budget", "key_facts"])
    op.create_index(_WINDOW, "budget_uses", _AFTER)


def downgrade() -> None:
    """Take the columns away again, with what was noted of budgets that are kept apart: no older bundle asks for it."""
    op.execute("DELETE FROM budget_uses WHERE key_facts <> ''")
    op.drop_index(_WINDOW, "budget_uses")
    with op.batch_alter_table("budget_uses", naming_convention=_NAMES) as table:
        table.drop_constraint("budget_uses_call_id_budget_key_facts_key", type_="unique")
        table.drop_column("key_values")
        table.drop_column("key_digest")
        table.drop_column("key_facts")
        table.create_unique_constraint("budget_uses_call_id_budget_key", ["call_id", "budget"])
    op.create_index(_WINDOW, "budget_uses", _BEFORE)
