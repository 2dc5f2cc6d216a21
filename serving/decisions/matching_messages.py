"""Compares messages for several with the decisions that opened them.

What one says, to whom and where is written only when it is closed: whoever edits one that still waits has other words
sent, or sends them elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import canonical_json, digest, rfc3339
from routing.dispatch.envelope import call_id_for
from serving.db.messages import MessageRow

_AT_ONCE = 500
_BRANCHES = frozenset(Branch)


class Opened(NamedTuple):
    """A message as the decision that opened it has it; `target` is that of the decision's own call."""

    decision_id: str
    subject_type: str
    subject_id: str
    branch: str
    by: str
    by_digest: str
    opened_at: str
    target: str | None


def opened_by(body: Mapping[str, Any], target: str | None) -> tuple[str, Opened] | None:
    """Return the message that a sealed decision opened, by the id of its call; None if it opened none."""
    together, branch, subject = body.get("together"), body.get("branch"), body.get("subject")
    if not isinstance(together, dict) or not isinstance(subject, dict) or branch not in _BRANCHES:
        return None  # most are told alone; what is no decision any more is found otherwise
    if together.get("joins") is not None:
        return None
    decision_id, by = str(body.get("decision_id")), together.get("by")
    subject_id = f"msg_{decision_id.removeprefix('dec_')}"
    return call_id_for(subject_id, Branch(branch)), Opened(
        decision_id=decision_id,
        subject_type=str(subject.get("type")),
        subject_id=subject_id,
        branch=branch,
        by=canonical_json(by),
        by_digest=digest(by),
        opened_at=str(body.get("decided_at")),
        target=target,
    )


def messages_unlike(session: Session, opened: Mapping[str, Opened]) -> Iterator[str]:
    """Yield which messages are not as they were opened."""
    left = dict(opened)
    found = select(MessageRow).order_by(MessageRow.call_id).execution_options(yield_per=_AT_ONCE)
    for row in session.scalars(found):
        told = left.pop(row.call_id, None)
        if told is None:
            yield f"message {row.call_id} was opened by no decision: inserted."
            continue
        for name, value in told._asdict().items():
            kept = getattr(row, name)
            if (rfc3339(kept) if name == "opened_at" else kept) != value:
                yield f"message {row.call_id} says in its column {name} {str(kept)!r}, {value!r} was sealed: edited."
    yield from (f"message {call_id} was opened, and is gone: deleted." for call_id in left)
