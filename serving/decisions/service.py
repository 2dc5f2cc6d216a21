"""Score, decide, record and set in motion: in one transaction, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch
from routing.counterfactuals import Counterfactual
from routing.decision import SealedDecision
from routing.engine import Choice
from routing.policy import Policy
from serving.causes import effects as causes
from serving.clock import Clock
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions import repository, usage
from serving.decisions.acting import Action
from serving.decisions.calls import enqueue
from serving.decisions.deciding import (
    Decided,
    Noted,
    Render,
    decide_once,
    governing,
    set_in_motion,
    weigh_and_seal,
)
from serving.decisions.facts import facts_of
from serving.decisions.idempotency import Answer, Keyed
from serving.decisions.record import features_of, model_of
from serving.decisions.replaying import counterfactuals
from serving.decisions.sealing import sealed_of
from serving.decisions.subject import subject_version
from serving.decisions.weighing import MoreFacts, Weighed, no_more, weigh
from serving.errors import DecisionNotFoundError
from serving.events.following import Following
from serving.policies.bundles import Bundles, InForce
from serving.reviews.opening import shipment_matter
from serving.scores.service import Question, Scored, ScoreService, Subject


@dataclass(frozen=True, slots=True)
class Request:
    """A request to triage: who asks what, under which key."""

    question: Question
    keyed: Keyed
    actor: str
    explain: bool = False


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

        def act(session: Session, now: datetime) -> str:
            return render(self._decided(session, request, now))

        return decide_once(self.sessions, self.following, self.clock, request.keyed, act)

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
        key = SubjectKey.shipment(shipment.shipment_id)
        in_force, policy = governing(session, self.bundles, key)
        taken = repository.branches_taken(session, key)

        def weighed_under(policy: Policy) -> Weighed:
            return weigh(session, policy, scored, self.scores.state, taken, self.more)

        def model(choice: Choice) -> dict[str, object]:
            # An explanation costs tens of predictions; any other is computed later, exactly, from the sealed features.
            explanation = self.scores.explain(scored) if choice.branch is not Branch.NONE or request.explain else None
            return model_of(self.scores.model, scored, explanation)

        noted = Noted(
            key=key,
            version=version,
            moment=subject.moment.value,
            features=features_of(scored.row),
            model=model,
            actor=request.actor,
        )
        sealed, weighed = weigh_and_seal(session, in_force, policy, weighed_under, noted)
        self._set_in_motion(session, sealed, weighed, scored, in_force)
        return sealed

    def _set_in_motion(
        self, session: Session, sealed: SealedDecision, weighed: Weighed, scored: Scored, in_force: InForce
    ) -> None:
        shipment, choice = scored.subject.shipment, weighed.choice
        matter = shipment_matter(scored, weighed.policy.costs)
        set_in_motion(session, sealed, weighed, in_force, matter, target=self.target)
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
