"""The steps of a bundle's life: who may take each, when, and what is in force afterwards.

Each runs in a transaction in which nobody decides (`directives.repository.lock`), and adds one move or raises.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.errors import PolicyError
from routing.policy import Policy
from routing.rollout import ALL
from serving.auth.people import People, Person
from serving.auth.signing import refusal_of
from serving.db.audit import SYSTEM
from serving.db.tables import PolicyBundleRow, PolicyMoveRow
from serving.decisions import usage
from serving.directives import repository as orders
from serving.directives.service import require
from serving.policies import overdue, repository
from serving.policies.autonomy import agreement
from serving.policies.bundles import Bundles
from serving.policies.errors import BundleStepError, LifeError
from serving.policies.life import FEWEST_DECISIONS, Life, Status, Step
from serving.step_ups.evidence import shortfall

_NO_ROLLOUT = {"candidate_digest": None, "rollout_id": None, "share_millionths": None}
_SECOND = "Submit it, and let a second person approve it."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """A bundle that is kept, its life so far, and what is in force."""

    bundle: PolicyBundleRow
    life: Life
    standing: PolicyMoveRow

    @property
    def status(self) -> Status:
        """Where it stands."""
        return self.life.status(self.bundle.digest, self.standing)

    @property
    def is_outdated(self) -> bool:
        """Whether another bundle is live now than the one beside which its evidence was gathered."""
        return self.life.judged_beside != self.standing.live_digest


@dataclass(frozen=True, slots=True)
class Taking:
    """What every step is given: the transaction, what is in force before it, who takes it and when."""

    session: Session
    bundles: Bundles
    standing: PolicyMoveRow
    person: Person
    now: datetime

    @property
    def live(self) -> Policy:
        """The live bundle."""
        return self.bundles.policy(self.session, self.standing.live_digest)

    def known(self, digest: str) -> Known:
        """Return a bundle."""
        return known(self.session, digest, self.standing)

    def require_owner(self, what: str) -> None:
        """Make sure that the person acts for the owner of the bundle in force."""
        require(self.person, self.live.owner, what=what)

    def move(self, step: Step, digest: str, **columns: Any) -> None:
        """Note the step."""
        by = self.person.name
        repository.move(self.session, step, digest, by=by, at=self.now, before=self.standing, **columns)

    def close_reviewed(self) -> None:
        """Close the overdue reviews that are done in what is in force now."""
        overdue.close_reviewed(self.session, self.bundles, SubjectType(self.standing.subject_type), self.now)


def known(session: Session, digest: str, standing: PolicyMoveRow) -> Known:
    """Return a bundle; `BundleNotFoundError` if it is not kept."""
    return Known(repository.find(session, digest), repository.life(session, digest), standing)


def submit(taking: Taking, policy: Policy, *, reason: str, pack: str, signs: str) -> None:
    """Freeze a bundle with its evidence. Anybody with a token may."""
    kept = repository.keep(taking.session, policy, taking.now)
    if kept.text != policy.text:
        why = "the same document is kept already, with other comments or another layout"
        raise BundleStepError("submit it", why, "Raise its version, so that it is told apart.")
    found = taking.known(policy.digest)
    waits = found.status is Status.SUBMITTED and not found.is_outdated
    if found.life.moves and (waits or found.status is Status.LIVE):
        raise BundleStepError("submit it", f"it is {found.status} already", "See GET /v1/policies.")
    taking.move(Step.SUBMITTED, policy.digest, reason=reason, pack=pack, signs=signs)


def approve(taking: Taking, digest: str, *, signed: str, waives: str | None, people: People) -> None:
    """Sign what another has submitted; also afterwards, what somebody alone has put in force or what was taken back.

    `waives` says why fewer past decisions than the evidence asks for are enough, and is kept as the reason. The answers
    of `people` show whether a branch may act by itself that did not before.
    """
    taking.require_owner("to approve a bundle")
    found = taking.known(digest)
    submission = found.life.submission
    waits = found.life.verdict in (Step.SUBMITTED, Step.BROKE_GLASS, Step.ROLLED_BACK)
    if submission is None or submission.signs is None or not waits:
        raise BundleStepError("approve it", f"it is {found.status}", "Submit it again.")
    if found.life.verdict is not Step.BROKE_GLASS:
        _require_evidence_of_today(found, "approve it")
    refusal = refusal_of(taking.person, signed, authors=found.life.authors, shown=submission.signs)
    if refusal is not None:
        raise BundleStepError("approve it", *refusal)
    if found.life.decisions_tried < FEWEST_DECISIONS and waives is None:
        why = f"it was tried on {found.life.decisions_tried} past decisions, expected {FEWEST_DECISIONS} at least"
        todo = "Submit it with an earlier `since`, or approve it with `waives`: why so few are enough."
        raise BundleStepError("approve it", why, todo)
    _require_agreement(taking, found, people)
    taking.move(Step.APPROVED, digest, signs=signed, reason=waives)


def _require_agreement(taking: Taking, found: Known, people: People) -> None:
    """Make sure that people agree with every branch that would newly act by itself; what nobody approved is no before.

    Raises
    ------
    BundleDamagedError
        If its bytes are not those that were submitted.
    """
    session, own, beside = taking.session, found.bundle.digest, str(found.life.judged_beside)
    earlier = (beside, *repository.earlier_live(session, found.bundle.subject_type))
    before = next((each for each in earlier if each != own and repository.life(session, each).may_return), beside)
    was, new = (taking.bundles.policy(session, each) for each in (before, own))
    todo = "Let them recommend, let people answer what they suggest, and approve it then."
    refusal = shortfall(agreement(session, was, new, people), todo)
    if refusal is not None:
        raise BundleStepError("approve it", *refusal)


def _require_evidence_of_today(found: Known, what: str) -> None:
    """Make sure that the evidence still tells what would change: that the bundle it compares with is the live one."""
    if found.is_outdated:
        beside, live = str(found.life.judged_beside)[:12], found.standing.live_digest[:12]
        why = f"its evidence compares it with bundle {beside}…, and {live}… is live now"
        raise BundleStepError(what, why, "Submit it again, so that the evidence is gathered anew.")


def reject(taking: Taking, digest: str, *, reason: str) -> None:
    """Reject what is not in force; one's own, or as the owner."""
    found = taking.known(digest)
    if taking.person.name not in found.life.authors:
        taking.require_owner("to reject a bundle")
    if found.status not in (Status.SUBMITTED, Status.APPROVED, Status.SHADOW):
        raise BundleStepError("reject it", f"it is {found.status}", "What is in force is rolled back.")
    ends = {"shadow_digest": None} if taking.standing.shadow_digest == digest else {}
    taking.move(Step.REJECTED, digest, reason=reason, **ends)


