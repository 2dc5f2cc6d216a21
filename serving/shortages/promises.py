"""Stock that decisions have handed to lines: what is promised to one is not promised to another.

A promise stands while the call that asks for it may stand, or the item that suggests it waits. Once the call is
verified the books say it themselves: as soon as they were told of that article at that place at or after the time when
it was done, the promise is in them, and does not count any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, insert, or_, select
from sqlalchemy.orm import Session

from features.inventory.numbering import THOUSANDTHS
from features.vocabulary import Branch
from routing.effects import Effect, Outcome
from serving.db.effects import OutcomeRow
from serving.db.promises import StockPromiseRow
from serving.db.subjects import SubjectKey
from serving.db.tables import OutgoingCallRow, ReviewItemRow
from serving.effects.booking import is_live
from serving.reviews.repository import DONE

KEPT_FOR = timedelta(days=30)
"""A promise that is older counts no more: whatever it was for has left."""
ToldSince = Callable[[str, str, datetime], bool]
"""Tells whether the books of a place (place, sku, moment) were told of an article at or after a moment."""


@dataclass(frozen=True, slots=True)
class Given:
    """Some of an article at a place."""

    place: str
    sku: str
    quantity: float


def given_by(branch: Branch, payload: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> tuple[Given, ...]:
    """Return what the payload of a branch takes from where; nothing for a branch that moves no stock."""
    if not payload:
        return ()
    match branch:
        case Branch.REALLOCATE:
            return tuple(Given(row["place"], payload["sku"], row["quantity"]) for row in payload["from"])
        case Branch.SUBSTITUTE:
            return (Given(str(facts["place"]), payload["instead"], payload["quantity"]),)
        case Branch.REVIEW if (suggestion := payload.get("suggestion")) is not None:
            return given_by(Branch(suggestion["branch"]), suggestion["payload"], facts)
    return ()


@dataclass(slots=True)
class Promises:
    """What stands of what was promised, of some articles: in thousandths, by place, article and line."""

    told_since: ToldSince
    _held: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    def read(self, session: Session, skus: Collection[str], now: datetime) -> None:
        """Read what stands. Whoever promises more holds the chain, so nobody else does meanwhile."""
        for row, verified_at in _standing(session, skus, now - KEPT_FOR):
            if verified_at is None or not self.told_since(row.place, row.sku, verified_at):
                self._add(row.subject_id, row.place, row.sku, row.quantity_thousandths)

    def left(self, place: str, sku: str, free: float, *, besides: SubjectKey) -> float:
        """Return what is left of what is free, once every line but one has what it was promised; never below 0."""
        held = self._held.get((place, sku), {})
        others = sum(amount for line, amount in held.items() if line != besides.id)
        return max(round(free * THOUSANDTHS) - others, 0) / THOUSANDTHS

    def take(
        self, session: Session, key: SubjectKey, decision_id: str, branch: Branch, given: Sequence[Given], now: datetime
    ) -> None:
        """Promise stock to a line, in place of all that it was promised before."""
        for held in self._held.values():
            held.pop(key.id, None)
        for each in given:
            self._add(key.id, each.place, each.sku, round(each.quantity * THOUSANDTHS))
        _keep(session, key, decision_id, branch, given, now)

    def _add(self, line: str, place: str, sku: str, amount: int) -> None:
        held = self._held.setdefault((place, sku), {})
        held[line] = held.get(line, 0) + amount


def note(
    session: Session, key: SubjectKey, decision_id: str, branch: Branch, given: Sequence[Given], now: datetime
) -> None:
    """Keep what a decision promises; what it promises already stays as it is."""
    row = StockPromiseRow
    own = select(row.place, row.sku).where(row.decision_id == decision_id, row.branch == branch.value)
    before = {(place, sku) for place, sku in session.execute(own)} if given else set()
    _keep(session, key, decision_id, branch, [each for each in given if (each.place, each.sku) not in before], now)


def _keep(
    session: Session, key: SubjectKey, decision_id: str, branch: Branch, given: Sequence[Given], now: datetime
) -> None:
    rows = [
        {
            **key.columns,
            "decision_id": decision_id,
            "branch": branch.value,
            "place": each.place,
            "sku": each.sku,
            "quantity_thousandths": round(each.quantity * THOUSANDTHS),
            "promised_at": now,
        }
        for each in given
    ]
    if rows:
        session.execute(insert(StockPromiseRow), rows)


def promised_places(session: Session, skus: Collection[str], now: datetime) -> set[tuple[str, str]]:
    """Return the places, with the article, where anything was promised of some articles that may still count."""
    row = StockPromiseRow
    lately = row.promised_at > now - KEPT_FOR
    return {
        (place, sku)
        for place, sku in session.execute(
            select(row.place, row.sku).where(row.sku.in_(sorted(skus)), lately).distinct()
        )
    }


def promised_since(
    session: Session, key: SubjectKey, given: Sequence[Given], decided_at: datetime, now: datetime
) -> Iterator[tuple[Given, float, tuple[str, ...]]]:
    """Yield what was promised to other lines, after a decision, of the stock that it hands out: how much, to whom."""
    standing = [row for row, _ in _standing(session, {each.sku for each in given}, now - KEPT_FOR)]
    for each in given:
        others = [
            row
            for row in standing
            if (row.place, row.sku) == (each.place, each.sku)
            and row.subject_id != key.id
            and row.promised_at >= decided_at
        ]
        if others:
            lines = tuple(dict.fromkeys(row.subject_id for row in others))
            yield each, sum(row.quantity_thousandths for row in others) / THOUSANDTHS, lines


def _standing(
    session: Session, skus: Collection[str], since: datetime
) -> Iterator[tuple[StockPromiseRow, datetime | None]]:
    """Yield the promises that may stand, and when what they asked for was done; None while that is not so."""
    row, call, item, outcome = StockPromiseRow, OutgoingCallRow, ReviewItemRow, OutcomeRow
    own = and_(call.decision_id == row.decision_id, call.branch == row.branch, call.compensates.is_(None))
    is_open = exists().where(
        item.decision_id == row.decision_id,
        item.call_id.is_(None),
        item.status != DONE,
        item.suggested_branch == row.branch,
    )
    under_way = exists().where(own, is_live(call), call.effect != Effect.VERIFIED.value)
    done = and_(own, call.effect == Effect.VERIFIED.value)
    reported = (
        select(func.min(outcome.occurred_at))
        .where(done, outcome.call_id == call.call_id, outcome.outcome == Outcome.DONE.value)
        .scalar_subquery()
    )
    settled = select(func.min(call.effect_at)).where(done).scalar_subquery()
    stands = or_(is_open, under_way)
    found = select(row, stands, func.coalesce(reported, settled)).where(
        row.sku.in_(sorted(skus)), row.promised_at > since, or_(stands, settled.is_not(None))
    )
    for promise, is_standing, done_at in session.execute(found.order_by(row.position)):
        yield promise, None if is_standing else done_at
