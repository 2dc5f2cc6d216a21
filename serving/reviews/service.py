"""The review queue: list, claim, answer. Every write needs the token of a claim that holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch, SubjectType
from routing.policy import Policy
from routing.subjects import called_branches
from serving.auth.people import NOBODY, People
from serving.clock import Clock
from serving.db.audit import audit
from serving.db.tables import AuditRow, DecisionRow, ReviewItemRow
from serving.decisions import repository as decisions
from serving.decisions.anew import DecidesAnew
from serving.directives import repository as orders
from serving.effects import answers
from serving.effects.moves import locked
from serving.events.following import Following
from serving.policies.bundles import Bundles
from serving.reviews import repository
from serving.reviews.errors import AlreadyClaimedError, AnswerError, ClaimLostError, ItemClosedError, ItemNotFoundError
from serving.reviews.items import Item, place_of, rates_of, read_cursor, savings_by, write_cursor
from serving.reviews.letting_out import check_case, check_role, let_out, suggested
from serving.reviews.meanwhile import Meanwhile
from serving.reviews.reasons import MEANINGS, Answer, ReasonCode, reasons_for
from serving.reviews.repository import CLAIMED, DONE, OPEN, Closing, Which
from serving.step_ups.stepping_down import after_answer


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue.

    Attributes
    ----------
    counts
        How many items of the kind that was asked for are open, claimed and done.
    to_take
        How many are open of each kind.
    """

    items: list[Item]
    next_cursor: str | None
    counts: dict[str, int]
    to_take: dict[SubjectType, int]


