"""What a branch is given to build its payload from, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from features.vocabulary import Branch
from routing.cost import CostTable, Offer

Payload = dict[str, object]
"""Plain JSON types only: times as RFC 3339 text, money as integer minor units beside its currency."""


@dataclass(frozen=True, slots=True)
class Infeasible:
    """The branch cannot be taken with these facts, and why."""

    reason: str


class Suggestion(NamedTuple):
    """A branch that a person is asked to confirm, with its payload if it could be built."""

    branch: Branch
    payload: Payload | None


def _not_known(name: str) -> str:
    return f"{name} was not known"


class Case(NamedTuple):
    """One case at one moment: the recommended branch, the known facts, why others are missing, the decision's words.

    `missing` tells of what stood in the way, `why_missing` of any declared fact that is not known.
    """

    branch: Branch
    known: Mapping[str, Any]
    now: datetime
    latest_useful_at: datetime | None
    costs: CostTable
    offer: Offer
    reason_staff: str
    reason_customer: str
    missing: Mapping[str, str] = MappingProxyType({})
    approval_above_minor: int | None = None
    channels: Mapping[str, str] = MappingProxyType({})
    suggestion: Suggestion | None = None
    why_missing: Callable[[str], str] = _not_known
