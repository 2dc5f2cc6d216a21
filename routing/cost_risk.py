"""Whether choosing by expected cost ever answers a greater risk with a weaker branch: proven from the prices.

The cost of a branch is a straight line in the stake and the value of the goods. If of two branches the stronger always
leaves less lateness, a rising stake only ever moves the least cost towards it; and a weaker branch that comes to be
offered as the risk rises must never be the cheaper one. Where both hold for all cases, the choice never weakens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from features.vocabulary import Branch
from routing.cost import CostTable
from routing.every_case import Ending, Row
from routing.facts import describe
from routing.marks import Findings, Path
from routing.policy import BranchTerms, Budget
from routing.wording import money


@dataclass(frozen=True, slots=True)
class Line:
    """Cost of a branch: `left` × stake + `share` × value + `fixed`, the last in minor units."""

    left: float
    share: float
    fixed: float

    @classmethod
    def of(cls, terms: BranchTerms, costs: CostTable, budgets: Mapping[str, Budget]) -> Line:
        """Read the line of a branch, with what it uses of the budgets."""
        offer = terms.offer
        used = sum(amount * budgets[name].price_minor for name, amount in terms.uses.items() if name in budgets)
        fixed = offer.fixed_minor + offer.analyst_minutes * costs.analyst_minute_minor + used
        return cls(offer.lateness_left, offer.share_of_value, fixed)

    def cheaper_from(self, other: Line, greatest_share: float) -> float | None:
        """Return the least stake at which this may cost less than the other; None if it never does.

        Parameters
        ----------
        greatest_share
            The greatest part of its value that a late case can cost: the stake is at most that share of the value.
        """
        if self.fixed < other.fixed or self.share < other.share:
            return 0.0
        if greatest_share == 0:
            return None
        slope = (self.left - other.left) + (self.share - other.share) / greatest_share
        return (self.fixed - other.fixed) / -slope if slope < 0 else None


def check_cost_choice(
    rows: Sequence[Row],
    lines: Mapping[Branch, Line],
    strength: Mapping[Branch, int],
    costs: CostTable,
    paths: Mapping[str, Path],
    findings: Findings,
) -> None:
    """Find two branches of which the weaker may become the cheaper as the risk rises.

    Parameters
    ----------
    rows
        All cases along the risk, with every branch offered.
    """
    # Where what is at stake is a fact, no branch costs a share of the value, and any stake may be.
    share = 1.0 if costs.stake_fact is not None else max(costs.lateness_share.values(), default=0.0)
    told: set[tuple[Branch, Branch]] = set()
    for low_value, low, high_value, high in _rises(rows):
        for strong, _ in low.offered:
            for weak, rule in high.offered:
                if strength[weak] >= strength[strong] or (weak, strong) in told:
                    continue
                if _comes_last(weak, high, strength):
                    continue
                why = _why_weaker(low, high, strong, weak, lines, share)
                if why is None:
                    continue
                told.add((weak, strong))
                stake = money(round(why[1]), costs.currency)
                findings.error(
                    (*paths[rule], "when"),
                    f"a greater risk may get a weaker branch by cost: {strong} is offered at "
                    f"`{costs.probability_fact}` {describe(low_value)}, and at {describe(high_value)} the weaker "
                    f"{weak} {why[0]} from a stake of {stake}. Change prices, strength or thresholds.",
                )


def _comes_last(weak: Branch, high: Ending, strength: Mapping[Branch, int]) -> bool:
    """Tell whether a branch weaker than review stands beside a stronger one: then it is not chosen for its cost."""
    review = strength.get(Branch.REVIEW, 0)
    return strength[weak] < review and any(strength[branch] >= review for branch, _ in high.offered)


def _why_weaker(
    low: Ending, high: Ending, strong: Branch, weak: Branch, lines: Mapping[Branch, Line], share: float
) -> tuple[str, float] | None:
    """Say why the weaker may be chosen at the higher risk after the stronger at the lower, and from what stake."""
    weak_line, strong_line = lines[weak], lines[strong]
    if strong not in {branch for branch, _ in high.offered}:
        return "takes its place", 0.0
    stake = weak_line.cheaper_from(strong_line, share)
    if stake is None:
        return None
    if weak not in {branch for branch, _ in low.offered}:
        return "joins it and costs less", stake
    if weak_line.left < strong_line.left and strong_line.cheaper_from(weak_line, share) is not None:
        return "costs less", stake
    return None


def _rises(rows: Sequence[Row]) -> Iterator[tuple[object, Ending, object, Ending]]:
    for row in rows:
        known = [(value, ending) for value, ending in row.endings if value is not None]
        for (low_value, low), (high_value, high) in combinations(known, 2):
            if low.offered and high.offered:
                yield low_value, low, high_value, high
        for value, ending in known:  # the risk also rises between two samples
            if len(ending.offered) > 1:
                yield value, ending, value, ending