def put_in_shadow(taking: Taking, digest: str) -> None:
    """Let a bundle that was submitted decide beside the one in force; one's own, or as the owner."""
    found = taking.known(digest)
    if taking.person.name not in found.life.authors:
        taking.require_owner("to put a bundle in shadow")
    if found.status not in (Status.SUBMITTED, Status.APPROVED, Status.RETIRED):
        raise BundleStepError("put it in shadow", f"it is {found.status}", "Submit it first.")
    if taking.standing.shadow_digest is not None:
        why = f"bundle {taking.standing.shadow_digest[:12]}… is"
        raise BundleStepError("put it in shadow", why, "End that one's shadow first.")
    usage.note_earlier(taking.session, taking.bundles.policy(taking.session, digest), taking.now)
    taking.move(Step.SHADOWED, digest, shadow_digest=digest)


def end_shadow(taking: Taking, digest: str) -> None:
    """Let a bundle decide beside the one in force no longer; one's own, or as the owner."""
    found = taking.known(digest)
    if taking.person.name not in found.life.authors:
        taking.require_owner("to end a shadow")
    if taking.standing.shadow_digest != digest:
        raise BundleStepError("end its shadow", f"it is {found.status}", "There is nothing to end.")
    taking.move(Step.SHADOW_ENDED, digest, shadow_digest=None)