@dataclass(frozen=True, slots=True)
class Detail:
    """An item with the body of the sealed decision behind it, and the bundle that decision was made under."""

    item: Item
    decision: dict[str, Any]
    policy: Policy


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim on an item."""

    item: Item
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewService:
    """Keeps the review queue.

    Parameters
    ----------
    claim_for
        How long a claim holds.
    target
        Whom the calls go to that a person lets out.
    following, deciders
        Tell what is known by now of what is let out; the latter by type of subject.
    people
        Who may let out what; anybody if nobody is listed.
    """

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles
    claim_for: timedelta
    target: str
    following: Following
    deciders: Mapping[SubjectType, DecidesAnew]
    people: People = NOBODY

    def page(
        self,
        *,
        which: Which = Which.WAITING,
        kind: SubjectType | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> QueuePage:
        """Return a page of the queue, in its order.

        Parameters
        ----------
        kind
            What the items are about; None: anything.

        Raises
        ------
        CursorError
            If the cursor is not one of ours.
        """
        now = self.clock.now()
        after = None if cursor is None else read_cursor(cursor)
        with self.reads() as session:
            found = savings_by(self.bundles.all_live(session))
            rates = rates_of(found)
            rows = repository.page(session, which=which, now=now, rates=rates, after=after, limit=limit, kind=kind)
            counted = repository.count_by_status(session, now)
        full = len(rows) == limit
        next_cursor = write_cursor(place_of(rows[-1], now, rates)) if full else None
        of_kind = [counts for about, counts in counted.items() if kind in (None, about)]
        counts = {status: sum(each[status] for each in of_kind) for status in (OPEN, CLAIMED, DONE)}
        to_take = {about: counts[OPEN] for about, counts in counted.items()}
        return QueuePage([Item.of(row, now, found) for row in rows], next_cursor, counts, to_take)

    def detail(self, item_id: str) -> Detail:
        """Return an item with its decision.

        Raises
        ------
        ItemNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            row = _found(session, item_id)
            body = json.loads(_decision(session, row).body)
            return Detail(self.item(session, row, self.clock.now()), body, self.bundles.of_decision(session, body))

    def held_token(self, item_id: str, *, actor: str) -> str | None:
        """Return the token of the claim by which somebody holds an item, None if they do not."""
        with self.reads() as session:
            row = _found(session, item_id)
            held = self.item(session, row, self.clock.now()).status == CLAIMED and row.claimed_by == actor
            return row.claim_token if held else None

    def history(self, item_id: str) -> list[AuditRow]:
        """Return what the audit trail says of an item, oldest first."""
        with self.reads() as session:
            return repository.history(session, item_id)

    def claim(self, item_id: str, *, actor: str, token: str | None = None) -> Claimed:
        """Give a free item to somebody; with the token of a claim that holds, let it run longer.

        Raises
        ------
        ItemNotFoundError, AlreadyClaimedError, ItemClosedError, ClaimLostError
            If the item cannot be had.
        """
        now = self.clock.now()
        expires_at = now + self.claim_for
        with self.sessions.begin() as session:
            if token is not None:
                if not repository.extend(session, item_id, token=token, now=now, expires_at=expires_at):
                    raise _why_lost(_found(session, item_id), token, now)
                action = "review.extended"
            else:
                token = token_hex(16)
                if not repository.claim(session, item_id, actor=actor, token=token, now=now, expires_at=expires_at):
                    raise _why_taken(_found(session, item_id))
                action = "review.claimed"
            new = {"claimed_by": actor, "expires_at": expires_at}
            audit(session, at=now, actor=actor, action=action, subject=f"review:{item_id}", new=new)
            return Claimed(self.item(session, _found(session, item_id), now), token, expires_at)

    def take_next(self, *, actor: str, kind: SubjectType | None = None) -> Claimed | None:
        """Claim the item worth most that is free; None if there is none. Of two at once, each gets another.

        Parameters
        ----------
        kind
            What it is about; None: anything.
        """
        for item in self.page(which=Which.OPEN, kind=kind).items:
            try:
                return self.claim(item.item_id, actor=actor)
            except (AlreadyClaimedError, ItemClosedError):
                continue
        return None

    def release(self, item_id: str, *, actor: str, token: str) -> Item:
        """Give a held item back.

        Raises
        ------
        ItemNotFoundError, ClaimLostError, ItemClosedError
            If it is not held with this token.
        """
        now = self.clock.now()
        with self.sessions.begin() as session:
            if not repository.release(session, item_id, token=token, now=now):
                raise _why_lost(_found(session, item_id), token, now)
            old, new = {"status": "claimed"}, {"status": OPEN}
            audit(session, at=now, actor=actor, action="review.released", subject=f"review:{item_id}", old=old, new=new)
            return self.item(session, _found(session, item_id), now)

    def accept(self, item_id: str, *, actor: str, token: str, note: str | None = None) -> Item:
        """Let the suggested branch be carried out: its call is enqueued in the same transaction, once.

        Raises
        ------
        ItemNotFoundError, ClaimLostError, ItemClosedError
            If it is not held with this token.
        AnswerError
            If nothing is suggested, or the suggestion cannot be carried out, or not any more.
        OvertakenError
            If what is ordered or known by now speaks against it.
        PersonUnknownError, RoleMissingError
            If it is not theirs to let out.
        """
        with self.sessions.begin() as session:
            now = self.following.catch_up_as_of(session, self.clock)
            orders.lock_shared(session)  # before the chain, as whoever decides
            newest, _ = decisions.lock_chain(session)
            row = _found(session, item_id)
            closing = Closing(Answer.ACCEPT, actor, row.suggested_branch, None, note)
            if not self.close(session, row, token=token, closing=closing, now=now):
                return self.item(session, row, now)
            body = json.loads(_decision(session, row).body)
            action = suggested(row, body, now)
            action = self._meanwhile(session, row, body, action.branch, actor, now).accepted(action)
            let_out(session, self.bundles, row, action, body, target=self.target, after=newest, actor=actor, now=now)
            return self.item(session, _found(session, item_id), now)

    def override(
        self, item_id: str, *, actor: str, token: str, branch: Branch, reason: ReasonCode, note: str | None = None
    ) -> Item:
        """Let another branch be carried out: its call is enqueued in the same transaction, once.

        Raises
        ------
        ItemNotFoundError, ClaimLostError, ItemClosedError
            If it is not held with this token.
        AnswerError
            If the reason explains no override, or the branch cannot be carried out with the facts of the decision.
        OvertakenError
            If what is ordered or known by now speaks against it.
        PersonUnknownError, RoleMissingError
            If it is not theirs to let out.
        """
        with self.sessions.begin() as session:
            now = self.following.catch_up_as_of(session, self.clock)
            _lock_call(session, item_id)
            orders.lock(session)  # before the chain, as whoever decides: the answer may make a branch step down
            newest, _ = decisions.lock_chain(session)
            row = _found(session, item_id)
            _check_reason(item_id, Answer.OVERRIDE, reason)
            choices = called_branches(row.key.type)
            if branch not in choices:
                listed = ", ".join(choices)
                raise AnswerError(item_id, f"branch '{branch}' does nothing", f"Choose one of {listed}, or dismiss it.")
            check_case(_decision(session, row), row)
            closing = Closing(Answer.OVERRIDE, actor, branch.value, reason, note)
            if not self.close(session, row, token=token, closing=closing, now=now):
                return self.item(session, row, now)
            body = json.loads(_decision(session, row).body)
            words = f"{MEANINGS[reason].words} ({actor}){f': {note}' if note else ''}"
            action = self._meanwhile(session, row, body, branch, actor, now).overridden(branch, words)
            if row.call_id is not None:
                answers.leave(session, row.call_id, note, actor=actor, now=now)
            let_out(session, self.bundles, row, action, body, target=self.target, after=newest, actor=actor, now=now)
            return self.item(session, _found(session, item_id), now)

    def dismiss(self, item_id: str, *, actor: str, token: str, reason: ReasonCode, note: str | None = None) -> Item:
        """Do nothing about it.

        Raises
        ------
        ItemNotFoundError, ClaimLostError, ItemClosedError
            If it is not held with this token.
        AnswerError
            If the reason explains no dismissal.
        """
        now = self.clock.now()
        with self.sessions.begin() as session:
            _lock_call(session, item_id)
            orders.lock(session)  # the answer may make a branch step down
            row = _found(session, item_id)
            _check_reason(item_id, Answer.DISMISS, reason)
            closing = Closing(Answer.DISMISS, actor, Branch.NONE.value, reason, note)
            if self.close(session, row, token=token, closing=closing, now=now) and row.call_id is not None:
                answers.leave(session, row.call_id, note or MEANINGS[reason].words, actor=actor, now=now)
            return self.item(session, _found(session, item_id), now)

    def close(self, session: Session, row: ReviewItemRow, *, token: str, closing: Closing, now: datetime) -> bool:
        """Close a held item. Return False if this very answer closed it before: a submit that was repeated.

        Raises
        ------
        ClaimLostError, ItemClosedError
            If it is not held with this token.
        """
        old = {"status": "claimed", "claimed_by": row.claimed_by}
        if not repository.close(session, row.item_id, token=token, now=now, closing=closing):
            row = _found(session, row.item_id)
            same = (row.claim_token, row.verdict, row.verdict_branch) == (token, closing.verdict.value, closing.branch)
            if row.status == DONE and same:
                return False
            raise _why_lost(row, token, now)
        new = {
            "status": DONE,
            "verdict": closing.verdict.value,
            "branch": closing.branch,
            "reason_code": None if closing.reason is None else closing.reason.value,
            "note": closing.note,
            "policy_digest": self._governing(session, row).digest,
        }
        verb = f"review.{closing.verdict.value}"
        audit(session, at=now, actor=closing.closed_by, action=verb, subject=f"review:{row.item_id}", old=old, new=new)
        if closing.verdict in (Answer.OVERRIDE, Answer.DISMISS):
            live = self.bundles.live(session, row.key.type)
            after_answer(session, live, Branch(row.suggested_branch), now, by=self.people)
        return True

    def item(self, session: Session, row: ReviewItemRow, now: datetime) -> Item:
        """Return an item as it stands."""
        return Item.of(row, now, savings_by(self.bundles.all_live(session)))

    def _meanwhile(
        self, session: Session, row: ReviewItemRow, body: Mapping[str, Any], branch: Branch, actor: str, now: datetime
    ) -> Meanwhile:
        policy = self.bundles.of_decision(session, body)
        check_role(self.people, actor, policy, branch)
        return Meanwhile.look(session, self.deciders[row.key.type], row, policy, body, now)

    def _governing(self, session: Session, row: ReviewItemRow) -> Policy:
        """Return the bundle that governs the answer to an item: that of its decision."""
        return self.bundles.of_decision(session, json.loads(_decision(session, row).body))


