"""A policy bundle, ready to decide with: immutable, every name resolved, every condition compiled.

`routing.loader` makes one from YAML; nothing else should.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from features.vocabulary import Branch, SubjectType
from routing.branches.case import Case, Infeasible, Payload
from routing.conditions import Condition
from routing.cost import CostTable, Offer
from routing.errors import Problem
from routing.facts import Declaration, FactReader
from routing.playbooks import Playbook
from routing.scope import Threshold
from routing.segments import Where, covers
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


class Choosing(StrEnum):
    """How one branch is chosen among those of the rules that hit."""

    STRONGEST = "strongest"
    LEAST_EXPECTED_COST = "least_expected_cost"


_LADDER = {mode: rank for rank, mode in enumerate(Mode)}
_ACTING = {True: frozenset({Mode.ACT_FINANCIAL}), False: frozenset({Mode.ACT_NON_FINANCIAL, Mode.ACT_FINANCIAL})}
"""Modes in which a branch is carried out without a person, by whether it spends money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who answers for a part of the bundle, and how to reach them."""

    name: str
    channel: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """How often a rule must hit before it counts: a signal that comes and goes starts nothing."""

    times: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a case goes where, in whose name and in which words. A guardrail has the same form.

    `holding` takes the place of `when` for a subject for which the rule hit the last time (hysteresis).
    """

    id: str
    owner: str
    when: Condition
    branch: Branch
    sentence_staff: Sentence
    sentence_customer: Sentence
    holding: Condition | None = None
    confirm: Confirmation | None = None


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
class Budget:
    """How much of something may be used within any stretch of time; `price_minor` is what a unit is worth elsewhere.

    The amount is there for each value of the facts in `apart` (`routing.buckets`); for all cases together if it is
    empty.
    """

    name: str
    amount: float
    unit: str
    per: timedelta
    price_minor: int
    owner: str
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """How far a branch may go by itself for some cases."""

    where: Where
    mode: Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolDown:
    """How long a branch rests after it was taken for the same value of the fact `key`."""

    lasts: timedelta
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Which cases are told in one message: those that share the values of the facts in `by`.

    The first waits `within`, or until they are `at_most`; `sentence_customer` are the words for several.
    """

    by: tuple[str, ...]
    within: timedelta
    at_most: int
    sentence_customer: Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Compensation:
    """How a branch is undone: the `action` that is asked for, the facts passed on, and until when it is confirmed."""

    action: str
    payload: tuple[str, ...]
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Until when, that day included, who is to look at a part of a bundle, e.g. `thresholds.notify_from`."""

    part: str
    owner: str
    due: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchTerms:
    """On which terms a branch is taken.

    `requires` are the facts it cannot do without, `payload` those it passes on, `spends_money` whether it commits
    money, `mode` how far it may go by itself (already lowered to the bundle's own mode), `uses` what it takes from the
    budgets. What commits more than `approval_above_minor`, in the currency of the cost table, waits for a person; the
    amount stands in the payload under `amount`. Its effect is to be confirmed `verify_within` its being accepted; None
    if nobody waits for that. `waits_for` are the overdue reviews for which it spends nothing by itself, `written` are
    the terms that it would be taken on without them.
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
    uses: Mapping[str, float] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    cool_down: CoolDown | None = None
    together: Together | None = None
    amount: str | None = None
    approval_above_minor: int | None = None
    verify_within: timedelta | None = None
    compensation: Compensation | None = None
    waits_for: tuple[Review, ...] = ()
    written: BranchTerms | None = None

    def mode_for(self, known: Mapping[str, Any]) -> Mode:
        """Return the mode of the first segment that a case belongs to; where that cannot be told, the more careful."""
        perhaps: list[Mode] = []
        for segment in self.segments:
            belongs = covers(segment.where, known)
            if belongs:
                return min(segment.mode, *perhaps, key=_rank) if perhaps else segment.mode
            if belongs is None:
                perhaps.append(segment.mode)
        return min(self.mode, *perhaps, key=_rank) if perhaps else self.mode

    def acts(self, mode: Mode) -> bool:
        """Tell whether the branch is carried out without a person in that mode."""
        return mode in _ACTING[self.spends_money]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """Branches declared equally safe, among which chance decides in a share of the cases (`routing.exploration`).

    Nothing is drawn after the day `review_by`.
    """

    share: float
    among: tuple[Branch, ...]
    where: Where
    salt: str
    owner: str
    review_by: date


def _rank(mode: Mode) -> int:
    return mode.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A bundle from a day on: what is overdue by then that changes what is decided, and how it decides."""

    since: date
    overdue: tuple[str, ...]
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy bundle. `digest` is the SHA-256 of the canonical JSON of its document, `text` how it is written.

    `review_dates` are those of all parts, `reviews` name the bundle itself and the parts with a date of their own.
    `stages` are what becomes of it where these pass (`routing.overdue`), by day; `notices` are told of every decision.
    """

    name: str
    version: int
    digest: str
    subject: SubjectType
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
    choosing: Choosing
    budgets: Mapping[str, Budget]
    playbooks: Mapping[str, Playbook]
    exploration: Exploration | None
    warnings: tuple[Problem, ...]
    reviews: tuple[Review, ...]
    stages: tuple[Stage, ...] = ()
    notices: tuple[str, ...] = ()
    text: str = field(repr=False, compare=False)

    @property
    def offers(self) -> dict[Branch, Offer]:
        """What each branch costs and prevents, doing nothing first."""
        return {Branch.NONE: Offer()} | {branch: terms.offer for branch, terms in self.branches.items()}

    @property
    def is_shared(self) -> bool:
        """Whether one case's decision touches another's: by a budget, a rest, a shared message, or a common cause."""
        meets = any(terms.cool_down or terms.together for terms in self.branches.values())
        return bool(self.budgets) or bool(self.playbooks) or meets

    @property
    def looks_back(self) -> timedelta | None:
        """How far back rules look (confirmation); zero: at the last decision alone (hysteresis); None: not at all."""
        parts = (*self.guardrails, *self.rules)
        waits = [rule.confirm.within for rule in parts if rule.confirm is not None]
        holds = [timedelta(0)] if any(rule.holding is not None for rule in parts) else []
        return max((*waits, *holds), default=None)

    def overdue(self, today: date) -> tuple[Review, ...]:
        """Return the reviews that were due before a day; that of the bundle covers all parts without their own."""
        return tuple(review for review in self.reviews if review.due < today)

    def due_soon(self, today: date, within: timedelta) -> tuple[Review, ...]:
        """Return the reviews that are due on a day or within a time after it, the next one first."""
        soon = (review for review in self.reviews if today <= review.due <= today + within)
        return tuple(sorted(soon, key=lambda review: review.due))

    def overdue_at(self, now: datetime) -> tuple[str, ...]:
        """Name the parts that are overdue on the day of a moment, in UTC, and change what is decided."""
        today = now.astimezone(UTC).date()
        return next((stage.overdue for stage in reversed(self.stages) if stage.since <= today), ())

    def as_overdue(self, overdue: Collection[str]) -> Policy:
        """Return the bundle as it decides while parts of it are overdue; of parts that change nothing, itself."""
        matter = {part for stage in self.stages for part in stage.overdue}.intersection(overdue)
        if not matter:
            return self
        return next(stage.policy for stage in self.stages if matter <= set(stage.overdue))
