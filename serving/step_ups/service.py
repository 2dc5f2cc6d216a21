"""Raising a limit: proposed with the evidence, approved by a second person, who signs what both have seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import SubjectType
from routing.canonical import canonical_json, digest
from routing.directives import Directive, DirectiveKind
from routing.policy import Mode, Policy
from serving.auth.people import People, Person
from serving.auth.signing import refusal_of
from serving.clock import Clock
from serving.db.audit import audit
from serving.db.tables import DirectiveRow, StepUpRow
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.decisions.matching_orders import REASON
from serving.directives import repository as directives
from serving.directives.errors import StepUpError, StepUpNotFoundError
from serving.directives.service import end, issue, open_directive, require
from serving.policies.bundles import Bundles
from serving.step_ups import repository
from serving.step_ups.evidence import BranchEvidence, evidence_for, newly_acting, shortfall
from serving.step_ups.repository import APPROVED, PROPOSED, REJECTED

CREATED = 201
OK = 200
Render = Callable[[StepUpRow], str]
"""Writes the answer to a request; it is kept with the key."""


@dataclass(frozen=True, slots=True)
class StepUpService:
    """Keeps proposals to raise a limit. To lower one takes none: a limit is issued, and holds at once."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles
    people: People

    def propose(
        self, directive_id: str, render: Render, *, mode: Mode | None, reason: str, person: Person, keyed: Keyed
    ) -> Answer:
        """Propose to raise a limit to a mode, or to lift it.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        DirectiveNotFoundError, DirectiveEndedError
            If the limit is not there, or over.
        RoleMissingError
            If the person acts neither for its owner nor for the owner of the bundle.
        StepUpError
            If it is no step up, is proposed already, or the evidence is not enough.
        """

        def act(session: Session) -> tuple[datetime, str]:
            directives.lock(session)
            now = self.clock.now()
            row = open_directive(session, directive_id, now)
            limit = directives.directive_of(row)
            subject_type = SubjectType(row.subject_type)
            policy = self.bundles.live(session, subject_type)
            require(person, limit.owner, policy.owner, what=f"to raise a limit of {limit.owner}")
            self._check(session, limit, mode)
            concerned = self._concerned(session, limit, policy)
            evidence = _gathered(session, concerned, limit, mode, now, self.people)
            _require_enough(directive_id, evidence)
            pack = _pack(concerned, limit, mode, evidence)
            step_up_id = f"stp_{token_hex(12)}"
            repository.keep(
                session,
                step_up_id=step_up_id,
                directive_id=directive_id,
                mode=None if mode is None else mode.value,
                reason=reason,
                evidence=canonical_json(pack),
                digest=digest(pack),
                proposed_by=person.name,
                proposed_at=now,
            )
            subject = f"step_up:{step_up_id}"
            new = {**pack, REASON: reason}
            audit(session, at=now, actor=person.name, action="step_up.proposed", subject=subject, new=new)
            return now, render(_found(session, step_up_id))

        return answer_once(self.sessions, keyed, status=CREATED, act=act)

    def approve(self, step_up_id: str, render: Render, *, signed: str, person: Person, keyed: Keyed) -> Answer:
        """Approve a proposal: the limit ends, and one of the higher mode takes its place, at once.

        Parameters
        ----------
        signed
            The digest of what was proposed and shown.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        StepUpNotFoundError, DirectiveEndedError
            If the proposal or the limit is not there any more.
        RoleMissingError
            If the person acts neither for the owners of the branches that would act, nor for those of their bundles.
        StepUpError
            If it is settled, one's own or not what was signed, or if bundle or evidence are not what they were.
        """

        def act(session: Session) -> tuple[datetime, str]:
            directives.lock(session)
            now = self.clock.now()
            step_up = _open(session, step_up_id)
            row = open_directive(session, step_up.directive_id, now)
            limit, mode = directives.directive_of(row), None if step_up.mode is None else Mode(step_up.mode)
            refusal = refusal_of(person, signed, authors=(step_up.proposed_by,), shown=step_up.digest)
            if refusal is not None:
                raise StepUpError(step_up_id, *refusal)
            subject_type = SubjectType(row.subject_type)
            policy = self.bundles.live(session, subject_type)
            concerned = self._concerned(session, limit, policy)
            if _digests(json.loads(step_up.evidence), subject_type) != {
                each.subject: each.digest for each in concerned
            }:
                todo = "Reject it and propose it anew, with evidence under the bundles of today."
                raise StepUpError(step_up_id, "a bundle is not the one it was proposed under", todo)
            _require_owners(session, person, concerned, limit, mode, now)
            evidence = _gathered(session, concerned, limit, mode, now, self.people)
            _require_enough(step_up_id, evidence)
            repository.settle(session, step_up, status=APPROVED, by=person.name, at=now, note=None)
            new = {"signed": signed, "evidence": [each.as_json() for each in evidence]}
            subject = f"step_up:{step_up_id}"
            audit(session, at=now, actor=person.name, action="step_up.approved", subject=subject, new=new)
            self._raise(session, row, limit, mode, step_up, now)
            return now, render(step_up)

        return answer_once(self.sessions, keyed, status=OK, act=act)

    def reject(self, step_up_id: str, render: Render, *, reason: str, person: Person, keyed: Keyed) -> Answer:
        """Reject a proposal, or take back one's own.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        StepUpNotFoundError, StepUpError
            If it is not there, or settled.
        """

        def act(session: Session) -> tuple[datetime, str]:
            directives.lock(session)
            now = self.clock.now()
            step_up = _open(session, step_up_id)
            repository.settle(session, step_up, status=REJECTED, by=person.name, at=now, note=reason)
            subject, new = f"step_up:{step_up_id}", {"reason": reason}
            audit(session, at=now, actor=person.name, action="step_up.rejected", subject=subject, new=new)
            return now, render(step_up)

        return answer_once(self.sessions, keyed, status=OK, act=act)

    def page(self, *, only_open: bool, before: int | None, limit: int) -> list[StepUpRow]:
        """Return proposals, newest first."""
        with self.reads() as session:
            return repository.page(session, only_open=only_open, before=before, limit=limit)

    def step_up(self, step_up_id: str) -> StepUpRow:
        """Return a proposal.

        Raises
        ------
        StepUpNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            return _found(session, step_up_id)

    def _concerned(self, session: Session, limit: Directive, own: Policy) -> list[Policy]:
        """Return the live bundles that a limit holds back, its own first: a stop of everything holds back all types."""
        if limit.branch is not None or limit.where:
            return [own]
        return [own, *(each for each in self.bundles.all_live(session).values() if each.subject is not own.subject)]

    def _check(self, session: Session, limit: Directive, mode: Mode | None) -> None:
        if limit.kind is not DirectiveKind.LIMIT:
            why = f"it is no limit, but of kind {limit.kind}"
            raise StepUpError(limit.id, why, f"End it: POST /v1/directives/{limit.id}/end")
        if limit.mode is not None and mode is not None and mode.rank <= limit.mode.rank:
            todo = "To step down, issue a limit: POST /v1/directives"
            raise StepUpError(limit.id, f"{mode} is not above {limit.mode}", todo)
        before = repository.pending(session, limit.id)
        if before is not None:
            why = f"{before.proposed_by} has proposed one already ({before.step_up_id})"
            raise StepUpError(limit.id, why, "Approve or reject that one.")

    def _raise(
        self,
        session: Session,
        row: DirectiveRow,
        limit: Directive,
        mode: Mode | None,
        step_up: StepUpRow,
        now: datetime,
    ) -> None:
        by = str(step_up.decided_by)
        end(
            session, row, by=by, at=now, because=f"raised by {step_up.step_up_id}, which {step_up.proposed_by} proposed"
        )
        if mode is not None:
            raised = replace(limit, id=f"dir_{token_hex(12)}", mode=mode, since=now, reason=step_up.reason)
            issue(session, raised, SubjectType(row.subject_type), by=by, at=now)


def _gathered(
    session: Session, concerned: Sequence[Policy], limit: Directive, mode: Mode | None, now: datetime, by: People
) -> tuple[BranchEvidence, ...]:
    """Gather the evidence for every branch that would newly act, under each bundle that the limit holds back."""
    return tuple(
        found
        for policy in concerned
        for found in evidence_for(session, policy, limit, mode, _others(session, limit, policy.subject, now), by)
    )


def _require_owners(
    session: Session, person: Person, concerned: Sequence[Policy], limit: Directive, mode: Mode | None, now: datetime
) -> None:
    """Make sure that a person acts for the owner of every branch that would newly act, or for that of its bundle."""
    acting = [
        (terms.owner, policy.owner)
        for policy in concerned
        for terms in newly_acting(policy, limit, mode, _others(session, limit, policy.subject, now))
    ]
    for owner, of_bundle in acting or [(limit.owner, concerned[0].owner)]:
        require(person, owner, of_bundle, what=f"to approve a step up of {owner}")


def _digests(pack: Mapping[str, Any], subject: SubjectType) -> dict[SubjectType, str]:
    """Return the bundles that a proposal was made under; one of before names that of its own type alone."""
    named = pack.get("policies", {subject.value: pack["policy"]})
    return {SubjectType(each): digest for each, digest in named.items()}


def _pack(
    concerned: Sequence[Policy], limit: Directive, mode: Mode | None, evidence: Sequence[BranchEvidence]
) -> dict[str, object]:
    return {
        "policy": concerned[0].digest,
        "policies": {policy.subject.value: policy.digest for policy in concerned},
        "limit": limit.as_json(),
        "mode": None if mode is None else mode.value,
        "evidence": [each.as_json() for each in evidence],
    }


def _others(session: Session, limit: Directive, subject: SubjectType, now: datetime) -> list[Directive]:
    standing = directives.standing(session, now, subject)
    return [each for each in standing if each.kind is DirectiveKind.LIMIT and each.id != limit.id]


def _require_enough(subject: str, evidence: Sequence[BranchEvidence]) -> None:
    """Make sure that people agree with every branch that would act by itself."""
    todo = "Raise the limit to recommend, or of one branch at a time, and let people answer its suggestions."
    refusal = shortfall(evidence, todo)
    if refusal is not None:
        raise StepUpError(subject, *refusal)


def _found(session: Session, step_up_id: str) -> StepUpRow:
    row = repository.find(session, step_up_id)
    if row is None:
        raise StepUpNotFoundError(step_up_id)
    return row


def _open(session: Session, step_up_id: str) -> StepUpRow:
    row = _found(session, step_up_id)
    if row.status != PROPOSED:
        why = f"{row.decided_by} has {row.status} it"
        raise StepUpError(step_up_id, why, "Propose a new one if one is needed.")
    return row
