"""What capacity is worth: what one more unit of a budget would have saved, had the cases of its hours shared it best.

Cases are decided one after the other, and whoever comes first takes what is left. In hindsight those of a budget's
hours can be shared out all at once (`routing.allocation`). What a unit more would have saved then is the shadow price
of the budget. A bundle that writes it as `price_minor` lets a case take a unit only if it is worth more to it.

Everything follows from decisions and their contexts. A case counts that took of a budget, or that would have if enough
had been left. Its other budgets are as it found them: what was out of its reach stays so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from routing.buckets import Bucket, bucket_of
from routing.context import Context
from routing.engine import Choice
from routing.policy import Budget, Choosing, Policy

if TYPE_CHECKING:
    from routing.allocation import Option


class Want(NamedTuple):
    """A case that took `used` of a bucket, or nothing, as too little was `left`; costs are without the bucket's price.

    `went_without` is set if what it lacked would have cost less than all that was in its reach.
    """

    at: datetime
    left: float
    used: float
    went_without: bool
    options: tuple[Option, ...]


class Scarcity(NamedTuple):
    """How scarce a bucket was within its hours: cases that took of it or went without, and what a unit more would save.

    `shadow_price_minor` is in minor units of the cost table's currency, by the unit of the budget.
    """

    cases: int
    went_without: int
    shadow_price_minor: float


def wants_of(policy: Policy, choice: Choice, context: Context) -> Iterator[tuple[Bucket, Want]]:
    """Yield what a decided case took or lacked, of each budget of a bundle that chooses by expected cost."""
    if policy.choosing is Choosing.STRONGEST or not policy.budgets:
        return
    from routing.options import offered_branches, options_after  # load a numbers library, which deciding does without

    offered = offered_branches(policy, choice)
    if not any(policy.branches[branch].uses for branch in offered if branch in policy.branches):
        return
    options, known = options_after(policy, choice, context), choice.trace.read.known
    for budget in policy.budgets.values():
        bucket = bucket_of(budget, known, policy.digest)
        want = None if bucket is None else _want(policy, budget, bucket, choice, context, options)
        if bucket is not None and want is not None:
            yield bucket, want


def _want(
    policy: Policy, budget: Budget, bucket: Bucket, choice: Choice, context: Context, options: Sequence[Option]
) -> Want | None:
    from routing.allocation import Option

    name, used = str(bucket), choice.uses.get(budget.name, 0.0)
    left = context.capacity.get(budget.name, budget.amount)
    dearest = max(option.uses.get(name, 0.0) for option in options)
    if used and not dearest:  # it was taken by its strength, for its costs are not known
        return Want(choice.decided_at, left, used, False, (Option(choice.branch.value, 0.0, {name: used}),))
    if not used and dearest <= left:
        return None
    known = choice.trace.read.known
    others = {
        str(bucket_of(other, known, policy.digest)): context.capacity.get(other.name, other.amount)
        for other in policy.budgets.values()
        if other is not budget
    }
    reached = [
        Option(option.name, option.cost - budget.price_minor * option.uses.get(name, 0.0), option.uses)
        for option in options
        if all(option.uses.get(other, 0.0) <= there for other, there in others.items())
    ]
    least = min((option.cost for option in reached), default=inf)
    went_without = not used and least < min(
        (each.cost for each in reached if each.uses.get(name, 0.0) <= left), default=inf
    )
    kept = tuple(Option(each.name, each.cost, {name: each.uses.get(name, 0.0)}) for each in reached)
    return Want(choice.decided_at, left, used, went_without, kept) if kept else None


def scarcity_of(bucket: Bucket, wants: Sequence[Want]) -> Scarcity:
    """Share out a bucket among the cases of its hours, at least one, and price a unit more of it.

    What there was for them is what they used, and what the last of them left: what was used besides, by earlier cases
    or by what people let out, was not theirs to take.
    """
    from routing.allocation import saved_by_one_more

    last, without = max(wants, key=lambda want: want.at), sum(want.went_without for want in wants)
    if not without:
        return Scarcity(len(wants), 0, 0.0)
    there = max(0.0, last.left - last.used + sum(want.used for want in wants))
    price = saved_by_one_more([want.options for want in wants], {str(bucket): there}, str(bucket))
    return Scarcity(len(wants), without, price)


@dataclass(slots=True)
class Windows:
    """The scarcity of each bucket of a bundle over a stretch of time, window by window.

    A window is as long as the budget's hours and begins with the first case that it concerns after the one before.
    """

    policy: Policy
    _open: dict[Bucket, list[Want]] = field(default_factory=lambda: defaultdict(list))
    _closed: dict[str, list[Scarcity]] = field(default_factory=lambda: defaultdict(list))

    def add(self, choice: Choice, context: Context) -> None:
        """Count a decision in; they come in the order of time."""
        for bucket, want in wants_of(self.policy, choice, context):
            wants = self._open[bucket]
            if wants and want.at - wants[0].at >= self.policy.budgets[bucket.budget].per:
                self._closed[bucket.budget].append(scarcity_of(bucket, wants))
                wants.clear()
            wants.append(want)

    def windows(self) -> Mapping[str, Sequence[Scarcity]]:
        """Return the windows of each budget, of its parts together; those that are still open count as they are."""
        still = [(bucket, scarcity_of(bucket, wants)) for bucket, wants in self._open.items()]
        return {
            name: [*self._closed.get(name, ()), *(each for bucket, each in still if bucket.budget == name)]
            for name in self.policy.budgets
        }
