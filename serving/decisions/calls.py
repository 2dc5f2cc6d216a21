"""Outgoing calls: rows of the outbox, written in the transaction of whoever decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import digest
from routing.dispatch.envelope import BranchCall, call_id_for, envelope
from serving.db.audit import audit
from serving.db.statements import put
from serving.db.subjects import SubjectKey
from serving.db.tables import OutgoingCallRow
from serving.decisions.acting import Action
from serving.messages.turns import JOINED

ENQUEUED = "call.enqueued"
"""The audit action that notes what a call is."""
FIXED = (
    "call_id", "decision_id", "subject_type", "subject_id", "branch", "target", "sequence", "body", "created_at",
    "latest_useful_at", "confirm_seconds", "compensates",
)  # fmt: skip
"""The columns of a call that never change."""


def enqueue(
    session: Session,
    action: Action,
    *,
    decision_id: str,
    key: SubjectKey,
    target: str,
    sequence: int,
    now: datetime,
    actor: str,
    verify_within: timedelta | None = None,
    step: int = 1,
    cause_id: str | None = None,
    goes_with: str | None = None,
) -> str:
    """Put the call of a decision's branch into the outbox and return its id. `sequence` is the newest decision.

    Its effect is to be confirmed `verify_within` its being accepted; None if nobody waits for that.

    The id follows from decision, branch and step, and the database holds it once: deciding twice fails, and sends
    nothing. The call of a cause that it declares has its id from the cause, so that it stands beside the decision's
    own. One that `goes_with` a message waits for it, and is not sent by itself.
    """
    latest = _useful_until(action)
    status = "pending" if goes_with is None else JOINED
    call_id = call_id_for(cause_id or decision_id, action.branch, step=step)
    call = BranchCall(
        call_id=call_id,
        decision_id=decision_id,
        subject_id=key.id,
        subject_type=key.type,
        branch=action.branch,
        decided_at=now,
        payload=action.payload,
        latest_useful_at=latest,
    )
    columns: dict[str, object] = {
        "call_id": call_id,
        "decision_id": decision_id,
        **key.columns,
        "branch": action.branch.value,
        "target": target,
        "sequence": sequence,
        "body": envelope(call),
        "status": status,
        "created_at": now,
        "next_attempt_at": now,
        "latest_useful_at": latest,
        "confirm_seconds": None if verify_within is None else round(verify_within.total_seconds()),
        "goes_with": goes_with,
    }
    put(session, OutgoingCallRow, **columns)
    note_enqueued(session, columns, actor=actor, now=now)
    return call_id


def note_enqueued(session: Session, columns: Mapping[str, object], *, actor: str, now: datetime) -> None:
    """Write into the audit trail that a call was enqueued, with the seal over what never changes of it."""
    new = {"branch": columns["branch"], "target": columns["target"], "status": columns["status"]}
    new["seal"] = seal_of(columns)
    new |= {name: columns[name] for name in ("compensates", "gathers") if columns.get(name) is not None}
    audit(session, at=now, actor=actor, action=ENQUEUED, subject=f"call:{columns['call_id']}", new=new)


def seal_of(columns: Mapping[str, object]) -> str:
    """Return the digest of what never changes of a call; a column that is not given is empty."""
    return digest([columns.get(name) for name in FIXED])


def _useful_until(action: Action) -> datetime | None:
    """Return until when the call of an action is of use: a window for tenders that has closed asks nobody."""
    window = action.payload.get("tender_window") if action.branch is Branch.REBOOK else None
    if not isinstance(window, Mapping):
        return action.latest_useful_at
    closes_at = datetime.fromisoformat(str(window["closes_at"]))
    return closes_at if action.latest_useful_at is None else min(closes_at, action.latest_useful_at)


def is_called(branch: Branch) -> bool:
    """Tell whether a branch asks the orchestrator for something."""
    return branch not in (Branch.NONE, Branch.REVIEW)
