"""The audit trail is a chain, and what was noted of a call that was let out seals what never changes of it.

What is there is sealed as it is found: what was done to it before cannot be told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_ENQUEUED = "call.enqueued"
_TIME = sa.DateTime(timezone=True)
_TRAIL = sa.table(
    "audit_log",
    sa.column("position", sa.BigInteger),
    sa.column("at", _TIME),
    *(sa.column(name, sa.Text) for name in ("actor", "action", "subject", "old", "new", "hash")),
)
_CALLS = sa.table(
    "outgoing_calls",
    sa.column("call_id", sa.Text),
    sa.column("decision_id", sa.Text),
    sa.column("subject_type", sa.Text),
    sa.column("subject_id", sa.Text),
    sa.column("branch", sa.Text),
    sa.column("target", sa.Text),
    sa.column("sequence", sa.BigInteger),
    sa.column("body", sa.Text),
    sa.column("created_at", _TIME),
    sa.column("latest_useful_at", _TIME),
    sa.column("confirm_seconds", sa.BigInteger),
    sa.column("compensates", sa.Text),
)


def upgrade() -> None:
    """Add the hash, number the entries without gaps, seal the calls, and chain it all."""
    op.add_column("audit_log", sa.Column("hash", sa.String(length=64)))
    connection = op.get_bind()
    previous, number, last = "0" * 64, 0, 0
    while rows := _next(connection, last):
        seals, changes = _seals(connection, rows), []
        for row in rows:
            number, last = number + 1, row.position
            seal = seals.get(row.subject) if row.action == _ENQUEUED else None
            new = row.new if seal is None else _json({**json.loads(row.new), "seal": seal})
            told = _json([_rfc3339(row.at), row.actor, row.action, row.subject, row.old, new])
            previous = hashlib.sha256(f"{previous}\n{number}\n{told}".encode("ascii")).hexdigest()
            changes.append({"was": row.position, "position": number, "new": new, "hash": previous})
        connection.execute(sa.update(_TRAIL).where(_TRAIL.c.position == sa.bindparam("was")), changes)
    with op.batch_alter_table("audit_log") as table:
        table.alter_column("hash", nullable=False)


def downgrade() -> None:
    """Take the hashes away again; seals and numbers stay."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("SELECT setval('audit_log_position_seq', coalesce(max(position), 0) + 1, false) FROM audit_log")
    op.drop_column("audit_log", "hash")


def _next(connection: sa.Connection, last: int) -> Sequence[sa.Row[Any]]:
    rows = sa.select(_TRAIL).where(_TRAIL.c.position > last).order_by(_TRAIL.c.position).limit(_AT_ONCE)
    return connection.execute(rows).all()


def _seals(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> dict[str, str]:
    """Return the seals of the calls that entries tell of, by the subjects of the entries."""
    named = [row.subject.removeprefix("call:") for row in rows if row.action == _ENQUEUED]
    calls = connection.execute(sa.select(_CALLS).where(_CALLS.c.call_id.in_(named)))
    return {f"call:{row.call_id}": _seal(row) for row in calls}


def _seal(row: sa.Row[Any]) -> str:
    told = [_rfc3339(value) if isinstance(value, datetime) else value for value in row]
    return hashlib.sha256(_json(told).encode("ascii")).hexdigest()


def _rfc3339(moment: datetime) -> str:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
