"""Compares the orders of people with what the audit trail notes: directives, and the steps up of limits.

What is held back, left out or let act by itself follows from these tables alone. Whoever edits, deletes or inserts a
row of them changes what is decided and sent, though every decision seals truly what it found there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from routing.canonical import canonical_json, digest
from serving.db.audit import Entry
from serving.db.base import Base
from serving.db.orders import DirectiveRow, StepUpRow

ABOUT = "subject_type"
"""In the entry of a directive, beside the directive itself: the type of subject that it is about."""
REASON = "reason"
"""In the entry of a proposal, beside the evidence: why it is proposed."""
KINDS = ("directive", "step_up")
"""What entries about orders begin their subject with."""
_AT_ONCE = 500


def orders_unlike(session: Session, noted: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    """Yield which directives and steps up are not as the audit trail notes them.

    Parameters
    ----------
    noted
        The entries about each, in their order, by their subject, e.g. `directive:dir_…`.
    """
    left = dict(noted)
    directives, step_ups = DirectiveRow, StepUpRow
    asked = select(directives).order_by(directives.position)
    for directive in session.scalars(asked.execution_options(yield_per=_AT_ONCE)):
        entries = left.pop(f"directive:{directive.directive_id}", ())
        yield from _unlike(f"directive {directive.directive_id}", directive, [_directive(entry) for entry in entries])
    proposed = select(step_ups).order_by(step_ups.position)
    for step_up in session.scalars(proposed.execution_options(yield_per=_AT_ONCE)):
        entries = left.pop(f"step_up:{step_up.step_up_id}", ())
        yield from _unlike(f"step up {step_up.step_up_id}", step_up, [_step_up(entry) for entry in entries])
    yield from (f"{subject.replace(':', ' ', 1)} is in the audit trail, and is gone: deleted." for subject in left)


def _unlike(label: str, row: Base, told: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Hold the columns of a row against what was noted of it, the later of which stands."""
    if not told:
        yield f"{label} is not in the audit trail: inserted."
        return
    noted: dict[str, object] = {}
    for each in told:
        noted |= each
    for name, value in noted.items():
        found = getattr(row, name)
        if found != value:
            yield f"{label} says in its column {name} {_written(found)}, the audit trail {_written(value)}: edited."


def _directive(entry: Entry) -> dict[str, object]:
    """Return what columns of a directive an entry tells."""
    new = _read(entry)
    if entry.action != "directive.issued":
        return {"ended_by": entry.actor, "ended_at": entry.at, "ended_because": new.get("because")}
    body = {name: value for name, value in new.items() if name != ABOUT}
    told: dict[str, object] = {
        "body": canonical_json(body),
        "kind": body.get("kind"),
        "branch": body.get("branch"),
        "mode": body.get("mode"),
        "everywhere": not body.get("where"),
        "since": _moment(body.get("since")),
        "until": _moment(body.get("until")),
        "issued_by": entry.actor,
        "issued_at": entry.at,
        **dict.fromkeys(("ended_by", "ended_at", "ended_because")),
    }
    return told | ({ABOUT: new[ABOUT]} if ABOUT in new else {})


def _step_up(entry: Entry) -> dict[str, object]:
    """Return what columns of a proposal an entry tells."""
    new = _read(entry)
    if entry.action != "step_up.proposed":
        status, note = entry.action.removeprefix("step_up."), new.get("reason")
        told = {"status": status, "decided_by": entry.actor, "decided_at": entry.at, "note": note}
        return told | ({"digest": new["signed"]} if "signed" in new else {})
    pack = {name: value for name, value in new.items() if name != REASON}
    limit = pack.get("limit") or {}
    told = {
        "directive_id": limit.get("id"),
        "mode": pack.get("mode"),
        "evidence": canonical_json(pack),
        "digest": digest(pack),
        "proposed_by": entry.actor,
        "proposed_at": entry.at,
        "status": "proposed",
        **dict.fromkeys(("decided_by", "decided_at", "note")),
    }
    return told | ({REASON: new[REASON]} if REASON in new else {})


def _read(entry: Entry) -> dict[str, Any]:
    found = json.loads(entry.new or "{}")
    return found if isinstance(found, dict) else {}


def _moment(written: object) -> datetime | None:
    return datetime.fromisoformat(written) if isinstance(written, str) else None


def _written(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
