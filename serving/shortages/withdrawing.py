"""A line that is covered needs nothing of what was set in motion for it: it is withdrawn, undone, or asked about.

What may itself have covered the line is not undone behind anybody's back: a transfer that is verified is why the line
is covered, and of one that is under way a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.effects import Effect
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.db.tables import OutgoingCallRow
from serving.effects.compensating import compensate, compensation_of
from serving.effects.moves import standing_of, withdraw_unsent
from serving.effects.people import put_before_person
from serving.policies.bundles import Bundles
from serving.reviews.opening import supersede, tell_holders

MAY_COVER = (Branch.EXPEDITE, Branch.SPLIT_ORDER, Branch.SUBSTITUTE, Branch.REALLOCATE)
"""Branches that bring what lacks, or change what is wanted: a line may be covered because of them."""
BECAUSE = "The line is covered now."


def withdraw(
    session: Session,
    bundles: Bundles,
    key: SubjectKey,
    calls: Iterable[OutgoingCallRow],
    *,
    decision_id: str,
    now: datetime,
) -> None:
    """Withdraw what was set in motion for a line.

    Parameters
    ----------
    calls
        Those of the line; they are locked.
    decision_id
        The decision that found it covered.
    """
    supersede(session, key, f"{BECAUSE} By {decision_id}", now=now)
    tell_holders(session, key, BECAUSE, now=now)
    for row in calls:
        _take_back(session, bundles, row, now)


def _take_back(session: Session, bundles: Bundles, row: OutgoingCallRow, now: datetime) -> None:
    effect, branch = Effect(row.effect), Branch(row.branch)
    if effect is Effect.INTENDED and row.status == "pending":
        withdraw_unsent(session, row, BECAUSE, actor=SYSTEM, now=now)
        return
    if branch is Branch.NOTIFY or not standing_of(row).is_live or effect in (Effect.COMPENSATING, Effect.WITH_PERSON):
        return
    if branch in MAY_COVER:
        if effect is not Effect.VERIFIED:
            why = f"{BECAUSE} Is it so because of {branch}, or is {branch} of no use any more?"
            put_before_person(session, row, why, actor=SYSTEM, now=now)
        return
    terms = compensation_of(session, bundles, row) if standing_of(row).can_be_undone else None
    if terms is not None:
        compensate(session, row, terms, BECAUSE, actor=SYSTEM, now=now)
    else:
        why = f"{BECAUSE} Nobody can say that {branch} is undone by itself: is it to stand?"
        put_before_person(session, row, why, actor=SYSTEM, now=now)
