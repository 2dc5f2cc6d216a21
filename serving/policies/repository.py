"""Bundles and their moves in the database. Nothing of it is ever changed; there are only more of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, case, func, insert, select
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.policy import Policy
from serving.db.audit import audit
from serving.db.tables import DecisionRow, PolicyBundleRow, PolicyMoveRow, ShadowDecisionRow
from serving.policies.errors import BundleNotFoundError, NothingInForceError
from serving.policies.life import Life, Step

_STANDING = ("live_digest", "candidate_digest", "rollout_id", "share_millionths", "shadow_digest")


_NEWEST = (
    select(PolicyMoveRow)
    .where(PolicyMoveRow.subject_type == bindparam("subject_type"))
    .order_by(PolicyMoveRow.position.desc())
    .limit(1)
)


def content_hash(text: str) -> str:
    """Return the SHA-256 of the bytes of a bundle."""
    return hashlib.sha256(text.encode()).hexdigest()


def keep(session: Session, policy: Policy, at: datetime) -> PolicyBundleRow:
    """Keep a bundle, once, and return what is kept: of two that differ in comments alone, the first."""
    row = session.get(PolicyBundleRow, policy.digest)
    if row is None:
        row = PolicyBundleRow(
            digest=policy.digest,
            name=policy.name,
            version=policy.version,
            content_hash=content_hash(policy.text),
            text=policy.text,
            kept_at=at,
            subject_type=policy.subject.value,
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


def newest(session: Session, subject: SubjectType) -> PolicyMoveRow | None:
    """Return the newest move on a type of subject, which says what is in force; None if there is no bundle yet."""
    return session.scalars(_NEWEST, {"subject_type": subject.value}).one_or_none()


def standing(session: Session, subject: SubjectType = SubjectType.SHIPMENT) -> PolicyMoveRow:
    """Return the newest move on a type of subject, which says what is in force.

    Raises
    ------
    NothingInForceError
        If the database has no bundle on it yet.
    """
    row = newest(session, subject)
    if row is None:
        raise NothingInForceError(subject)
    return row


def standing_beside(session: Session, digest: str) -> PolicyMoveRow:
    """Return what is in force for the subjects of a bundle.

    Raises
    ------
    BundleNotFoundError, NothingInForceError
        If none of that digest is kept, or nothing is in force for its subjects.
    """
    return standing(session, SubjectType(find(session, digest).subject_type))


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
        at=at,
        actor=by,
        action=step.value,
        digest=digest,
        reason=reason,
        pack=pack,
        signs=signs,
        subject_type=find(session, digest).subject_type,
        **stands,
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


def earlier_live(session: Session, subject: str) -> Iterable[str]:
    """Yield the bundles that were live for all subjects of a type, the newest first, each once."""
    seen = set()
    own = select(PolicyMoveRow.live_digest).filter_by(subject_type=subject)
    for digest in session.scalars(own.order_by(PolicyMoveRow.position.desc())):
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


def shadowed(
    session: Session, digest: str, *, before: int | None, limit: int
) -> Iterable[tuple[ShadowDecisionRow, str]]:
    """Yield the newest of what a bundle in shadow would have decided, each with the body of the decision that was made.

    They come in the order of time.
    """
    row = ShadowDecisionRow
    own = (row.digest == digest, *(() if before is None else (row.position < before,)))
    newest = select(row.position).where(*own).order_by(row.position.desc()).limit(limit)
    first = select(func.min(newest.subquery().c.position)).scalar_subquery()
    statement = (
        select(row, DecisionRow.body)
        .join(DecisionRow, DecisionRow.decision_id == row.decision_id)
        .where(*own, row.position >= first)
        .order_by(row.position)
        .execution_options(yield_per=200)
    )
    yield from session.execute(statement)


def count_shadowed(session: Session, digest: str) -> tuple[int, int]:
    """Return at how many decisions a bundle in shadow has looked, and at how many of these it failed."""
    row = ShadowDecisionRow
    failed = func.coalesce(func.sum(case((row.body.is_(None), 1), else_=0)), 0)
    looked, came_to_nothing = session.execute(select(func.count(), failed).where(row.digest == digest)).one()
    return looked, int(came_to_nothing)


def decisions_beside(session: Session, digest: str) -> int:
    """Return how many decisions on its subjects were made from the first to the last that a bundle in shadow saw."""
    looked = (
        select(func.min(DecisionRow.sequence).label("first"), func.max(DecisionRow.sequence).label("last"))
        .join(ShadowDecisionRow, DecisionRow.decision_id == ShadowDecisionRow.decision_id)
        .where(ShadowDecisionRow.digest == digest)
        .subquery()
    )
    beside = select(func.count(DecisionRow.sequence)).where(
        DecisionRow.subject_type == find(session, digest).subject_type,
        DecisionRow.sequence.between(select(looked.c.first).scalar_subquery(), select(looked.c.last).scalar_subquery()),
    )
    return session.scalar(beside) or 0


def keep_shadow(session: Session, **columns: object) -> None:
    """Keep what a bundle in shadow would have decided, or why it could not."""
    session.execute(insert(ShadowDecisionRow).values(**columns))
