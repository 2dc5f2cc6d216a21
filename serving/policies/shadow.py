"""A bundle in shadow: it weighs every case that another decides, and all that comes of it is a record.

It is given the decision's own reading of the world: what is left, what is ordered, what went before. What it would
itself have used up or said is not there; the report carries that on, and tells how its budgets would have gone.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import Context
from routing.decision import SealedDecision, decision_body
from routing.engine import Choice
from routing.policy import Policy
from routing.preview.comparing import Compared, taken_by, told_with
from routing.preview.reasons import drawn_instead, why_otherwise
from routing.preview.spending import CarriedOn
from routing.preview.summary import Summary
from routing.recording import decode_facts
from routing.replay import replay
from serving.db.tables import ShadowDecisionRow
from serving.decisions.weighing import Weighed
from serving.policies import repository

MOST_WITHOUT = 100
"""So many of those that would have gone without are named; all are counted."""
MOST_BEFORE = 5000
"""So many decisions of before a page are looked at for what the bundle would have used up."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a bundle in shadow makes of a case, or why it could make nothing of it."""

    policy: Policy
    weighed: Weighed | None
    error: str | None = None


def look(session: Session, policy: Policy, weigh: Callable[[], Weighed]) -> Looked:
    """Weigh a case under a bundle in shadow. Whatever goes wrong is kept, and does not touch the decision beside."""
    try:
        with session.begin_nested():
            return Looked(policy, weigh())
    except SQLAlchemyError:
        raise  # the decision beside cannot be made either
    except Exception as error:
        _log.exception("Bundle %s in shadow failed", policy.digest[:12])
        return Looked(policy, None, f"{type(error).__name__}: {error}")


def record(session: Session, looked: Looked, beside: SealedDecision) -> None:
    """Keep what a bundle in shadow makes of a case, beside the decision that was made."""
    sealed = json.loads(beside.body)
    why = body = None
    if looked.weighed is not None:
        weighed = looked.weighed
        choice = weighed.choice
        body = canonical_json(
            decision_body(
                weighed.policy, choice, subject=sealed["subject"], facts=weighed.facts, context=weighed.context
            )
        )
        if taken_by(sealed["branch"], sealed["recommended_branch"]) != taken_by(
            choice.branch, choice.recommended_branch
        ):
            why = why_otherwise(sealed, choice, as_it_was=True)
    repository.keep_shadow(
        session,
        digest=looked.policy.digest,
        decision_id=beside.decision_id,
        decided_at=datetime.fromisoformat(sealed["decided_at"]),
        why=why,
        body=body,
        error=looked.error,
    )


class WentWithout(NamedTuple):
    """A case that would have gone to `branch`, and would have come to `instead` as too little was left of `lacked`."""

    decision_id: str
    subject_id: str
    decided_at: datetime
    branch: Branch
    instead: Branch
    lacked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a bundle in shadow would have changed; it looked at `looked_at` of `decisions`, and failed at `failed`.

    `summary` is of one page of what it looked at; `next` is given as `before` for the page after, None for the last.
    `without` are the newest of the page that would have come to something else for want of budget.
    """

    summary: Summary
    without: Sequence[WentWithout]
    decisions: int
    looked_at: int
    failed: int
    next: int | None


def report(session: Session, policy: Policy, *, before: int | None, limit: int) -> ShadowReport:
    """Sum up what a bundle in shadow would have decided; each record of the page is decided again on the way.

    How its budgets would have gone rests on what it would have used itself since its shadow began.
    """
    summary, seen, first = Summary(policy), 0, None
    carried, without = CarriedOn(policy), deque[WentWithout](maxlen=MOST_WITHOUT)
    for row, made in repository.shadowed(session, policy.digest, before=before, limit=limit):
        if first is None:
            first = row.position
            _look_back(session, summary, row, carried)
        seen += 1
        if row.body is None:
            continue
        sealed, choice = json.loads(made), replay(row.body, policy).choice
        compared = Compared(
            decision_id=row.decision_id,
            subject_id=sealed["subject"]["id"],
            decided_at=row.decided_at,
            before=taken_by(sealed["branch"], sealed["recommended_branch"]),
            after=taken_by(choice.branch, choice.recommended_branch),
            was_drawn=drawn_instead(sealed) is not None,
            told_with=told_with(sealed),
            why=row.why,
            choice=choice,
            facts=decode_facts(json.loads(row.body)["facts"]),
            body=sealed,
        )
        summary.add(compared)
        if policy.budgets:
            again, context = _again(carried, row.body, compared.subject_id, choice)
            lacked = summary.spend(again, context)
            if lacked is not None:
                case = (row.decision_id, compared.subject_id, row.decided_at)
                without.append(WentWithout(*case, lacked.branch, again.branch, lacked.lacked))
    decisions = repository.decisions_beside(session, policy.digest)
    looked_at, failed = repository.count_shadowed(session, policy.digest)
    return ShadowReport(summary, tuple(without), decisions, looked_at, failed, first if seen == limit else None)


def _look_back(session: Session, summary: Summary, begin: ShadowDecisionRow, carried: CarriedOn) -> None:
    """Carry on what was decided before a page: who went without then used nothing of what is left by now."""
    policy = summary.policy
    if not policy.budgets:
        return
    for row, made in repository.shadowed(session, policy.digest, before=begin.position, limit=MOST_BEFORE):
        if row.body is not None:
            subject_id = json.loads(made)["subject"]["id"]
            again, _ = _again(carried, row.body, subject_id, replay(row.body, policy).choice)
            summary.spending.before(again)


def _again(carried: CarriedOn, body: str, subject_id: str, choice: Choice) -> tuple[Choice, Context]:
    """Decide a record again with what the bundle itself would have left by then."""
    sealed = json.loads(body)
    return carried.again(
        subject_id, decode_facts(sealed["facts"]), choice, Context.from_json(sealed.get("context", {}))
    )
