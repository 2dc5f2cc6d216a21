"""Judge order lines, decide about each, record and set in motion: all of them in one transaction, or nothing.

Lines are decided about in turn, the one with most at stake first, and each sees of other places' stock what the lines
before it, and decisions of before, have left of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import Branch, SubjectType
from routing.canonical import digest
from routing.decision import SealedDecision
from routing.directives import Directive
from routing.engine import Choice, decide
from routing.policy import Policy
from serving.causes import repository as causes
from serving.clock import Clock
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow
from serving.decisions import repository
from serving.decisions.anew import Held, is_held
from serving.decisions.calls import is_called
from serving.decisions.context import context_of
from serving.decisions.deciding import Decided, Noted, act_once, set_in_motion, weigh_and_seal
from serving.decisions.idempotency import Answer, Keyed
from serving.decisions.sealing import sealed_of
from serving.decisions.weighing import Weighed
from serving.directives import repository as directives
from serving.events.following import Following
from serving.policies.bundles import Bundles, InForce
from serving.reviews.asking import suggested_branch
from serving.reviews.opening import Matter, supersede
from serving.shortages.errors import LineDoneError
from serving.shortages.facts import Substitute
from serving.shortages.history import Past, lines_with_something_open, lock_calls, read_past
from serving.shortages.judging import line_answer, model_shape
from serving.shortages.promises import given_by
from serving.shortages.schemas import LineAnswer
from serving.shortages.seeing import Books, Seen
from serving.shortages.service import LineCase, LineQuestion, ShortageService
from serving.shortages.stake import Stake
from serving.shortages.withdrawing import withdraw


@dataclass(frozen=True, slots=True)
class Request:
    """A request to decide about order lines: who asks, under which key.

    `substitutes` are all articles that could go instead; None if nobody says.
    """

    question: LineQuestion
    substitutes: Sequence[Substitute] | None
    keyed: Keyed
    actor: str


@dataclass(frozen=True, slots=True)
class DecidedLines:
    """Lines as of an instant, in the order in which they were decided about."""

    as_of: datetime
    lines: Sequence[Decided]


@dataclass(frozen=True, slots=True)
class Looked:
    """Lines as they were judged at an instant, with what the books say around them: all that the state is asked for.

    What is learnt later was not known then. So it can be decided about in another thread than that which learns.
    """

    now: datetime
    cases: Sequence[LineCase]
    books: Books


Render = Callable[[DecidedLines], str]
"""Writes the answer to a request; it is kept with the key."""


@dataclass(frozen=True, slots=True)
class ShortageDecisions:
    """Decides about order lines. What cannot be recorded is not done."""

    sessions: sessionmaker[Session]
    clock: Clock
    following: Following
    shortages: ShortageService
    bundles: Bundles
    target: str

    async def look(self, request: Request) -> Looked | None:
        """Judge order lines as of now, a few at a time: others are answered meanwhile. None if the key was used before.

        Raises
        ------
        NoShortageModelError, UnknownLinesError, UnknownOrderError, UnknownPlaceError, UnknownWaveError,
        TooManyLinesError
            As `ShortageService.as_of_now`.
        """
        with self.sessions.begin() as session:
            if repository.find_key(session, request.keyed.key) is not None:
                return None
            now = self.following.catch_up_as_of(session, self.clock)
            also = _besides(session, request.question)
        cases = await self.shortages.as_of_now_in_turn(request.question, now, besides=also)
        with self.sessions.begin() as session:
            return Looked(now, cases, Books.read(session, self.shortages.stock, cases, request.substitutes, now))

    def triage(self, request: Request, render: Render, looked: Looked | None = None) -> Answer:
        """Decide about order lines, once for each outcome, and answer the same to each repeat of the request.

        Parameters
        ----------
        looked
            How the lines were judged; then any thread may decide about them. If nobody looked, they are judged now.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        NoShortageModelError, UnknownLinesError, UnknownOrderError, UnknownPlaceError, UnknownWaveError,
        TooManyLinesError
            As `ShortageService.as_of_now`.
        NothingInForceError
            If no bundle on shortages is in force.
        """

        def act(session: Session) -> tuple[datetime, str]:
            seen = looked
            if seen is None:
                seen = self._look(session, request, self.following.catch_up_as_of(session, self.clock))
            return seen.now, render(DecidedLines(seen.now, self._decided(session, request, seen)))

        return act_once(self.sessions, request.keyed, act)

    @property
    def can_decide(self) -> bool:
        """Whether this process judges order lines at all."""
        return self.shortages.is_loaded

    def lock(self, session: Session, key: SubjectKey) -> None:
        """Keep others from moving the calls about a line: they are locked before all else."""
        lock_calls(session, [key])

    def known_again(self, session: Session, policy: Policy, held: Held, now: datetime) -> dict[str, Any]:
        """Return the known facts of a held line as they are now, by a bundle; nothing is decided.

        Raises
        ------
        LineDoneError
            If it does not wait to be picked any more.
        NoShortageModelError, UnknownLinesError
            As `ShortageService.as_of_now`.
        """
        question, substitutes = self._asked_before(held.body(session), now)
        cases = self.shortages.as_of_now(replace(question, explain=False), now)
        books = Books.read(session, self.shortages.stock, cases, substitutes, now)
        seen, (case,) = Seen.read(session, books, cases, substitutes, now), cases
        return policy.reader.read(seen.facts_of(case, held.key, strongest_branch_taken=Branch.NONE)).known

    def again(self, session: Session, held: Held, now: datetime) -> Decided:
        """Decide anew about a line that was held as one of many; if that was done already, return what came of it.

        A call that was let out since the line was locked is not waited for: the chain is held by now.

        Raises
        ------
        OperationalError
            If somebody moves such a call.
        LineDoneError
            If it does not wait to be picked any more.
        NoShortageModelError, UnknownLinesError
            As `ShortageService.as_of_now`.
        """
        question, substitutes = self._asked_before(held.body(session), now)
        request = Request(question, substitutes, Keyed("", ""), SYSTEM)
        (decided,) = self._decided(session, request, self._look(session, request, now), anew=True)
        return decided

    def _asked_before(self, body: Mapping[str, Any], now: datetime) -> tuple[LineQuestion, list[Substitute] | None]:
        """Ask about a line as it was asked before, with the articles that could go instead."""
        facts = body["facts"]
        name = facts["order_id"], facts["line_id"]
        if not self.shortages.waits(name, now):
            raise LineDoneError(*name)
        named = facts["substitutes"]
        if not isinstance(named, list):  # nobody said
            return LineQuestion([name]), None
        return LineQuestion([name]), [Substitute(facts["sku"], row["sku"], row["is_accepted"]) for row in named]

    def _look(self, session: Session, request: Request, now: datetime) -> Looked:
        also = _besides(session, request.question)
        cases = self.shortages.as_of_now(request.question, now, besides=also)
        return Looked(now, cases, Books.read(session, self.shortages.stock, cases, request.substitutes, now))

    def _decided(self, session: Session, request: Request, looked: Looked, *, anew: bool = False) -> list[Decided]:
        cases, now = looked.cases, looked.now
        keys = [_key_of(case) for case in cases]
        if not anew:
            lock_calls(session, keys)
        directives.lock_shared(session)  # what is in force and what is ordered stays so until all are sealed
        in_force = self.bundles.in_force(session, SubjectType.SHORTAGE)
        repository.lock_chain(session)  # what is left of stock and of budgets stays so too
        calls = lock_calls(session, keys, wait=False)  # also what was let out meanwhile
        past = read_past(session, keys, calls)
        seen = Seen.read(session, looked.books, cases, request.substitutes, now)
        ordered = directives.standing(session, now, SubjectType.SHORTAGE)
        turn = _Turn(session, request, self, in_force, ordered, seen, now, anew)
        in_turn = sorted(zip(cases, keys, strict=True), key=lambda each: -each[0].expected_loss_minor)
        return [turn.decide(case, key, past.get(key.id) or Past()) for case, key in in_turn]


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request, with all that its lines have in common."""

    session: Session
    request: Request
    decisions: ShortageDecisions
    in_force: InForce
    ordered: Sequence[Directive]
    seen: Seen
    now: datetime
    anew: bool

    def decide(self, case: LineCase, key: SubjectKey, past: Past) -> Decided:
        """Decide about a line, unless the newest decision about it came to the same."""
        policy = self.in_force.for_subject(key.id)
        weighed = self._weigh(policy, case, key, past)
        version = line_version(case, key, weighed.choice)
        if past.newest is not None and self._is_the_same(past.newest, version, weighed):
            return Decided(sealed_of(past.newest), is_new=False)
        before, turn = (None, 0) if past.newest is None else repository.newest_of(self.session, version)
        noted = Noted(
            key=key,
            version=version if before is None else repository.in_turn(version, turn + 1),
            moment=case.judged.score.moment.value,
            features=dict(zip(INVENTORY_NAMES, case.judged.values.tolist(), strict=True)),
            model=lambda _: self._model_of(case),
            actor=self.request.actor,
        )

        def weighed_under(other: Policy) -> Weighed:
            return weighed if other is policy else self._weigh(other, case, key, past)

        sealed, _ = weigh_and_seal(self.session, self.in_force, policy, weighed_under, noted)
        self._act(sealed, weighed, case, key, past)
        return Decided(sealed, is_new=True)

    def _act(self, sealed: SealedDecision, weighed: Weighed, case: LineCase, key: SubjectKey, past: Past) -> None:
        choice, facts = weighed.choice, weighed.facts
        if past.newest is not None and choice.recommended_branch is Branch.NONE:
            withdraw(
                self.session, self.decisions.bundles, key, past.calls, decision_id=sealed.decision_id, now=self.now
            )
        elif is_called(choice.branch) or choice.cause is not None:
            supersede(self.session, key, f"by {sealed.decision_id}", now=self.now)
        matter = line_matter(case, key, weighed.policy)
        set_in_motion(self.session, sealed, weighed, self.in_force, matter, target=self.decisions.target)
        given = given_by(choice.branch, choice.payload, facts)
        if given:
            branch = _branch_of(choice)
            self.seen.promises.take(self.session, key, sealed.decision_id, branch, given, self.now)

    def _weigh(self, policy: Policy, case: LineCase, key: SubjectKey, past: Past) -> Weighed:
        strongest = max(past.taken, key=policy.strength.__getitem__, default=Branch.NONE)
        facts = self.seen.facts_of(case, key, strongest_branch_taken=strongest)
        context = context_of(self.session, policy, key.id, facts, self.now, self.ordered)
        return Weighed(policy, facts, context, decide(policy, facts, self.now, context))

    def _is_the_same(self, newest: DecisionRow, version: str, weighed: Weighed) -> bool:
        """Tell whether the newest decision about a line came to what is made of it now, so that it stands.

        One that was suppressed does not stand once it would not be any more; one that hands out other stock than it
        would now does not either, unless it was carried out. One that holds the line as one of many stands as long as
        a cause holds it, until its turn to be decided anew has come.
        """
        holds = is_held(newest)
        if holds and self.anew:
            return False
        if newest.decided_at > self.now:  # another request has looked later, and come first
            return True
        choice = weighed.choice
        line, _, said = newest.subject_version.rpartition("#")
        if f"{line}#{said.partition('~')[0]}" != version:
            return False
        if holds:
            return bool(causes.held_of(self.session, newest.key))
        if choice.branch is Branch.NONE:
            return True
        body = json.loads(newest.body)
        before = given_by(Branch(newest.branch), body["payload"], body["facts"])
        return newest.branch != Branch.NONE.value and before == given_by(choice.branch, choice.payload, weighed.facts)

    def _model_of(self, case: LineCase) -> dict[str, object]:
        """Say which model spoke, all that it said, and by whose terms the loss was reckoned."""
        answer: LineAnswer = line_answer(case.judged, model_shape(self.decisions.shortages.model))
        return {
            "name": answer.model.name,
            "version": answer.model.version,
            "fingerprints": answer.model.fingerprints,
            "features_digest": answer.features_digest,
            "priced_by": case.priced_by,
            "answer": answer.model_dump(mode="json"),
        }


