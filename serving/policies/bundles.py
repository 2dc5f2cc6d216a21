"""The bundles that decide: which are in force, which one governs a shipment, and which governed a past decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.loader import parse_policy
from routing.playbooks import Playbook
from routing.policy import Policy
from routing.rollout import is_reached
from serving.policies import repository
from serving.policies.errors import BundleDamagedError, BundleNotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The bundles in force at one moment for one type of subject.

    `live` decides, but for the subjects that a rollout has reached: those `candidate` decides. `shadow` decides beside
    them, and nothing comes of it.
    """

    live: Policy
    candidate: Policy | None = None
    rollout_id: str | None = None
    share_millionths: int = 0
    shadow: Policy | None = None

    def for_subject(self, subject_id: str) -> Policy:
        """Return the bundle that decides about a subject."""
        if self.candidate is None or self.rollout_id is None:
            return self.live
        reached = is_reached(subject_id, self.rollout_id, self.share_millionths)
        return self.candidate if reached else self.live

    @property
    def may_hold(self) -> bool:
        """Whether common causes may hold something: in a rollout, also what a bundle without playbooks decides."""
        return any(policy.playbooks for policy in (self.live, self.candidate) if policy is not None)

    def playbook(self, name: str, now: datetime) -> Playbook | None:
        """Return a playbook as it is at a moment: of the live bundle, or, if it has none, of the one rolled out."""
        for policy in (self.live, self.candidate):
            if policy is not None and name in policy.playbooks:
                return policy.as_overdue(policy.overdue_at(now)).playbooks[name]
        return None

    def counting(self, first: Policy) -> list[Policy]:
        """Return the bundles by whose terms a call is counted, that of its decision first."""
        others = [each for each in (self.live, self.candidate, self.shadow) if each is not None]
        return [first, *(each for each in others if each.digest != first.digest)]


@dataclass(slots=True)
class Bundles:
    """Reads bundles of the database; each is linked once a process, for its digest says what it is."""

    _read: dict[str, Policy] = field(default_factory=dict)

    def policy(self, session: Session, digest: str) -> Policy:
        """Return a bundle that is kept.

        Raises
        ------
        BundleNotFoundError, BundleDamagedError
            If it is not kept, or is not what was handed in.
        PolicyError
            If this release cannot read it any more.
        """
        policy = self._read.get(digest)
        if policy is None:
            policy = self._read[digest] = _linked(session, digest)
        return policy

    def in_force(self, session: Session, subject: SubjectType = SubjectType.SHIPMENT) -> InForce:
        """Return the bundles in force for a type of subject.

        Raises
        ------
        NothingInForceError
            If the database has no bundle on it yet.
        """
        row = repository.standing(session, subject)
        candidate, shadow = (
            None if digest is None else self.policy(session, digest)
            for digest in (row.candidate_digest, row.shadow_digest)
        )
        return InForce(
            live=self.policy(session, row.live_digest),
            candidate=candidate,
            rollout_id=row.rollout_id,
            share_millionths=row.share_millionths or 0,
            shadow=shadow,
        )

    def live(self, session: Session, subject: SubjectType = SubjectType.SHIPMENT) -> Policy:
        """Return the bundle that is live for a type of subject; of two in a rollout, the one that was so before."""
        return self.policy(session, repository.standing(session, subject).live_digest)

    def all_live(self, session: Session) -> dict[SubjectType, Policy]:
        """Return the live bundle of each type of subject that has one."""
        rows = {subject: repository.newest(session, subject) for subject in SubjectType}
        return {subject: self.policy(session, row.live_digest) for subject, row in rows.items() if row is not None}

    def of_decision(self, session: Session, body: Mapping[str, Any]) -> Policy:
        """Return the bundle a decision was made under: it governs whatever follows of it.

        A decision of before bundles were kept is governed by the live one.
        """
        try:
            return self.policy(session, body["policy"]["digest"])
        except BundleNotFoundError:
            return self.live(session)


def _linked(session: Session, digest: str) -> Policy:
    row = repository.find(session, digest)
    if repository.content_hash(row.text) != row.content_hash:
        raise BundleDamagedError(digest)
    policy = parse_policy(row.text, name=f"{row.name} version {row.version}")
    if policy.digest != digest:
        raise BundleDamagedError(digest)
    return policy
