"""What capacity is worth now: each budget of a live bundle priced by the decisions of its hours, as they are sealed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.buckets import Bucket
from routing.context import Context
from routing.policy import Budget, Choosing, Policy
from routing.replay import replay
from routing.scarcity import Scarcity, Want, scarcity_of, wants_of
from serving.db.tables import DecisionRow

MOST_DECISIONS = 5000
"""So many of the newest decisions are decided again to price the budgets of a bundle."""


@dataclass(frozen=True, slots=True)
class BudgetPrice:
    """How scarce a budget was within its hours, for whom, dearest first; nobody took or lacked any of it if empty.

    `since` is from when on decisions were looked at. `parts` is None where the bundle does not choose by expected cost.
    """

    subject: SubjectType
    budget: Budget
    currency: str
    since: datetime
    parts: Sequence[tuple[dict[str, str], Scarcity]] | None


def prices_of(session: Session, policy: Policy, now: datetime) -> list[BudgetPrice]:
    """Return what one more unit of each budget of a bundle would have saved among what it decided within its hours."""
    reach = max((budget.per for budget in policy.budgets.values()), default=timedelta(0))
    wants: defaultdict[Bucket, list[Want]] = defaultdict(list)
    begin = now - reach
    if policy.choosing is Choosing.LEAST_EXPECTED_COST and policy.budgets:
        row = DecisionRow
        decided = select(row.decided_at, row.body).where(
            row.subject_type == policy.subject.value, row.policy_digest == policy.digest, row.decided_at > begin
        )
        rows = session.execute(decided.order_by(row.sequence.desc()).limit(MOST_DECISIONS)).all()
        begin = begin if len(rows) < MOST_DECISIONS else rows[-1].decided_at
        for _, body in rows:
            context = Context.from_json(json.loads(body).get("context", {}))
            for bucket, want in wants_of(policy, replay(body, policy).choice, context):
                if want.at > now - policy.budgets[bucket.budget].per:
                    wants[bucket].append(want)
    return [
        BudgetPrice(
            policy.subject,
            budget,
            policy.costs.currency,
            max(begin, now - budget.per),
            _parts(budget, wants) if policy.choosing is Choosing.LEAST_EXPECTED_COST else None,
        )
        for budget in policy.budgets.values()
    ]


def _parts(budget: Budget, wants: dict[Bucket, list[Want]]) -> list[tuple[dict[str, str], Scarcity]]:
    found = [
        (dict(zip(budget.apart, bucket.values, strict=True)), scarcity_of(bucket, own))
        for bucket, own in wants.items()
        if bucket.budget == budget.name
    ]
    return sorted(found, key=lambda part: (-part[1].shadow_price_minor, -part[1].went_without, str(part[0])))
