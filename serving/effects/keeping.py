"""Keeping what was reported of a call, with an entry of the audit trail that says the same: none is changed unseen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from routing.effects import Reception, Report
from serving.db.audit import audit
from serving.db.tables import OutcomeRow

KEPT = "outcome.kept"
"""The entry of a report, whose subject is `outcome:` and its position."""
COLUMNS = ("call_id", "outcome", "occurred_at", "reported_at", "reported_by", "reference", "reason", "reception")
"""What an entry tells of a report: all there is of it."""


def keep(session: Session, call_id: str, report: Report, reception: Reception, *, actor: str, now: datetime) -> None:
    """Keep a report of a call, as it was taken."""
    columns: Mapping[str, object] = {
        "call_id": call_id,
        "outcome": report.outcome.value,
        "occurred_at": report.occurred_at,
        "reported_at": now,
        "reported_by": actor,
        "reference": report.reference,
        "reason": report.reason,
        "reception": reception.value,
    }
    position = session.scalar(insert(OutcomeRow).values(columns).returning(OutcomeRow.position))
    audit(session, at=now, actor=actor, action=KEPT, subject=f"outcome:{position}", new=columns)
