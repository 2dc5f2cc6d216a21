"""The audit trail notes every report of what became of a call.

Those that are there are noted as they are found: what was done to them before cannot be told. One that is noted
already, since this has run on the database before, is not noted again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_KEPT = "outcome.kept"
_TIME = sa.DateTime(timezone=True)
_COLUMNS = ("call_id", "outcome", "reported_by", "reference", "reason", "reception")
_OUTCOMES = sa.table(
    "outcomes",
    sa.column("position", sa.BigInteger),
    *(sa.column(name, sa.Text) for name in _COLUMNS),
    *(sa.column(name, _TIME) for name in ("occurred_at", "reported_at")),
)
_TRAIL = sa.table(
    "audit_log",
    sa.column("position", sa.BigInteger),
    sa.column("at", _TIME),
    *(sa.column(name, sa.Text) for name in ("actor", "action", "subject", "old", "new", "hash")),
)


def upgrade() -> None:
    """Note them one after the other at the end of the trail, each at the time of the newest entry."""
    connection = op.get_bind()
    newest = sa.select(_TRAIL.c.position, _TRAIL.c.hash, _TRAIL.c.at).order_by(_TRAIL.c.position.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    number, previous, at = (0, "0" * 64, None) if last is None else last
    noted = set(connection.scalars(sa.select(_TRAIL.c.subject).where(_TRAIL.c.action == _KEPT)))
    done = 0
    while rows := _next(connection, done):
        entries = []
        for row in rows:
            done, subject = row.position, f"outcome:{row.position}"
            if subject in noted:
                continue
            number += 1
            told = {"at": at or row.reported_at, "actor": "system", "action": _KEPT}
            told |= {"subject": subject, "old": None, "new": _json(_told(row))}
            chained = _json([_rfc3339(told["at"]), *list(told.values())[1:]])
            previous = hashlib.sha256(f"{previous}\n{number}\n{chained}".encode("ascii")).hexdigest()
            entries.append({"position": number, **told, "hash": previous})
        if entries:
            connection.execute(sa.insert(_TRAIL), entries)


def downgrade() -> None:
    """Leave the trail as it is: an earlier release passes over entries that it does not know."""


def _next(connection: sa.Connection, done: int) -> Sequence[sa.Row[Any]]:
    rows = sa.select(_OUTCOMES).where(_OUTCOMES.c.position > done).order_by(_OUTCOMES.c.position).limit(_AT_ONCE)
    return connection.execute(rows).all()


def _told(row: sa.Row[Any]) -> dict[str, object]:
    times = {name: _rfc3339(getattr(row, name)) for name in ("occurred_at", "reported_at")}
    return {name: getattr(row, name) for name in _COLUMNS} | times


def _rfc3339(moment: datetime) -> str:
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
