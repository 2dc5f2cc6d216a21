"""Which part of a budget a case takes from, where it is kept apart: for each carrier, each lane, each bundle.

Where that cannot be told, a case takes of no part, and what takes from the budget waits for a person: the part it would
have taken from may be used up.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from routing.canonical import digest
from routing.errors import listed
from routing.policy import Budget, Policy

BUNDLE = "bundle"
"""In `per` of a budget: kept for each bundle apart, by its digest. No fact may be meant by that word."""


class Bucket(NamedTuple):
    """A budget, or the part of it that is kept for some values; there are none where it is not kept apart."""

    budget: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.budget}{json.dumps(list(self.values), ensure_ascii=False)}" if self.values else self.budget

    @property
    def values_digest(self) -> str:
        """A digest of the values; empty if there are none."""
        return digest(list(self.values)) if self.values else ""


def bucket_of(budget: Budget, known: Mapping[str, Any], bundle: str) -> Bucket | None:
    """Return what of a budget a case takes from; None if that is not known.

    Parameters
    ----------
    bundle
        Digest of the bundle that decides about the case.
    """
    if not budget.apart:
        return Bucket(budget.name)
    if unknown_of(budget, known):
        return None
    return Bucket(budget.name, tuple(bundle if name == BUNDLE else str(known[name]) for name in budget.apart))


def unknown_of(budget: Budget, known: Mapping[str, Any]) -> list[str]:
    """Return the facts by which a budget is kept apart and that are not known of a case."""
    return [name for name in budget.apart if name != BUNDLE and name not in known]


def in_words(budget: Budget, known: Mapping[str, Any]) -> str:
    """Say what of a budget a case takes from: `slots`, or `slots for carrier_id NWX`."""
    parts = ["this bundle" if name == BUNDLE else f"{name} {known[name]}" for name in budget.apart]
    return f"{budget.name} for {listed(parts)}" if parts else budget.name


def whole_buckets(policy: Policy, cases: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return what there is of each budget, and of each part of it that some cases take from, by the bucket's name.

    Parameters
    ----------
    cases
        The known facts of each.
    """
    plain = {budget.name: budget.amount for budget in policy.budgets.values() if not budget.apart}
    apart = [budget for budget in policy.budgets.values() if budget.apart]
    parts: dict[Bucket | None, float] = {}
    for known in cases if apart else ():
        parts |= {bucket_of(budget, known, policy.digest): budget.amount for budget in apart}
    return plain | {str(bucket): amount for bucket, amount in parts.items() if bucket is not None}
