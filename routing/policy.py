"""A policy bundle, ready to decide with: immutable, every name resolved, every condition compiled.

`routing.loader` makes one from YAML; nothing else should.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from features.vocabulary import Branch
from routing.branches.case import Case, Infeasible, Payload
from routing.conditions import Condition
from routing.cost import CostTable, Offer
from routing.errors import Problem
from routing.facts import Declaration, FactReader
from routing.scope import Threshold
from routing.wording import Sentence


class Mode(StrEnum):
    """How far a branch may go by itself, weakest first."""

    OBSERVE = "observe"
    RECOMMEND = "recommend"
    ACT_NON_FINANCIAL = "act_non_financial"
    ACT_FINANCIAL = "act_financial"

    @property
    def rank(self) -> int:
        """Position on the ladder of autonomy, from 0."""
        return _LADDER[self]


_LADDER = {mode: rank for rank, mode in enumerate(Mode)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who answers for a part of the bundle, and how to reach them."""

    name: str
    channel: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a case goes where, in whose name and in which words. A guardrail has the same form."""

    id: str
    owner: str
    when: Condition
    branch: Branch
    sentence_staff: Sentence
    sentence_customer: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Where a case goes that no rule claims."""

    branch: Branch
    sentence_staff: Sentence
    sentence_customer: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestUseful:
    """When a branch stops being worth taking: an offset from a fact that is an instant."""

    fact: str
    offset: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchTerms:
    """On which terms a branch is taken.

    `requires` are the facts it cannot do without, `payload` those it passes on, `spends_money` whether it commits
    money, `mode` how far it may go by itself (already lowered to the bundle's own mode).
    """

    branch: Branch
    owner: str
    spends_money: bool
    mode: Mode
    requires: tuple[str, ...]
    payload: tuple[str, ...]
    latest_useful: LatestUseful | None
    after_latest_useful: Branch
    offer: Offer
    build: Callable[[Case], Payload | Infeasible]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy bundle. `digest` is the SHA-256 of the canonical JSON of its document."""

    name: str
    version: int
    digest: str
    subject: str
    owner: str
    review_by: date
    mode: Mode
    owners: Mapping[str, Owner]
    channels: Mapping[str, str]
    facts: Mapping[str, Declaration]
    reader: FactReader
    thresholds: Mapping[str, Threshold]
    costs: CostTable
    strength: Mapping[Branch, int]
    branches: Mapping[Branch, BranchTerms]
    guardrails: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    default: Fallback
    on_unknown: Fallback
    review_dates: Mapping[str, date]
    warnings: tuple[Problem, ...]

    @property
    def offers(self) -> dict[Branch, Offer]:
        """What each branch costs and prevents, doing nothing first."""
        return {Branch.NONE: Offer()} | {branch: terms.offer for branch, terms in self.branches.items()}

    def overdue(self, today: date) -> tuple[str, ...]:
        """Name the parts whose review-by date has passed, e.g. `thresholds.notify_from`."""
        return tuple(part for part, review_by in self.review_dates.items() if review_by < today)
