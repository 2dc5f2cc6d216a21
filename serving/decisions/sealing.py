"""Sealing what was weighed, and letting out its call: the same for every type of subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from routing.decision import SealedDecision, decision_body, seal
from serving.db.audit import SYSTEM, audit
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow
from serving.decisions import repository, usage
from serving.decisions.acting import Action
from serving.decisions.calls import enqueue
from serving.decisions.weighing import Weighed
from serving.messages.joining import join
from serving.policies.bundles import InForce


def keep_sealed(
    session: Session,
    weighed: Weighed,
    *,
    key: SubjectKey,
    version: str,
    moment: str,
    features: Mapping[str, float],
    model: Mapping[str, object],
    actor: str,
) -> SealedDecision:
    """Seal what was weighed as the next decision of the chain, and keep it with its entry in the audit trail."""
    choice = weighed.choice
    body = decision_body(
        weighed.policy,
        choice,
        subject={"type": key.type.value, "id": key.id, "version": version},
        facts=weighed.facts,
        context=weighed.context,
        features=features,
        model=model,
    )
    sequence, previous_hash = repository.lock_chain(session)
    sealed = seal(body, sequence=sequence + 1, previous_hash=previous_hash)
    repository.keep(
        session,
        sealed,
        version=version,
        key=key,
        moment=moment,
        branch=choice.branch.value,
        mode=choice.mode.value,
        decided_at=choice.decided_at,
        policy_digest=weighed.policy.digest,
    )
    new = {"sequence": sealed.sequence, "hash": sealed.hash, "branch": choice.branch.value}
    subject = f"decision:{sealed.decision_id}"
    audit(session, at=choice.decided_at, actor=actor, action=repository.SEALED, subject=subject, new=new)
    return sealed


def let_out(
    session: Session, sealed: SealedDecision, weighed: Weighed, in_force: InForce, *, key: SubjectKey, target: str
) -> None:
    """Enqueue the call of a decision's branch, by itself or to go with a message, and note what it takes."""
    choice, policy = weighed.choice, weighed.policy
    terms, goes_with = policy.branches[choice.branch], None
    if choice.together is not None and terms.together is not None:
        goes_with = join(
            session,
            sealed,
            choice.together,
            terms.together,
            branch=choice.branch,
            key=key,
            target=target,
            now=choice.decided_at,
        )
    call_id = enqueue(
        session,
        Action(choice.branch, choice.payload, choice.latest_useful_at),
        decision_id=sealed.decision_id,
        key=key,
        target=target,
        sequence=sealed.sequence,
        now=choice.decided_at,
        actor=SYSTEM,
        verify_within=terms.verify_within,
        goes_with=goes_with,
    )
    counting, taken = in_force.counting(policy), usage.LetOut(choice.branch, call_id, choice.decided_at)
    usage.note_takings(session, counting, taken, weighed.facts)
    if choice.together is None or choice.together.joins is None:  # one that joins was counted when it was opened
        usage.note_uses(session, counting, replace(taken, call_id=goes_with or call_id), weighed.facts)


def sealed_of(row: DecisionRow) -> SealedDecision:
    """Return a stored decision as it was sealed."""
    return SealedDecision(row.sequence, row.decision_id, row.body, row.previous_hash, row.hash)
