"""A bill that its carrier has cancelled needs nothing of what was set in motion against it.

What lets it pass stands: the cancellation is a credit of its own, by which the two come to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.effects import Effect
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey, about
from serving.db.tables import OutgoingCallRow
from serving.effects.moves import standing_of, withdraw_unsent
from serving.effects.people import put_before_person
from serving.reviews.opening import supersede, tell_holders

_AGAINST_IT = (Branch.SHORT_PAY.value, Branch.DISPUTE.value)


def lock_calls(
    session: Session, keys: Sequence[SubjectKey], *, wait: bool = True
) -> dict[SubjectKey, list[OutgoingCallRow]]:
    """Return the calls against bills, and keep others from moving them: calls are locked before all else.

    Parameters
    ----------
    wait
        False for whoever holds other locks already: whoever moves a call may wait for these.

    Raises
    ------
    OperationalError
        Not to `wait`, and somebody moves one (`serving.db.engine.is_taken`). The transaction is to be begun anew.
    """
    call, found = OutgoingCallRow, dict[SubjectKey, list[OutgoingCallRow]]()
    for key in keys:
        own = about(call, key), call.branch.in_(_AGAINST_IT), call.compensates.is_(None)
        statement = select(call).where(*own).order_by(call.position).with_for_update(nowait=not wait)
        found[key] = list(session.scalars(statement.execution_options(populate_existing=True)))
    return found


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
