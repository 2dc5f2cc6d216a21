"""The evidence pack of a submission, gathered by the service itself: what an approval signs together with the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.canonical import jsonable
from routing.errors import Severity
from routing.loader import lint_policy, parse_policy, run_suite
from routing.policy import Policy
from routing.preview.summary import Summary
from serving.db.tables import DecisionRow
from serving.policies import repository
from serving.policies.errors import BundleRefusedError, WindowError
from serving.policies.life import FEWEST_DECISIONS
from serving.policies.misses import Misses
from serving.policies.preview import preview
from serving.policies.queue import Queues, Staffing

MOST_DECISIONS = 5_000
"""How many past decisions, the newest of the window, a submission is tried on."""
WINDOW = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Window:
    """The past that a bundle is tried on: from `since` until just before `until`."""

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        """Refuse a window in which nothing can lie."""
        if self.since >= self.until:
            raise WindowError(self.since, self.until)


def read_bundle(text: str, today: date) -> Policy:
    """Read a bundle that is handed in.

    Raises
    ------
    BundleRefusedError
        With everything that is wrong with it; a review that is overdue is wrong.
    """
    problems = lint_policy(text, today=today)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise BundleRefusedError(errors)
    return parse_policy(text)


def pack_of(session: Session, policy: Policy, window: Window, *, live: str, staffing: Staffing) -> dict[str, object]:
    """Gather the evidence on a bundle, in plain JSON types.

    Parameters
    ----------
    live
        The digest of the bundle in force, beside which it was gathered.
    staffing
        Who looks at the review queue that it fills.
    """
    since = _not_more_than(MOST_DECISIONS, session, policy.subject, window)
    summary, misses, queues = Summary(policy), Misses(), Queues(session, policy)
    for compared in preview(session, policy, since, window.until):
        summary.add(compared)
        misses.add(compared)
        queues.add(compared)
    queues.add_causes(since, window.until)
    return {
        "bundle": {
            "name": policy.name,
            "version": policy.version,
            "digest": policy.digest,
            "content_hash": repository.content_hash(policy.text),
        },
        "in_force": live,
        "lint": {
            "as_of": jsonable(window.until),
            "warnings": [{"line": each.line, "where": each.where, "message": each.message} for each in policy.warnings],
        },
        "suite": run_suite(policy).as_json(),
        "preview": {"from": jsonable(since), "to": jsonable(window.until), **summary.as_json()},
        "queue": queues.preview(staffing, since, window.until).as_json(),
        "fewest_decisions": FEWEST_DECISIONS,
        "bound": misses.as_json(session) if policy.subject is SubjectType.SHIPMENT else None,
    }


def _not_more_than(count: int, session: Session, subject: SubjectType, window: Window) -> datetime:
    """Return since when there are at most so many decisions on a type of subject, or as many as share one moment."""
    row = DecisionRow
    newest = (
        select(row.decided_at)
        .where(row.subject_type == subject, row.decided_at >= window.since, row.decided_at < window.until)
        .order_by(row.decided_at.desc())
        .offset(count - 1)
        .limit(1)
    )
    return session.scalar(newest) or window.since
