"""Opens an item of the review queue for a decision that needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from features.records import Shipment
from features.vocabulary import Branch
from routing.cost import CostTable
from routing.engine import Choice
from routing.loss import Terms
from serving.db.audit import SYSTEM, audit
from serving.db.subjects import SubjectKey
from serving.db.tables import ReviewItemRow
from serving.reviews import repository
from serving.reviews.reasons import Answer, ReasonCode
from serving.reviews.repository import Closing
from serving.reviews.stakes import stake_of
from serving.scores.service import Scored


def item_id_of(decision_id: str) -> str:
    """Return the id of the item that a decision opens."""
    return decision_id.replace("dec_", "rev_", 1)


def open_item(
    session: Session,
    decision_id: str,
    choice: Choice,
    scored: Scored,
    *,
    costs: CostTable,
    now: datetime,
) -> str:
    """Open the item of a decision and return its id.

    Items of the same shipment that nobody holds are closed as superseded: one shipment waits in one place, with
    what is known now. A claimed one stays; whoever holds it answers it.
    """
    item_id = item_id_of(decision_id)
    shipment = scored.subject.shipment
    key = SubjectKey.shipment(shipment.shipment_id)
    closing = Closing(Answer.SUPERSEDED, SYSTEM, None, ReasonCode.NEWER_DECISION, f"by {item_id}")
    for superseded in repository.supersede(session, key, now=now, closing=closing):
        new = {"status": "done", "verdict": closing.verdict, "by": item_id}
        audit(session, at=now, actor=SYSTEM, action="review.superseded", subject=f"review:{superseded}", new=new)
    stake = stake_of(Terms.of(shipment), scored.score.probability, costs)
    suggested = suggested_branch(choice.payload)
    session.execute(
        insert(ReviewItemRow).values(
            item_id=item_id,
            decision_id=decision_id,
            **key.columns,
            title=_title(shipment, scored.score.probability),
            why=choice.reason_staff,
            suggested_branch=suggested.value,
            value_at_stake_minor=stake.minor,
            currency=shipment.currency,
            created_at=now,
            latest_useful_at=choice.latest_useful_at,
        )
    )
    opened = {"status": "open", "suggested_branch": suggested.value, "decision_id": decision_id}
    audit(session, at=now, actor=SYSTEM, action="review.opened", subject=f"review:{item_id}", new=opened)
    return item_id


def suggested_branch(payload: Mapping[str, object]) -> Branch:
    """Return the branch that a review's payload suggests; `none` if it suggests nothing."""
    suggestion = payload.get("suggestion")
    return Branch(str(suggestion["branch"])) if isinstance(suggestion, Mapping) else Branch.NONE


def _title(shipment: Shipment, probability: float | None) -> str:
    risk = "risk cannot be told" if probability is None else f"{probability * 100:.0f} % likely late"
    title = f"{shipment.origin} → {shipment.destination} with {shipment.carrier_id}: {risk}"
    return title if len(title) <= 300 else f"{title[:299]}…"
