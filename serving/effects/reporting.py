"""Taking in what became of a call, whoever says so: the orchestrator, the worker that asked it, or a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from routing.effects import BOOKING, Effect, Outcome, Received, Reception, Report, receive
from serving.db.audit import audit
from serving.db.tables import OutcomeRow, OutgoingCallRow
from serving.effects.compensating import after_compensation, compensate, compensation_of
from serving.effects.keeping import keep
from serving.effects.moves import move, standing_of
from serving.effects.people import close_unheld, put_before_person
from serving.effects.watching import watch
from serving.policies.bundles import Bundles

_UNSETTLED = ("pending", "gathered", "dead", "expired")
"""States of a call of which the orchestrator tells all the same: it has arrived, and is not sent again."""


def take_report(
    session: Session, bundles: Bundles, row: OutgoingCallRow, report: Report, *, actor: str, now: datetime
) -> Received:
    """Keep a report and let it have its effect on the call, which is locked (`moves.locked`).

    The first counts, a repeat changes nothing, and one that contradicts puts the case before a person.
    """
    received = receive(standing_of(row), report.outcome, of_another=_books_another(row, report))
    if received.reception is Reception.REPEATED and _is_kept(session, row, report):
        return received
    keep(session, row.call_id, report, received.reception, actor=actor, now=now)
    if received.reception is Reception.REPEATED:
        return received
    before = row.outcome
    row.outcome = received.standing.outcome
    if received.reception is Reception.COUNTED:
        row.reference = report.reference or row.reference
        settle_call(session, row, actor=actor, now=now)
        _apply(session, bundles, row, report, received, actor=actor, now=now)
    else:
        _contradict(session, row, report, before, received, actor=actor, now=now)
    session.flush()
    after_compensation(session, row, actor=actor, now=now)
    if row.effect != Effect.VERIFIED:
        watch(session, bundles, row, now)
    return received


def _books_another(row: OutgoingCallRow, report: Report) -> bool:
    """Tell whether a call that booked was reported done under another number before."""
    if row.branch not in BOOKING or row.compensates is not None or report.outcome is not Outcome.DONE:
        return False
    return None not in (row.reference, report.reference) and row.reference != report.reference


def _apply(
    session: Session,
    bundles: Bundles,
    row: OutgoingCallRow,
    report: Report,
    received: Received,
    *,
    actor: str,
    now: datetime,
) -> None:
    said = in_words(report)
    told = {"outcome": report.outcome.value, "reference": report.reference}
    move(session, row, received.standing.effect, because=said, actor=actor, now=now, told=told)
    if row.effect == Effect.VERIFIED:
        close_unheld(session, row.call_id, because=said, actor=actor, now=now)
    if row.effect != Effect.FAILED or row.compensates is not None:
        return
    terms = compensation_of(session, bundles, row) if report.outcome is Outcome.PARTIAL else None
    if terms is not None:
        compensate(session, row, terms, said, actor=actor, now=now)
        return
    put_before_person(session, row, f"{row.branch} was asked for, and {said}", actor=actor, now=now)


def _contradict(
    session: Session,
    row: OutgoingCallRow,
    report: Report,
    before: str | None,
    received: Received,
    *,
    actor: str,
    now: datetime,
) -> None:
    said = in_words(report)
    known = f" (reference {row.reference})" if row.reference else ""
    found = f"{before} was reported before{known}" if before else f"it was {row.effect} before"
    why = f"Of {row.branch} contradicting things are known: {found}, and now {said}"
    new = {"outcome": report.outcome.value, "reference": report.reference, "reason": report.reason}
    old = {"outcome": before, "effect": row.effect}
    audit(session, at=now, actor=actor, action="outcome.contradicted", subject=f"call:{row.call_id}", old=old, new=new)
    if received.standing.effect is Effect.WITH_PERSON and row.compensates is None:
        put_before_person(session, row, why, actor=actor, now=now)
    else:
        move(session, row, received.standing.effect, because=why, actor=actor, now=now)


def in_words(report: Report) -> str:
    """Say what was reported: "it failed in part (reference BK-7): the carrier took 2 of 4 pieces"."""
    what = {Outcome.DONE: "it was done", Outcome.FAILED: "it failed", Outcome.PARTIAL: "it failed in part"}
    known = f" (reference {report.reference})" if report.reference else ""
    return f"{what[report.outcome]}{known}" + (f": {report.reason}" if report.reason else "")


def _is_kept(session: Session, row: OutgoingCallRow, report: Report) -> bool:
    """Tell whether this very report is kept already."""
    kept = OutcomeRow
    same = (
        kept.call_id == row.call_id,
        kept.outcome == report.outcome.value,
        kept.occurred_at == report.occurred_at,
        kept.reference.is_(None) if report.reference is None else kept.reference == report.reference,
    )
    return bool(session.scalar(select(exists().where(*same))))


def settle_call(session: Session, row: OutgoingCallRow, *, actor: str, now: datetime) -> None:
    """Settle a call that was given up, or is to be sent again: whoever tells what became of it has received it.

    One that a worker has in hand may be on its way; it is settled when the worker gives it up or puts it off.
    """
    if row.status in _UNSETTLED:
        settle_received(session, row, actor=actor, now=now)


def settle_received(session: Session, row: OutgoingCallRow, *, actor: str, now: datetime) -> None:
    """Settle a call that nobody has in hand and of which an outcome was reported."""
    old = {"status": row.status, "attempts": row.attempts}
    row.status, row.delivered_at, row.last_error = "delivered", now, None
    row.lease_owner = row.lease_expires_at = None
    new = {"status": "delivered", "attempts": row.attempts, "because": "its outcome was reported"}
    audit(session, at=now, actor=actor, action="call.delivered", subject=f"call:{row.call_id}", old=old, new=new)
