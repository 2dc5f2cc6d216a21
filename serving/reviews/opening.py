"""Opens an item of the review queue for a decision that needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from features.records import Shipment
from features.vocabulary import Branch
from routing.canonical import rfc3339
from routing.cost import CostTable
from routing.engine import Choice
from routing.loss import Terms
from serving.db.audit import SYSTEM, audit
from serving.db.statements import put
from serving.db.subjects import SubjectKey
from serving.db.tables import ReviewItemRow
from serving.reviews import repository
from serving.reviews.asking import item_id_of, suggested_branch
from serving.reviews.noting import note_opened
from serving.reviews.reasons import Answer, ReasonCode
from serving.reviews.repository import Closing
from serving.reviews.stakes import stake_of
from serving.scores.service import Scored

_ANEW = "Judged anew at "
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What an item is about: its subject, a title, and what is expected to be lost if nobody acts, in minor units."""

    key: SubjectKey
    title: str
    stake_minor: int
    currency: str | None

    @property
    def short_title(self) -> str:
        """The title as it is kept: at most 300 characters."""
        return self.title if len(self.title) <= _LONGEST else f"{self.title[: _LONGEST - 1]}…"


def shipment_matter(scored: Scored, costs: CostTable) -> Matter:
    """Return what an item about a shipment is about."""
    shipment, probability = scored.subject.shipment, scored.score.probability
    return Matter(
        key=SubjectKey.shipment(shipment.shipment_id),
        title=_title(shipment, probability),
        stake_minor=stake_of(Terms.of(shipment), probability, costs).minor,
        currency=shipment.currency,
    )


def open_item(session: Session, decision_id: str, choice: Choice, matter: Matter) -> str:
    """Open the item of a decision and return its id.

    Items of the same subject that nobody holds are closed as superseded: one subject waits in one place, with what is
    known now. A claimed one stays; whoever holds it answers it.
    """
    item_id, now = item_id_of(decision_id), choice.decided_at
    supersede(session, matter.key, f"by {item_id}", now=now)
    columns: dict[str, object] = {
        "item_id": item_id,
        "decision_id": decision_id,
        **matter.key.columns,
        "title": matter.short_title,
        "why": choice.reason_staff,
        "suggested_branch": suggested_branch(choice.payload).value,
        "value_at_stake_minor": matter.stake_minor,
        "currency": matter.currency,
        "created_at": now,
        "latest_useful_at": choice.latest_useful_at,
    }
    put(session, ReviewItemRow, **columns)
    note_opened(session, columns, actor=SYSTEM, now=now)
    return item_id


def supersede(session: Session, key: SubjectKey, note: str, *, now: datetime) -> None:
    """Close the items of a subject that nobody holds, as a newer decision stands in their place."""
    closing = Closing(Answer.SUPERSEDED, SYSTEM, None, ReasonCode.NEWER_DECISION, note)
    for item_id in repository.supersede(session, key, now=now, closing=closing):
        new = {"status": "done", "verdict": closing.verdict, "note": note}
        audit(session, at=now, actor=SYSTEM, action="review.superseded", subject=f"review:{item_id}", new=new)


def tell_holders(session: Session, key: SubjectKey, news: str, *, now: datetime) -> None:
    """Write what is new about a subject to its items that somebody holds: they are theirs to answer."""
    for item_id, why in repository.say_too(session, key, news):
        new = {"because": news, "why": why}
        audit(session, at=now, actor=SYSTEM, action="review.added_to", subject=f"review:{item_id}", new=new)


def tell_anew(session: Session, decision_id: str, choice: Choice, matter: Matter) -> None:
    """Tell whoever is asked about a subject what a newer decision comes to; it asks nobody, as somebody is asked.

    The item goes on asking what it asked: what it suggests rests on the decision that opened it. What is at stake is
    what is known now.
    """
    now, said = choice.decided_at, choice.reason_staff.partition(" Nothing is done:")[0]
    would = "" if choice.recommended_branch is Branch.NONE else f" It would now go to {choice.recommended_branch}."
    told = f"{_ANEW}{rfc3339(now)}: {said}{would}"
    for item_id, why, stake in repository.open_about(session, matter.key):
        whole = f"{why.partition(_ANEW)[0].rstrip()} {told}"
        session.execute(
            update(ReviewItemRow)
            .where(ReviewItemRow.item_id == item_id)
            .values(why=whole, value_at_stake_minor=matter.stake_minor),
            execution_options={"synchronize_session": False},
        )
        old = {"value_at_stake_minor": stake}
        stands = {"why": whole, "value_at_stake_minor": matter.stake_minor}
        new = {"because": told, "decision_id": decision_id, **stands}
        audit(session, at=now, actor=SYSTEM, action="review.added_to", subject=f"review:{item_id}", old=old, new=new)


def _title(shipment: Shipment, probability: float | None) -> str:
    risk = "risk cannot be told" if probability is None else f"{probability * 100:.0f} % likely late"
    return f"{shipment.origin} → {shipment.destination} with {shipment.carrier_id}: {risk}"
