"""The audit trail: who changed what, from what to what, in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from routing.canonical import canonical_json
from serving.db.statements import put
from serving.db.tables import AuditRow

SYSTEM = "system"
"""The actor of what the service does by itself."""


def audit(
    session: Session,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
) -> None:
    """Write one entry of the audit trail."""
    put(
        session,
        AuditRow,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        old=None if old is None else canonical_json(old),
        new=None if new is None else canonical_json(new),
    )
