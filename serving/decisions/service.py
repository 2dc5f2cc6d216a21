"""Score, decide, record and set in motion: in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch
from routing.counterfactuals import Counterfactual
from routing.decision import SealedDecision
from routing.engine import Choice
from routing.policy import Policy
from serving.clock import Clock
from serving.db.audit import SYSTEM
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions import repository
from serving.decisions.anew import Held, is_held
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
from serving.decisions.weighing import MoreFacts, Weighed, weigh
from serving.errors import DecisionNotFoundError
from serving.events.following import Following
from serving.messages.joining import take_back
from serving.policies.bundles import Bundles
from serving.reviews.opening import shipment_matter
from serving.scores.service import Question, ScoreService, Subject


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
    more: Mapping[Branch, MoreFacts] = field(default_factory=dict)

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

    @property
    def can_decide(self) -> bool:
        """Whether this process can judge shipments: without a model it leaves them to people, and decides."""
        return True

    def lock(self, session: Session, key: SubjectKey) -> None:
        """Wait for the turn to decide about a shipment."""
        repository.lock_subject(session, key)

    def known_again(self, session: Session, policy: Policy, held: Held, now: datetime) -> dict[str, Any]:
        """Return the known facts of a held shipment as they are now, by a bundle, without deciding anything.

        Raises
        ------
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        """
        scored = self.scores.score(self.scores.subject(self._question(session, held), now))
        facts = facts_of(scored, self.scores.state, costs=policy.costs, strongest_branch_taken=Branch.NONE)
        return policy.reader.read(facts).known

    def again(self, session: Session, held: Held, now: datetime) -> Decided:
        """Decide anew about a shipment that was held as one of many; if that was done already, return what came of it.

        Raises
        ------
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        """
        request = Request(self._question(session, held), Keyed("", ""), SYSTEM)
        subject = self.scores.subject(request.question, now)
        shipment = subject.shipment
        repository.lock_subject(session, SubjectKey.shipment(shipment.shipment_id))
        version = subject_version(shipment, subject.moment, self.scores.state.events_known(shipment.shipment_id))
        before, turn = repository.newest_of(session, version)
        if before is None:
            return Decided(self._decide(session, request, subject, version), is_new=True)
        if not is_held(before):
            return Decided(sealed_of(before), is_new=False)
        return Decided(self._decide(session, request, subject, repository.in_turn(version, turn + 1)), is_new=True)

    def _question(self, session: Session, held: Held) -> Question:
        """Ask about a shipment as it was asked before: by its id, or, if nobody announced it, as it was described."""
        if self.scores.state.knows(held.key.id):
            return Question(shipment_id=held.key.id)
        described: Mapping[str, Any] = held.body(session)["model"]["shipment"]
        return Question(shipment={name: value for name, value in described.items() if name != "known_at"})

    def _decide(self, session: Session, request: Request, subject: Subject, version: str) -> SealedDecision:
        scored = self.scores.score(subject)
        shipment = subject.shipment
        key = SubjectKey.shipment(shipment.shipment_id)
        in_force, policy = governing(session, self.bundles, key)
        taken = repository.branches_taken(session, key)
        if taken.waits:
            take_back(session, key, "the shipment is decided about anew", now=subject.as_of)
            taken = repository.branches_taken(session, key)

        def weighed_under(policy: Policy) -> Weighed:
            return weigh(session, policy, scored, self.scores.state, taken.branches, self.more)

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
        matter = shipment_matter(scored, weighed.policy.costs)
        set_in_motion(session, sealed, weighed, in_force, matter, target=self.target)
        return sealed
