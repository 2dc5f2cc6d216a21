"""Score, decide, record and set in motion: in one transaction, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch
from routing.counterfactuals import Counterfactual
from routing.decision import SealedDecision
from routing.policy import Policy
from serving.causes import effects as causes
from serving.clock import Clock
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions import repository, usage
from serving.decisions.acting import Action
from serving.decisions.calls import enqueue, is_called
from serving.decisions.facts import facts_of
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.decisions.record import features_of, model_of
from serving.decisions.replaying import counterfactuals
from serving.decisions.sealing import keep_sealed, let_out, sealed_of
from serving.decisions.subject import subject_version
from serving.decisions.weighing import MoreFacts, Weighed, no_more, weigh
from serving.directives import repository as directives
from serving.errors import DecisionNotFoundError
from serving.events.following import Following
from serving.policies import shadow
from serving.policies.bundles import Bundles, InForce
from serving.reviews.opening import open_item, shipment_matter
from serving.scores.service import Question, Scored, ScoreService, Subject

OK = 200


@dataclass(frozen=True, slots=True)
class Request:
    """A request to triage: who asks what, under which key, and the digest of all that was sent."""

    question: Question
    key: str
    request_hash: str
    actor: str
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """A sealed decision; `is_new` is False if the same version was decided before."""

    sealed: SealedDecision
    is_new: bool


class Render(Protocol):
    """Writes the answer to a request; it is kept with the key."""

    def __call__(self, decided: Decided) -> str: ...


@dataclass(frozen=True, slots=True)
class DecisionService:
    """Decides about shipments. What cannot be recorded is not done."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    following: Following
    scores: ScoreService
    bundles: Bundles
    target: str
    more: MoreFacts = no_more

    def triage(self, request: Request, render: Render) -> Answer:
        """Decide about a shipment, once for each version of it, and answer the same to each repeat of the request.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        """
        try:
            return self._triage(request, render)
        except IntegrityError:
            # Another process decided the same version, or used the same key, between our look and our write. Its
            # decision stands now, so the second look finds it.
            return self._triage(request, render)

    def decision(self, decision_id: str) -> tuple[DecisionRow, list[OutgoingCallRow]]:
        """Return a decision and its calls.

        Raises
        ------
        DecisionNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            row = repository.find(session, decision_id)
            if row is None:
                raise DecisionNotFoundError(decision_id)
            return row, repository.calls_of(session, decision_id)

    def counterfactuals(self, decision_id: str) -> tuple[Counterfactual, ...]:
        """Return what would have had to be otherwise for a decision to end otherwise.

        Raises
        ------
        DecisionNotFoundError
            If there is none of that id.
        BundleNotFoundError
            If the bundle it was made under is not kept.
        """
        row, _ = self.decision(decision_id)
        with self.reads() as session:
            return counterfactuals(session, row.body)

    def several(self, decision_ids: Sequence[str]) -> dict[str, DecisionRow]:
        """Return those of some decisions that there are, by their ids."""
        with self.reads() as session:
            return {row.decision_id: row for row in repository.find_several(session, decision_ids)}

    def of_subject(self, key: SubjectKey, *, before: int | None, limit: int) -> list[DecisionRow]:
        """Return the decisions about a subject, newest first."""
        with self.reads() as session:
            return repository.of_subject(session, key, before=before, limit=limit)

    def _triage(self, request: Request, render: Render) -> Answer:
        def act(session: Session) -> tuple[datetime, str]:
            now = self.following.catch_up_as_of(session, self.clock)
            return now, render(self._decided(session, request, now))

        return answer_once(self.sessions, Keyed(request.key, request.request_hash), status=OK, act=act)

    def _decided(self, session: Session, request: Request, now: datetime) -> Decided:
        subject = self.scores.subject(request.question, now)
        shipment = subject.shipment
        repository.lock_subject(session, SubjectKey.shipment(shipment.shipment_id))
        version = subject_version(shipment, subject.moment, self.scores.state.events_known(shipment.shipment_id))
        before, _ = repository.newest_of(session, version)
        if before is not None:
            return Decided(sealed_of(before), is_new=False)
        return Decided(self._decide(session, request, subject, version), is_new=True)

    def again(self, session: Session, request: Request, now: datetime) -> Decided:
        """Decide anew about a shipment that was held as one of many; if that was done already, return what came of it.

        Raises
        ------
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        """
        subject = self.scores.subject(request.question, now)
        shipment = subject.shipment
        repository.lock_subject(session, SubjectKey.shipment(shipment.shipment_id))
        version = subject_version(shipment, subject.moment, self.scores.state.events_known(shipment.shipment_id))
        before, turn = repository.newest_of(session, version)
        if before is None:
            return Decided(self._decide(session, request, subject, version), is_new=True)
        if "cause" not in json.loads(before.body):
            return Decided(sealed_of(before), is_new=False)
        return Decided(self._decide(session, request, subject, repository.in_turn(version, turn + 1)), is_new=True)

    def known_of(self, policy: Policy, question: Question, now: datetime) -> dict[str, Any]:
        """Return the known facts of a shipment as they are now, by a bundle, without deciding anything.

        Raises
        ------
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        """
        scored = self.scores.score(self.scores.subject(question, now))
        facts = facts_of(scored, self.scores.state, costs=policy.costs, strongest_branch_taken=Branch.NONE)
        return policy.reader.read(facts).known

    def _decide(self, session: Session, request: Request, subject: Subject, version: str) -> SealedDecision:
        scored = self.scores.score(subject)
        shipment = subject.shipment
        directives.lock_shared(session)  # what is in force and what is ordered stays so until the decision is sealed
        in_force = self.bundles.in_force(session)
        policy = in_force.for_subject(shipment.shipment_id)
        if policy.is_shared:
            repository.lock_chain(session)  # what is left now is left when this decision is sealed
        key = SubjectKey.shipment(shipment.shipment_id)
        taken = repository.branches_taken(session, key)
        weighed = weigh(session, policy, scored, self.scores.state, taken, self.more)
        looked = None
        if in_force.shadow is not None:
            again = partial(weigh, session, in_force.shadow, scored, self.scores.state, taken, self.more)
            looked = shadow.look(session, in_force.shadow, again)
        choice = weighed.choice
        # An explanation costs tens of predictions; any other is computed later, exactly, from the sealed features.
        explanation = self.scores.explain(scored) if choice.branch is not Branch.NONE or request.explain else None
        sealed = keep_sealed(
            session,
            weighed,
            key=key,
            version=version,
            moment=subject.moment.value,
            features=features_of(scored.row),
            model=model_of(self.scores.model, scored, explanation),
            actor=request.actor,
        )
        if looked is not None:
            shadow.record(session, looked, sealed)
        self._set_in_motion(session, sealed, weighed, scored, in_force)
        return sealed

    def _set_in_motion(
        self, session: Session, sealed: SealedDecision, weighed: Weighed, scored: Scored, in_force: InForce
    ) -> None:
        shipment, choice = scored.subject.shipment, weighed.choice
        if is_called(choice.branch):
            key = SubjectKey.shipment(shipment.shipment_id)
            let_out(session, sealed, weighed, in_force, key=key, target=self.target)
        elif choice.branch is Branch.REVIEW:
            open_item(session, sealed.decision_id, choice, shipment_matter(scored, weighed.policy.costs))
        if choice.findings:
            call = partial(self._call_owner, session, sealed, weighed, in_force)
            causes.take_effect(
                session,
                choice,
                weighed.facts,
                shipment=shipment,
                decision_id=sealed.decision_id,
                costs=weighed.policy.costs,
                call=call,
            )

    def _call_owner(
        self,
        session: Session,
        sealed: SealedDecision,
        weighed: Weighed,
        in_force: InForce,
        cause_id: str,
        payload: Mapping[str, object],
    ) -> str:
        """Call the owner of a cause; the call stands in nobody's turn but its own, whichever shipment came first."""
        now = weighed.choice.decided_at
        call_id = enqueue(
            session,
            Action(Branch.ESCALATE, payload, None),
            decision_id=sealed.decision_id,
            key=SubjectKey.shipment(cause_id),
            target=self.target,
            sequence=sealed.sequence,
            now=now,
            actor=SYSTEM,
            cause_id=cause_id,
        )
        counting = in_force.counting(weighed.policy)
        usage.note(session, counting, usage.LetOut(Branch.ESCALATE, call_id, now), weighed.facts)
        return call_id
