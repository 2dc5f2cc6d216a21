"""What can be decided about, and which branches there are for each kind of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from features.vocabulary import Branch, SubjectType

BRANCHES_OF: Mapping[SubjectType, tuple[Branch, ...]] = MappingProxyType(
    {
        SubjectType.SHIPMENT: (
            Branch.NONE,
            Branch.REVIEW,
            Branch.NOTIFY,
            Branch.SPLIT,
            Branch.REBOOK,
            Branch.ESCALATE,
        ),
        SubjectType.INVOICE: (Branch.NONE, Branch.APPROVE, Branch.REVIEW, Branch.SHORT_PAY, Branch.DISPUTE),
        SubjectType.SHORTAGE: (
            Branch.NONE,
            Branch.REVIEW,
            Branch.NOTIFY,
            Branch.EXPEDITE,
            Branch.HOLD_WAVE,
            Branch.SPLIT_ORDER,
            Branch.SUBSTITUTE,
            Branch.REALLOCATE,
        ),
    }
)
"""The branches of each kind of subject, `none` first."""

WEAKEST: Mapping[SubjectType, tuple[Branch, ...]] = MappingProxyType(
    {
        SubjectType.SHIPMENT: (Branch.NONE, Branch.REVIEW),
        SubjectType.INVOICE: (Branch.NONE, Branch.APPROVE, Branch.REVIEW),
        SubjectType.SHORTAGE: (Branch.NONE, Branch.REVIEW),
    }
)
"""The branches that every bundle on a subject ranks first, in this order.

Approving lets money go: whatever asks for a person to look at the bill must win over it.
"""


def called_branches(subject: SubjectType) -> tuple[Branch, ...]:
    """Return the branches that ask the orchestrator for something."""
    return tuple(branch for branch in BRANCHES_OF[subject] if branch not in (Branch.NONE, Branch.REVIEW))
