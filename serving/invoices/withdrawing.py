"""A bill that its carrier has cancelled needs nothing of what was set in motion against it.

What lets it pass stands: the cancellation is a credit of its own, by which the two come to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.effects import Effect
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey, about
from serving.db.tables import OutgoingCallRow
from serving.effects.moves import locked_calls, standing_of, withdraw_unsent
from serving.effects.people import put_before_person
from serving.reviews.opening import supersede, tell_holders

_AGAINST_IT = (Branch.SHORT_PAY.value, Branch.DISPUTE.value)


def lock_calls(
    session: Session, keys: Sequence[SubjectKey], *, wait: bool = True
) -> dict[SubjectKey, Sequence[OutgoingCallRow]]:
    """Return the calls against bills, and keep others from moving them, as `locked_calls` has it."""
    against = OutgoingCallRow.branch.in_(_AGAINST_IT)
    return {key: locked_calls(session, and_(about(OutgoingCallRow, key), against), wait=wait) for key in keys}


def withdraw(
    session: Session,
    key: SubjectKey,
    calls: Iterable[OutgoingCallRow],
    because: str,
    *,
    decision_id: str,
    now: datetime,
) -> None:
    """Close what asks about a bill, and withdraw what was set in motion against it, or ask whether it is to stand.

    Parameters
    ----------
    calls
        Those of `lock_calls`.
    decision_id
        The decision about the cancellation.
    """
    supersede(session, key, f"{because} By {decision_id}", now=now)
    tell_holders(session, key, because, now=now)
    for row in calls:
        effect = Effect(row.effect)
        if effect is Effect.INTENDED and row.status == "pending":
            withdraw_unsent(session, row, because, actor=SYSTEM, now=now)
        elif standing_of(row).is_live and effect not in (Effect.COMPENSATING, Effect.WITH_PERSON):
            why = f"{because} Is {row.branch} to stand?"
            put_before_person(session, row, why, actor=SYSTEM, now=now)
