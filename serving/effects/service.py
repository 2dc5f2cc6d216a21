"""The effects of calls over HTTP and on the page: what is reported of them, and what people say and do about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch
from routing.dispatch.envelope import call_id_for, compensation_id_for
from routing.effects import Effect, Outcome, Received, Report
from serving.clock import Clock
from serving.db.subjects import SubjectKey, about
from serving.db.tables import OutcomeRow, OutgoingCallRow, ReviewItemRow
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.effects import answers
from serving.effects.compensating import policy_of
from serving.effects.errors import (
    CallNotFoundError,
    EarlyOutcomeError,
    FutureOutcomeError,
    UndoError,
    UnsentCallError,
)
from serving.effects.moves import locked, standing_of
from serving.effects.reporting import take_report
from serving.events import repository as events
from serving.policies.bundles import Bundles
from serving.reviews import repository as items
from serving.reviews.errors import AnswerError
from serving.reviews.items import Item
from serving.reviews.letting_out import check_role
from serving.reviews.reasons import Answer as Verdict
from serving.reviews.repository import DONE, Closing
from serving.reviews.service import ReviewService

OK = 200
COMPENSATE = "compensate"


@dataclass(frozen=True, slots=True)
class Told:
    """A call after a report of its outcome: how the report was taken, and the item that asks a person, if one does."""

    call: OutgoingCallRow
    received: Received
    item_id: str | None


Render = Callable[[Told], str]
RenderCall = Callable[[OutgoingCallRow], str]


@dataclass(frozen=True, slots=True)
class EffectService:
    """Takes outcomes in, and lets people settle and undo effects."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles
    reviews: ReviewService
    clock_skew: timedelta

    def report(self, call_id: str, report: Report, render: Render, *, sent: str, keyed: Keyed, actor: str) -> Answer:
        """Take in what became of a call, once for each key; `sent` is kept with the reason if nobody made the call.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        CallNotFoundError
            If nobody made such a call.
        UnsentCallError
            If the call was not sent yet.
        EarlyOutcomeError, FutureOutcomeError
            If it lies before the call was made, or in the future.
        """

        def act(session: Session) -> tuple[datetime, str]:
            row, now = _found(session, call_id), self.clock.now()
            if report.occurred_at > now + self.clock_skew:
                raise FutureOutcomeError(report.occurred_at, now)
            if report.occurred_at < row.created_at - self.clock_skew:
                raise EarlyOutcomeError(call_id, report.occurred_at, row.created_at)
            if not standing_of(row).can_have_outcome:
                raise UnsentCallError(call_id)
            received = take_report(session, self.bundles, row, report, actor=actor, now=now)
            return now, render(Told(row, received, _item_about(session, call_id)))

        try:
            return answer_once(self.sessions, keyed, status=OK, act=act)
        except (CallNotFoundError, UnsentCallError, EarlyOutcomeError, FutureOutcomeError) as error:
            with self.sessions.begin() as session:
                events.keep_rejected(session, received_at=self.clock.now(), reason=str(error), body=sent)
            raise

    def undo(self, call_id: str, why: str, render: RenderCall, *, keyed: Keyed, actor: str) -> Answer:
        """Undo a call, once for each key; the answer is the call that undoes it.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        CallNotFoundError, UndoError
            If nobody made such a call, or it cannot be undone.
        RoleMissingError
            If people are listed, and it is not this one's to undo (`check_role`).
        """

        def act(session: Session) -> tuple[datetime, str]:
            row, now = _found(session, call_id), self.clock.now()
            undoing = self._undo(session, row, why, actor=actor, now=now)
            return now, render(_call(session, undoing))

        return answer_once(self.sessions, keyed, status=OK, act=act)

    def settle(self, item_id: str, *, happened: bool, actor: str, token: str, note: str | None = None) -> Item:
        """Let a person say of an item's call whether it was done.

        Raises
        ------
        ItemNotFoundError, ClaimLostError, ItemClosedError
            If it is not held with this token.
        AnswerError
            If the item asks about no call, or what became of it is known meanwhile.
        """
        outcome, verdict = (Outcome.DONE, Verdict.HAPPENED) if happened else (Outcome.FAILED, Verdict.NOT_HAPPENED)
        with self.sessions.begin() as session:
            row, now = _found(session, self._call_id(session, item_id)), self.clock.now()
            if not self._close(session, item_id, verdict, row, token=token, note=note, actor=actor, now=now):
                return self._item(session, item_id, now)
            if row.effect != Effect.WITH_PERSON:
                why = f"what became of the call is known meanwhile: it is {row.effect.replace('_', ' ')}"
                raise AnswerError(item_id, why, "Dismiss the item, or undo the call.")
            answers.settle(session, row, outcome, note, actor=actor, now=now)
            return self._item(session, item_id, now)

    def undo_from(
        self, item_id: str, *, actor: str, token: str, call_id: str | None = None, note: str | None = None
    ) -> Item:
        """Undo the call of an item, or another of the same subject, for which the item's call waits.

        Raises
        ------
        ItemNotFoundError, ClaimLostError, ItemClosedError
            If it is not held with this token.
        AnswerError
            If the item asks about no call, or the call cannot be undone.
        RoleMissingError
            If people are listed, and it is not this one's to undo (`check_role`).
        """
        with self.sessions.begin() as session:
            row = locked(session, call_id or self._call_id(session, item_id))
            now = self.clock.now()
            item = items.find(session, item_id)
            if row is None or item is None or row.key != item.key:
                raise AnswerError(item_id, "the call to undo is about something else", "Name one of its calls.")
            if not self._close(session, item_id, Verdict.UNDO, row, token=token, note=note, actor=actor, now=now):
                return self._item(session, item_id, now)
            try:
                why = f"{actor} undoes it" + (f": {note}" if note else "")
                self._undo(session, row, why, actor=actor, now=now)
            except UndoError as error:
                raise AnswerError(item_id, error.why, error.what_to_do) from error
            return self._item(session, item_id, now)

    def call(self, call_id: str) -> tuple[OutgoingCallRow, list[OutcomeRow], str | None]:
        """Return a call, what was reported of it, oldest first, and the item that asks about it, if one waits.

        Raises
        ------
        CallNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            row = session.scalars(select(OutgoingCallRow).filter_by(call_id=call_id)).one_or_none()
            if row is None:
                raise CallNotFoundError(call_id)
            reported = session.scalars(select(OutcomeRow).filter_by(call_id=call_id).order_by(OutcomeRow.position))
            return row, list(reported), _item_about(session, call_id)

    def page(
        self, *, effect: Effect | None, key: SubjectKey | None, before: int | None, limit: int
    ) -> list[OutgoingCallRow]:
        """Return calls, newest first."""
        found = select(OutgoingCallRow).order_by(OutgoingCallRow.position.desc()).limit(limit)
        if effect is not None:
            found = found.where(OutgoingCallRow.effect == effect.value)
        if key is not None:
            found = found.where(about(OutgoingCallRow, key))
        if before is not None:
            found = found.where(OutgoingCallRow.position < before)
        with self.reads() as session:
            return list(session.scalars(found))

    def of_subject(self, key: SubjectKey) -> Sequence[OutgoingCallRow]:
        """Return the calls of a subject in the order in which they were let out."""
        return self.page(effect=None, key=key, before=None, limit=50)[::-1]

    def _undo(self, session: Session, row: OutgoingCallRow, why: str, *, actor: str, now: datetime) -> str:
        policy = policy_of(session, self.bundles, row)
        if policy is not None:
            check_role(self.reviews.people, actor, policy, Branch(row.branch), to="undo")
        return answers.undo(session, self.bundles, row, why, actor=actor, now=now)

    def _call_id(self, session: Session, item_id: str) -> str:
        item = items.find(session, item_id)
        if item is None or item.call_id is None:
            if item is None:
                self.reviews.detail(item_id)  # which says that there is none
            raise AnswerError(item_id, "it asks about no call", "Accept, override or dismiss it.")
        return item.call_id

    def _close(
        self,
        session: Session,
        item_id: str,
        verdict: Verdict,
        call: OutgoingCallRow,
        *,
        token: str,
        note: str | None,
        actor: str,
        now: datetime,
    ) -> bool:
        item = items.find(session, item_id)
        assert item is not None  # noqa: S101  it was found before
        closing = Closing(verdict, actor, call.branch, None, note)
        return self.reviews.close(session, item, token=token, closing=closing, now=now)

    def _item(self, session: Session, item_id: str, now: datetime) -> Item:
        row = items.find(session, item_id)
        assert row is not None  # noqa: S101  it was found before
        return self.reviews.item(session, row, now)


def call_id_of(decision_id: str, branch: Branch, step: int | str) -> str:
    """Return the id of a decision's call by branch and step; the step `compensate` is the call that undoes it."""
    if step == COMPENSATE:
        return compensation_id_for(call_id_for(decision_id, branch))
    return call_id_for(decision_id, branch, step=int(step))


def _found(session: Session, call_id: str) -> OutgoingCallRow:
    """Return a call, locked (`moves.locked`)."""
    row = locked(session, call_id)
    if row is None:
        raise CallNotFoundError(call_id)
    return row


def _call(session: Session, call_id: str) -> OutgoingCallRow:
    return session.scalars(select(OutgoingCallRow).filter_by(call_id=call_id)).one()


def _item_about(session: Session, call_id: str) -> str | None:
    waiting = select(ReviewItemRow.item_id).where(ReviewItemRow.call_id == call_id, ReviewItemRow.status != DONE)
    return session.scalars(waiting).first()
