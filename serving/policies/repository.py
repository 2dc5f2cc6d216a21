"""Bundles and their moves in the database. Nothing of it is ever changed; there are only more of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.policy import Policy
from serving.db.audit import audit
from serving.db.tables import DecisionRow, PolicyBundleRow, PolicyMoveRow, ShadowDecisionRow
from serving.policies.errors import BundleNotFoundError, BundleStepError, NothingInForceError
from serving.policies.life import Life, Step

_STANDING = ("live_digest", "candidate_digest", "rollout_id", "share_millionths", "shadow_digest")


def content_hash(text: str) -> str:
    """Return the SHA-256 of the bytes of a bundle."""
    return hashlib.sha256(text.encode()).hexdigest()


def keep(session: Session, policy: Policy, at: datetime) -> PolicyBundleRow:
    """Keep a bundle, once, and return what is kept: of two that differ in comments alone, the first."""
    if policy.subject is not SubjectType.SHIPMENT:
        why = f"it is on {policy.subject}s, and the service decides about shipments only"
        raise BundleStepError("keep it", why, "Try it with `triage policy lint`.")
    row = session.get(PolicyBundleRow, policy.digest)
    if row is None:
        row = PolicyBundleRow(
            digest=policy.digest,
            name=policy.name,
            version=policy.version,
            content_hash=content_hash(policy.text),
            text=policy.text,
            kept_at=at,
        )
        session.add(row)
        session.flush()
    return row


def find(session: Session, digest: str) -> PolicyBundleRow:
    """Return a bundle.

    Raises
    ------
    BundleNotFoundError
        If none of that digest is kept.
    """
    row = session.get(PolicyBundleRow, digest)
    if row is None:
        raise BundleNotFoundError(digest)
    return row


def newest(session: Session) -> PolicyMoveRow | None:
    """Return the newest move, which says what is in force; None in a database that has no bundle yet."""
    return session.scalars(select(PolicyMoveRow).order_by(PolicyMoveRow.position.desc()).limit(1)).one_or_none()


def standing(session: Session) -> PolicyMoveRow:
    """Return the newest move, which says what is in force.

    Raises
    ------
    NothingInForceError
        If the database has no bundle yet.
    """
    row = newest(session)
    if row is None:
        raise NothingInForceError
    return row


def move(
    session: Session,
    step: Step,
    digest: str,
    *,
    by: str,
    at: datetime,
    before: PolicyMoveRow | None,
    reason: str | None = None,
    pack: str | None = None,
    signs: str | None = None,
    **changes: str | int | None,
) -> PolicyMoveRow:
    """Note a step with its entry in the audit trail; what is in force stays as it was `before`, but for `changes`."""
    stands = {} if before is None else {name: getattr(before, name) for name in _STANDING}
    stands |= changes
    row = PolicyMoveRow(
        at=at, actor=by, action=step.value, digest=digest, reason=reason, pack=pack, signs=signs, **stands
    )
    session.add(row)
    session.flush()
    new = {"reason": reason, "signs": signs, **stands}
    audit(session, at=at, actor=by, action=f"policy.{step}", subject=f"policy:{digest}", new=new)
    return row


def life(session: Session, digest: str) -> Life:
    """Return the life of a bundle so far."""
    moves = select(PolicyMoveRow).filter_by(digest=digest).order_by(PolicyMoveRow.position)
    return Life(list(session.scalars(moves)))


def earlier_live(session: Session) -> Iterable[str]:
    """Yield the bundles that were live for all, the newest first, each once."""
    seen = set()
    for digest in session.scalars(select(PolicyMoveRow.live_digest).order_by(PolicyMoveRow.position.desc())):
        if digest not in seen:
            seen.add(digest)
            yield digest


def bundles(session: Session) -> list[PolicyBundleRow]:
    """Return all bundles, the newest first."""
    return list(
        session.scalars(select(PolicyBundleRow).order_by(PolicyBundleRow.kept_at.desc(), PolicyBundleRow.digest))
    )


def history(session: Session, *, before: int | None, limit: int) -> list[PolicyMoveRow]:
    """Return moves, newest first."""
    statement = select(PolicyMoveRow).order_by(PolicyMoveRow.position.desc()).limit(limit)
    if before is not None:
        statement = statement.where(PolicyMoveRow.position < before)
    return list(session.scalars(statement))


def shadowed(session: Session, digest: str) -> Iterable[tuple[ShadowDecisionRow, str]]:
    """Yield what a bundle in shadow would have decided, each with the body of the decision that was made."""
    statement = (
        select(ShadowDecisionRow, DecisionRow.body)
        .join(DecisionRow, DecisionRow.decision_id == ShadowDecisionRow.decision_id)
        .where(ShadowDecisionRow.digest == digest)
        .order_by(ShadowDecisionRow.position)
        .execution_options(yield_per=200)
    )
    yield from session.execute(statement)


def decisions_beside(session: Session, digest: str) -> int:
    """Return how many decisions were made from the first to the last that a bundle in shadow looked at."""
    looked: Row[int | None, int | None] = session.execute(
        select(func.min(DecisionRow.sequence), func.max(DecisionRow.sequence))
        .join(ShadowDecisionRow, DecisionRow.decision_id == ShadowDecisionRow.decision_id)
        .where(ShadowDecisionRow.digest == digest)
    ).one()
    first, last = looked
    return 0 if first is None or last is None else last - first + 1


def keep_shadow(session: Session, **columns: object) -> None:
    """Keep what a bundle in shadow would have decided, or why it could not."""
    session.execute(insert(ShadowDecisionRow).values(**columns))
