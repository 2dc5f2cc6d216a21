"""How the budgets of a bundle go: how much is used of each, the most within its hours, and who goes without."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from features.vocabulary import Branch
from routing.buckets import Bucket, bucket_of
from routing.context import Context
from routing.engine import Choice, decide_read
from routing.policy import Policy
from routing.preview.world import MILLION, Uses, World


class Without(NamedTuple):
    """What a case would have come to had nothing been used up, and the budgets of which too little was left."""

    branch: Branch
    lacked: tuple[str, ...]


@dataclass(slots=True)
class Spending:
    """What decisions, which come in the order of time, use of a bundle's budgets, as far as they act by themselves.

    `most` is the most that is used within any stretch of a budget's hours, by one part of it where it is kept apart, in
    millionths of its unit as `used` is. `cases` counts those that take of it, `passed_over` those that come to
    something else for want of it.
    """

    policy: Policy
    cases: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    _uses: defaultdict[Bucket, Uses] = field(default_factory=lambda: defaultdict(Uses))

    def add(self, choice: Choice, context: Context) -> Without | None:
        """Count a decision in. Return what it would have come to, if it comes to something else for want of budget."""
        for name, amount in choice.uses.items():
            uses, budget = self._use(choice, name, amount), self.policy.budgets[name]
            self.cases[name] += 1
            self.used[name] += round(amount * MILLION)
            self.most[name] = max(self.most[name], uses.since(choice.decided_at - budget.per))
        found = went_without(self.policy, choice, context)
        if found is not None:
            self.passed_over.update(found.lacked)
        return found

    def before(self, choice: Choice) -> None:
        """Let what a decision of before uses count among the most that is used at once, and nowhere else."""
        for name, amount in choice.uses.items():
            self._use(choice, name, amount)

    def _use(self, choice: Choice, name: str, amount: float) -> Uses:
        bucket = bucket_of(self.policy.budgets[name], choice.trace.read.known, self.policy.digest)
        assert bucket is not None  # noqa: S101  where it cannot be told whose part it is, nothing is taken
        uses = self._uses[bucket]
        uses.add(choice.decided_at, round(amount * MILLION))
        return uses

    def as_json(self, name: str) -> dict[str, object]:
        """Return how a budget goes, in plain JSON types."""
        budget = self.policy.budgets[name]
        return {
            "amount": budget.amount,
            "unit": budget.unit,
            "per_hours": budget.per / timedelta(hours=1),
            "cases": self.cases[name],
            "used": self.used[name] / MILLION,
            "most_used": self.most[name] / MILLION,
            "passed_over": self.passed_over[name],
        }

    def in_words(self) -> list[str]:
        """Say how each budget goes of which anything is used or lacking."""
        return [
            f"Of {name} at most {self.most[name] / MILLION:g} of {budget.amount:g} {budget.unit} are used within "
            f"{budget.per / timedelta(hours=1):g} h{_of_each(budget.apart)}, {self.used[name] / MILLION:g} in all; "
            f"{self.passed_over[name]} come to something else for want of it."
            for name, budget in self.policy.budgets.items()
            if self.cases[name] or self.passed_over[name]
        ]


def went_without(policy: Policy, choice: Choice, context: Context) -> Without | None:
    """Return what a case would come to with whole budgets, if that is something else; `context` is what it was made in.

    A case of which it cannot be told whose part it would use lacks nothing by this: whole budgets do not help it.
    """
    if not policy.budgets or not (choice.passed_over or choice.held_because):
        return None
    whole = decide_read(policy, choice.trace.read, choice.decided_at, context._replace(capacity={}))
    terms = policy.branches.get(whole.branch)
    if whole.branch is choice.branch or terms is None:
        return None
    left = {name: context.capacity.get(name, budget.amount) for name, budget in policy.budgets.items()}
    return Without(whole.branch, tuple(name for name, amount in terms.uses.items() if left[name] < amount))


class CarriedOn:
    """Decides again what a bundle decided in shadow, as if what it decided before had gone out.

    In a shadow nothing goes out. So what it had used up is not in the contexts of its decisions, nor what message would
    wait for more cases; what another bundle has used up is.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._world = World(policy, lambda _: ())

    def again(
        self, subject_id: str, facts: Mapping[str, Any], choice: Choice, context: Context
    ) -> tuple[Choice, Context]:
        """Return what a decision comes to by then, and in which context; they come in the order of time."""
        read, now = choice.trace.read, choice.decided_at
        subject = self._world.subject(subject_id, facts)
        self._world.take_back(subject, now)
        left, waiting = self._world.left(read.known, now), self._world.waiting(read.known, now)
        own = context._replace(capacity=left, waiting=waiting)
        again = decide_read(self._policy, read, now, own)
        self._world.decided(subject, again)
        return again, own


def _of_each(apart: tuple[str, ...]) -> str:
    return f" for one {' and '.join(apart)}" if apart else ""
