"""What the audit trail notes of an item as it is opened: all that it asks, so that no edit of that goes unseen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from serving.db.audit import audit

OPENED = "review.opened"
ASKED = (
    *("decision_id", "call_id", "subject_type", "subject_id", "title", "suggested_branch", "currency"),
    *("created_at", "latest_useful_at"),
)
"""What never changes of an item."""
RESTATED = ("why", "value_at_stake_minor")
"""What an item says anew as more becomes known; each time the trail notes what stands."""


def note_opened(session: Session, columns: Mapping[str, object], *, actor: str, now: datetime) -> None:
    """Write into the audit trail that an item was opened, with what it asks; a column that is not given is empty."""
    told = {name: columns.get(name) for name in (*ASKED, *RESTATED)}
    new = {"status": "open", **told}
    audit(session, at=now, actor=actor, action=OPENED, subject=f"review:{columns['item_id']}", new=new)
