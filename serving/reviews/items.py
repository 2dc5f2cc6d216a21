"""An item of the queue as it stands at a time, and its place in the order."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from features.vocabulary import Branch, SubjectType
from routing.policy import Policy
from routing.priority import (
    LEAST_MINUTES,
    Kind,
    Matter,
    Place,
    Rank,
    Saving,
    late_shipment,
    savings,
    worth_of,
)
from serving.db.subjects import SubjectKey
from serving.db.tables import ReviewItemRow
from serving.errors import CursorError
from serving.reviews.reasons import Answer, ReasonCode
from serving.reviews.repository import CLAIMED, DONE, OPEN, Rates

_KINDS = {
    SubjectType.SHIPMENT: Kind.LATE_SHIPMENT,
    SubjectType.INVOICE: Kind.INVOICE,
    SubjectType.SHORTAGE: Kind.SHORTAGE,
}
NOTHING_SAVED = Saving(0.0, LEAST_MINUTES)
"""Of a suggestion that the bundle in force does not have any more."""


Savings = Mapping[SubjectType, Mapping[Branch, Saving]]
"""What each suggestion can save, by the live bundle of its type of subject."""


def savings_by(live: Mapping[SubjectType, Policy]) -> Savings:
    """Return what each suggestion can save."""
    return {subject: savings(policy) for subject, policy in live.items()}


def rates_of(found: Savings) -> Rates:
    """Return what each suggestion saves a minute."""
    return {
        (subject.value, branch.value): saving.millionths_per_minute
        for subject, by_branch in found.items()
        for branch, saving in by_branch.items()
    }


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `status` is as of the time it was read: a claim that ran out is open again."""

    item_id: str
    decision_id: str
    key: SubjectKey
    title: str
    why: str
    suggested_branch: Branch
    value_at_stake_minor: int
    saving: Saving
    currency: str | None
    created_at: datetime
    latest_useful_at: datetime | None
    too_late: bool
    status: str
    claimed_by: str | None
    claim_expires_at: datetime | None
    verdict: Answer | None
    verdict_branch: Branch | None
    reason_code: ReasonCode | None
    note: str | None
    closed_by: str | None
    closed_at: datetime | None
    call_id: str | None

    @property
    def shipment_id(self) -> str | None:
        """The shipment, if it is about one."""
        return self.key.id if self.key.type is SubjectType.SHIPMENT else None

    @property
    def matter(self) -> Matter:
        """What its place in the queue follows from; the risk is in what is at stake."""
        matter = late_shipment(
            loss_minor=self.value_at_stake_minor, probability=1.0, saving=self.saving, is_too_late=self.too_late
        )
        return replace(matter, kind=_KINDS[self.key.type])

    @classmethod
    def of(cls, row: ReviewItemRow, now: datetime, found: Savings) -> Item:
        """Read a row as of `now`, with what its suggestion can save."""
        held = _is_held(row, now)
        return cls(
            item_id=row.item_id,
            decision_id=row.decision_id,
            key=row.key,
            title=row.title,
            why=row.why,
            suggested_branch=Branch(row.suggested_branch),
            value_at_stake_minor=row.value_at_stake_minor,
            saving=found.get(row.key.type, {}).get(Branch(row.suggested_branch), NOTHING_SAVED),
            currency=row.currency,
            created_at=row.created_at,
            latest_useful_at=row.latest_useful_at,
            too_late=row.latest_useful_at is not None and row.latest_useful_at <= now,
            status=DONE if row.status == DONE else CLAIMED if held else OPEN,
            claimed_by=row.claimed_by if held or row.status == DONE else None,
            claim_expires_at=row.claim_expires_at if held else None,
            verdict=None if row.verdict is None else Answer(row.verdict),
            verdict_branch=None if row.verdict_branch is None else Branch(row.verdict_branch),
            reason_code=None if row.reason_code is None else ReasonCode(row.reason_code),
            note=row.note,
            closed_by=row.closed_by,
            closed_at=row.closed_at,
            call_id=row.call_id,
        )


def is_of_case(item: Item, body: Mapping[str, Any]) -> bool:
    """Tell whether an item is about the case of its decision, and not about what an owner was told of beside it."""
    return bool(body["subject"]["id"] == item.key.id)


def place_of(row: ReviewItemRow, now: datetime, rates: Rates) -> Place:
    """Return where a row stands in the order of the queue, as `repository.rank_of` and `worth_by` have it."""
    if row.status == DONE:
        rank = Rank.DONE
    elif _is_held(row, now):
        rank = Rank.CLAIMED
    elif row.latest_useful_at is not None and row.latest_useful_at <= now:
        rank = Rank.TOO_LATE
    else:
        rank = Rank.FREE
    worth = worth_of(row.value_at_stake_minor, rates.get((row.subject_type, row.suggested_branch), 0))
    return Place(rank, worth, row.created_at, row.item_id)


def write_cursor(place: Place) -> str:
    """Write a place as the cursor of the next page."""
    parts = [int(place.rank), place.worth, place.created_at.isoformat(), place.item_id]
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


def read_cursor(cursor: str) -> Place:
    """Read a cursor back.

    Raises
    ------
    CursorError
        If it was not written by `write_cursor`.
    """
    try:
        rank, worth, created_at, item_id = json.loads(urlsafe_b64decode(cursor.encode()))
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None or type(worth) is not int or not isinstance(item_id, str):
            raise CursorError(cursor)
        if abs(worth) >= 2**63 or "\x00" in item_id:  # no database holds these, so none was given out
            raise CursorError(cursor)
        return Place(Rank(rank), worth, moment.astimezone(UTC), item_id)
    except (Base64Error, ValueError, TypeError, OverflowError) as error:
        raise CursorError(cursor) from error


def _is_held(row: ReviewItemRow, now: datetime) -> bool:
    return row.status == CLAIMED and row.claim_expires_at is not None and row.claim_expires_at > now