def publish(taking: Taking, digest: str, *, share_millionths: int, reason: str) -> None:
    """Put an approved bundle in force for a share of its subjects, which only grows, or for all."""
    taking.require_owner("to put a bundle in force")
    found, standing = taking.known(digest), taking.standing
    if digest == standing.live_digest:
        raise BundleStepError("put it in force", "it is live for all already", "There is nothing to do.")
    if standing.candidate_digest not in (None, digest):
        why = f"bundle {str(standing.candidate_digest)[:12]}… is being rolled out"
        raise BundleStepError("put it in force", why, "Bring that rollout to its end, or roll it back.")
    if share_millionths <= (standing.share_millionths or 0):
        why = f"it has {(standing.share_millionths or 0) / ALL:.2%} of its subjects, and a share only grows"
        raise BundleStepError("put it in force", why, "Give a larger share, or roll it back.")
    if not found.life.is_approved:
        raise BundleStepError("put it in force", "nobody has approved it as it was submitted", _SECOND)
    _require_evidence_of_today(found, "put it in force")
    if share_millionths == ALL:
        changes: dict[str, str | int | None] = {**_NO_ROLLOUT, "live_digest": digest}
    else:
        rollout_id = standing.rollout_id or f"rol_{token_hex(12)}"
        changes = {"candidate_digest": digest, "rollout_id": rollout_id, "share_millionths": share_millionths}
    if standing.shadow_digest == digest:
        changes["shadow_digest"] = None
    usage.note_earlier(taking.session, taking.bundles.policy(taking.session, digest), taking.now)
    taking.move(Step.PUBLISHED, digest, reason=reason, **changes)
    taking.close_reviewed()


def roll_back(taking: Taking, *, reason: str) -> str:
    """Take back a rollout that is under way, else the live bundle for the one before it; return which is live now."""
    session, standing = taking.session, taking.standing
    live = taking.live
    owners = sorted({live.owner, *(terms.owner for terms in live.branches.values())})
    require(taking.person, *owners, what="to roll a bundle back")
    returning = standing.live_digest
    if standing.candidate_digest is None:
        were_live = repository.earlier_live(session, standing.subject_type)
        earlier = (each for each in were_live if each != standing.live_digest)
        found = next((each for each in earlier if repository.life(session, each).may_return), None)
        if found is None:
            raise BundleStepError("roll back", "no bundle that may return was in force before", _SECOND)
        returning = found
    usage.note_earlier(session, taking.bundles.policy(session, returning), taking.now)
    changes: dict[str, str | int | None] = {**_NO_ROLLOUT, "live_digest": returning}
    if standing.shadow_digest == returning:
        changes["shadow_digest"] = None
    taking.move(Step.ROLLED_BACK, standing.candidate_digest or standing.live_digest, reason=reason, **changes)
    taking.close_reviewed()
    return returning


def halt(session: Session, digest: str, *, because: str, now: datetime) -> None:
    """Take back a rollout that is under way, by the service itself; nothing if it is over by now."""
    orders.lock(session)
    standing = repository.standing_beside(session, digest)
    if standing.candidate_digest == digest:
        by, reason = SYSTEM, f"halted: {because}"
        repository.move(session, Step.ROLLED_BACK, digest, by=by, at=now, before=standing, reason=reason, **_NO_ROLLOUT)
        _log.error("The rollout of bundle %s is halted: %s", digest, because)
        try:
            overdue.close_reviewed(session, Bundles(), SubjectType(standing.subject_type), now)
        except (LifeError, PolicyError) as error:  # it is halted all the same
            _log.warning("What is overdue still cannot be told: %s", error)


def break_glass(taking: Taking, digest: str, *, reason: str) -> None:
    """Put a submitted bundle in force for all without a second person. It is alarmed until one has approved it."""
    taking.require_owner("to put a bundle in force alone")
    found = taking.known(digest)
    if digest == taking.standing.live_digest or found.life.submission is None:
        raise BundleStepError("break the glass", f"it is {found.status}", "Submit another one.")
    alone(taking, digest, reason=reason)


def alone(taking: Taking, digest: str, *, reason: str) -> None:
    """Put a bundle in force for all, on the word of one person."""
    changes: dict[str, str | int | None] = {**_NO_ROLLOUT, "live_digest": digest}
    if taking.standing.shadow_digest == digest:
        changes["shadow_digest"] = None
    usage.note_earlier(taking.session, taking.bundles.policy(taking.session, digest), taking.now)
    taking.move(Step.BROKE_GLASS, digest, reason=reason, **changes)
    taking.close_reviewed()