def waiting_items(
    session: Session, live: Mapping[SubjectType, Policy], now: datetime, limit: int = 10_000
) -> list[Item]:
    """Return the items that wait, in the order of the queue by the cost tables of bundles."""
    found = savings_by(live)
    rates = rates_of(found)
    rows = repository.page(session, which=Which.WAITING, now=now, rates=rates, after=None, limit=limit)
    return [Item.of(row, now, found) for row in rows]


def _found(session: Session, item_id: str) -> ReviewItemRow:
    row = repository.find(session, item_id)
    if row is None:
        raise ItemNotFoundError(item_id)
    return row


def _lock_call(session: Session, item_id: str) -> None:
    """Lock the call that an item asks about, if it does: before anything else that others may hold."""
    row = repository.find(session, item_id)
    if row is not None and row.call_id is not None:
        locked(session, row.call_id)


def _decision(session: Session, row: ReviewItemRow) -> DecisionRow:
    decision = decisions.find(session, row.decision_id)
    assert decision is not None  # noqa: S101  the database holds the reference
    return decision


def _check_reason(item_id: str, answer: Answer, reason: ReasonCode) -> None:
    allowed = reasons_for(answer)
    if reason not in allowed:
        listed = ", ".join(allowed)
        raise AnswerError(item_id, f"reason '{reason}' does not explain '{answer}'", f"Give one of: {listed}.")


def _why_taken(row: ReviewItemRow) -> AlreadyClaimedError | ItemClosedError:
    if row.status == DONE:
        return ItemClosedError(row.item_id, str(row.verdict), str(row.closed_by))
    assert row.claimed_by is not None  # noqa: S101  an item that is neither free nor done is claimed
    assert row.claim_expires_at is not None  # noqa: S101
    return AlreadyClaimedError(row.item_id, row.claimed_by, row.claim_expires_at)


def _why_lost(row: ReviewItemRow, token: str, now: datetime) -> ClaimLostError | ItemClosedError:
    if row.status == DONE:
        return ItemClosedError(row.item_id, str(row.verdict), str(row.closed_by))
    if row.status == OPEN or row.claim_expires_at is None:
        return ClaimLostError(row.item_id, "nobody holds it, the claim was given back")
    if row.claim_token == token:
        return ClaimLostError(row.item_id, f"your claim ran out at {row.claim_expires_at.isoformat()}")
    if row.claim_expires_at > now:
        return ClaimLostError(row.item_id, f"{row.claimed_by} holds it until {row.claim_expires_at.isoformat()}")
    return ClaimLostError(row.item_id, "the token is not that of its last claim")