def line_version(case: LineCase, key: SubjectKey, choice: Choice) -> str:
    """Name a version: the line, what is wanted and known of it, and what the rules make of that.

    The probability counts by what follows from it alone: it moves with every pick.
    """
    judged, order, evidence = case.judged, case.order, case.judged.evidence
    said = digest(
        {
            "sku": judged.about.sku,
            "place": judged.about.place,
            "wave_id": judged.about.wave_id,
            "needed": float(judged.values[INVENTORY_NAMES.index("needed")]),
            "due_at": order.due_at,
            "is_released": order.is_released,
            "cause": None if evidence is None else evidence.cause.value,
            "quantity_at_risk": None if evidence is None else evidence.quantity_at_risk,
            "recommended_branch": choice.recommended_branch.value,
        }
    )
    return f"{SubjectType.SHORTAGE}:{key.id}#{said[:16]}"


def line_matter(case: LineCase, key: SubjectKey, policy: Policy) -> Matter:
    """Return what an item about a line is about; money that the policy does not count in is not at stake in it."""
    about, evidence, stake = case.judged.about, case.judged.evidence, case.stake
    needed = float(case.judged.values[INVENTORY_NAMES.index("needed")])
    lacking = "cannot be told how much" if evidence is None else f"{evidence.quantity_at_risk:g} of {needed:g}"
    currency = stake.currency if isinstance(stake, Stake) else None
    return Matter(
        key=key,
        title=f"{about.sku or 'Article not known'} at {about.place or 'no place'}: {lacking} at risk for order "
        f"{about.order_id}, line {about.line_id}",
        stake_minor=round(case.expected_loss_minor) if currency == policy.costs.currency else 0,
        currency=currency,
    )


def _besides(session: Session, question: LineQuestion) -> Sequence[tuple[str, str]]:
    """Return the lines of a place that are looked at besides: of each something is open, which may be of no use now."""
    return () if question.place is None else [*lines_with_something_open(session, question.place)]


def _key_of(case: LineCase) -> SubjectKey:
    return SubjectKey.line(case.judged.about.order_id, case.judged.about.line_id)


def _branch_of(choice: Choice) -> Branch:
    """Return the branch that hands out stock: the decision's own, or the one that it suggests."""
    return suggested_branch(choice.payload) if choice.branch is Branch.REVIEW else choice.branch
