"""What went before for order lines, read once for many: their decisions, their calls, and what people settled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.effects import Effect
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.effects.moves import locked_calls
from serving.reviews.reasons import Answer
from serving.reviews.repository import CLAIMED, DONE

_SETTLED = tuple(each.value for each in (Answer.ACCEPT, Answer.OVERRIDE, Answer.DISMISS))
_NOT_DONE = (Effect.WITHDRAWN.value, Effect.COMPENSATED.value)
_AT_ONCE = 500
Name = tuple[str, str]
"""Order and line."""


@dataclass(slots=True)
class Past:
    """What went before for one line since it was last covered.

    Attributes
    ----------
    newest
        The newest decision about it, also one that found it covered.
    calls
        Those that are about it, the oldest first, but for those that undo another one; locked.
    taken
        The branches that were carried out or that a person has settled. What nobody has looked at yet is not among
        them: a newer decision takes its place.
    """

    newest: DecisionRow | None = None
    calls: list[OutgoingCallRow] = field(default_factory=list)
    taken: list[Branch] = field(default_factory=list)


def lock_calls(session: Session, keys: Sequence[SubjectKey], *, wait: bool = True) -> dict[str, list[OutgoingCallRow]]:
    """Return the calls about lines, and keep others from moving them, as `locked_calls` has it."""
    call, found = OutgoingCallRow, dict[str, list[OutgoingCallRow]]()
    for some in _parts(keys):
        own = and_(call.subject_type == SubjectType.SHORTAGE.value, call.subject_id.in_(some))
        for row in locked_calls(session, own, wait=wait):
            found.setdefault(row.subject_id, []).append(row)
    return found


def read_past(session: Session, keys: Sequence[SubjectKey], calls: dict[str, list[OutgoingCallRow]]) -> dict[str, Past]:
    """Return what went before for lines; one of which nothing is known is not among them."""
    since: dict[str, int] = {}
    past: dict[str, Past] = {}
    asked: dict[str, tuple[Past, Branch]] = {}
    for some in _parts(keys):
        own = and_(DecisionRow.subject_type == SubjectType.SHORTAGE.value, DecisionRow.subject_id.in_(some))
        for row in session.scalars(select(DecisionRow).where(own).order_by(DecisionRow.sequence.desc())):
            of_line = past.setdefault(row.subject_id, Past(row))
            if row.subject_id in since:
                continue
            body = json.loads(row.body)
            if is_covered(body):
                since[row.subject_id] = row.sequence
            elif row.branch == Branch.REVIEW:
                asked[row.decision_id] = of_line, Branch(body["recommended_branch"])
    for decision_id in _settled(session, [*asked]):
        of_line, recommended = asked[decision_id]
        of_line.taken.append(recommended)
    for name, of_line in past.items():
        of_line.calls = calls.get(name, [])
        for call in of_line.calls:
            is_since = call.sequence is not None and call.sequence >= since.get(name, 0)
            if is_since and call.effect not in _NOT_DONE:
                of_line.taken.append(Branch(call.branch))
    return past


def is_covered(body: dict[str, Any]) -> bool:
    """Tell whether a sealed decision found that nothing is to be done."""
    return bool(body["recommended_branch"] == Branch.NONE)


def lines_with_something_open(session: Session, place: str) -> Iterator[Name]:
    """Yield the lines of a place that wait before a person, or whose call has not gone out."""
    row, call, item = DecisionRow, OutgoingCallRow, ReviewItemRow
    waiting = select(item.decision_id).where(item.status != DONE, item.subject_type == SubjectType.SHORTAGE.value)
    pending = select(call.decision_id).where(call.status == "pending", call.subject_type == SubjectType.SHORTAGE.value)
    found = select(row.body).where(or_(row.decision_id.in_(waiting), row.decision_id.in_(pending)))
    for body in session.scalars(found.order_by(row.sequence)):
        facts = json.loads(body)["facts"]
        if facts["place"] == place:
            yield facts["order_id"], facts["line_id"]


def _settled(session: Session, decision_ids: Sequence[str]) -> Iterator[str]:
    """Yield the decisions whose item a person holds, or has answered."""
    item = ReviewItemRow
    settled = or_(item.status == CLAIMED, and_(item.status == DONE, item.verdict.in_(_SETTLED)))
    for first in range(0, len(decision_ids), _AT_ONCE):
        some = item.decision_id.in_(decision_ids[first : first + _AT_ONCE])
        yield from session.scalars(select(item.decision_id).where(some, item.call_id.is_(None), settled))


def _parts(keys: Sequence[SubjectKey]) -> Iterator[list[str]]:
    for first in range(0, len(keys), _AT_ONCE):
        yield sorted(key.id for key in keys[first : first + _AT_ONCE])
