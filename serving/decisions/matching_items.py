"""Compares the items of the review queue with the decisions that opened them, and with what the audit trail notes.

What an item says is at stake, by when, and what it suggests is what people go by: the order of the queue follows from
it, and an answer carries the suggestion out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from routing.canonical import canonical_json, rfc3339
from serving.db.audit import Entry
from serving.db.tables import ReviewItemRow
from serving.reviews.asking import suggested_branch
from serving.reviews.noting import ASKED, OPENED, RESTATED

_AT_ONCE = 500
_OPEN, _CLAIMED, _DONE = "open", "claimed", "done"
_ANSWER = {"verdict": "verdict", "branch": "verdict_branch", "reason_code": "reason_code", "note": "note"}
"""What the entry of an answer tells, by the columns that hold it."""


class NotedItem:
    """What the audit trail notes of an item: what it asks, as far as that was noted, and what became of it."""

    def __init__(self) -> None:
        self.asks: dict[str, Any] = {}
        self.answer: dict[str, Any] | None = None
        self.is_opened = False
        self.held_by: str | None = None

    def note(self, entry: Entry, new: Mapping[str, Any]) -> None:
        """Take in the next entry of an item."""
        if entry.action == OPENED:
            self.is_opened = True
            self.asks |= {name: new[name] for name in ASKED if name in new}
        if "claimed_by" in new or new.get("status") == _OPEN:
            self.held_by = new.get("claimed_by")
        if new.get("status") == _DONE:
            self.answer = {_ANSWER[name]: value for name, value in new.items() if name in _ANSWER}
            self.answer["closed_by"] = entry.actor
        self.asks |= {name: new[name] for name in RESTATED if name in new}


def items_unlike(session: Session, noted: Mapping[str, NotedItem]) -> Iterator[str]:
    """Yield which items ask something else than was noted, or were answered otherwise."""
    left = dict(noted)
    row = ReviewItemRow
    columns = (*ASKED, *RESTATED, *_ANSWER.values(), "closed_by")
    asked = (row.item_id, row.status, row.claimed_by, *(getattr(row, name) for name in columns))
    found = select(*asked).order_by(row.item_id).execution_options(yield_per=_AT_ONCE)
    for item_id, status, claimed_by, *values in session.execute(found):
        label = f"review item {item_id}"
        told = left.pop(item_id, None)
        if told is None or not told.is_opened:
            yield f"{label} is not in the audit trail: inserted."
            continue
        kept = json.loads(canonical_json(dict(zip(columns, values, strict=True))))
        yield from (
            f"{label} says in its column {name} {kept[name]!r}, the audit trail {value!r}: edited."
            for name, value in told.asks.items()
            if kept[name] != value
        )
        if (status == _DONE) is not (told.answer is not None):
            yield f"{label} is {status}, the audit trail says {'open' if told.answer is None else _DONE}: edited."
        elif told.answer is not None and any(kept[name] != value for name, value in told.answer.items()):
            yield f"{label} is not answered as the audit trail noted it: edited."
        elif told.answer is None:
            yield from _waiting_unlike(label, told, status, claimed_by, kept)
    yield from (f"review item {item_id} was opened, and is gone: deleted." for item_id in left)


def _waiting_unlike(
    label: str, told: NotedItem, status: str, claimed_by: str | None, kept: Mapping[str, Any]
) -> Iterator[str]:
    """Yield whether an item that nobody answered is not with whom the trail says, or holds parts of an answer."""
    noted = (_OPEN if told.held_by is None else _CLAIMED, told.held_by)
    if (status, claimed_by) != noted:
        found, said = (state if who is None else f"{state} by {who}" for state, who in ((status, claimed_by), noted))
        yield f"{label} is {found}, the audit trail says {said}: edited."
    if any(kept[name] is not None for name in (*_ANSWER.values(), "closed_by")):
        yield f"{label} holds an answer, the audit trail none: edited."


def item_unlike(item: Any, body: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Yield name, value and sealed value of what an item says otherwise than the decision that opened it.

    Parameters
    ----------
    item
        A row with the item's columns, each named `item_<column>`.
    body
        What was sealed. The title, and what is at stake, are worked out from it, and not in it.
    """
    subject, latest = body.get("subject") or {}, item.item_latest_useful_at
    told = {
        "decision_id": (item.item_decision_id, body.get("decision_id")),
        "subject_type": (item.item_subject_type, subject.get("type")),
        "subject_id": (item.item_subject_id, subject.get("id")),
        "suggested_branch": (item.item_suggested_branch, suggested_branch(body.get("payload") or {}).value),
        "created_at": (_moment(item.item_created_at), body.get("decided_at")),
        "latest_useful_at": (_moment(latest), body.get("latest_useful_at")),
        "call_id": (item.item_call_id, None),
    }
    yield from ((name, found, sealed) for name, (found, sealed) in told.items() if found != sealed)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else rfc3339(value)
