"""Many cases at once: which branch each of them takes so that all together cost least and no budget is overdrawn.

A multiple-choice knapsack with several budgets, solved exactly as a mixed-integer program by HiGHS (Huangfu and Hall
2018) through SciPy. What one more unit of a budget would save, its shadow price, is its dual value in the relaxed
program. Nothing that decides a single case imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import gcd, isfinite

from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from routing.errors import AllocationError

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Option:
    """One way to treat a case: its name, its expected cost and what it uses of each budget."""

    name: str
    cost: float
    uses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allocation:
    """The options chosen, one a case in the order of the cases.

    `used` is what they use of each budget, each use rounded up to a millionth of its unit. `shadow_prices` are what one
    more unit of each budget would save, in the unit of the costs; `bound` is what the relaxed program costs, below
    which no choice can get.
    """

    chosen: tuple[Option, ...]
    cost: float
    used: Mapping[str, float]
    shadow_prices: Mapping[str, float]
    bound: float


def allocate(cases: Sequence[Sequence[Option]], capacity: Mapping[str, float]) -> Allocation:
    """Choose one option for each case at the least total cost within the budgets.

    Parameters
    ----------
    cases
        The options of each case, at least one.
    capacity
        What there is of each budget. A budget an option uses and that is not named is taken to be without limit.

    No budget is overdrawn by whatever little: uses and budgets are counted in whole millionths, uses rounded up and
    budgets down. A choice that the solver takes to be within a budget, as it reckons with tolerances, and that is not,
    is ruled out, and the rest is solved again.

    Raises
    ------
    AllocationError
        If a case has no option, if a number is not finite, or if no choice stays within the budgets.
    """
    for number, options in enumerate(cases):
        if not options:
            raise AllocationError(f"case {number} has no option", "Give each case one that uses nothing.")
    budgets = list(capacity)
    flat = [option for options in cases for option in options]
    if not all(isfinite(each) for option in flat for each in (option.cost, *option.uses.values())):
        raise AllocationError("a cost or a use is not a finite number", "Leave such an option out.")
    if not flat:
        return Allocation((), 0.0, dict.fromkeys(budgets, 0.0), dict.fromkeys(budgets, 0.0), 0.0)
    rows = [_Row.of(capacity[name], [option.uses.get(name, 0.0) for option in flat]) for name in budgets]
    costs, one_each = [option.cost for option in flat], _one_each(cases)
    prices, bound = _relaxed(costs, one_each, rows)
    chosen = _solved(costs, one_each, rows)
    taken = [flat[index] for index in chosen]
    used = {name: row.used(chosen) / _MILLION for name, row in zip(budgets, rows, strict=True)}
    cost = sum(option.cost for option in taken)
    return Allocation(tuple(taken), cost, used, dict(zip(budgets, prices, strict=True)), bound)


def saved_by_one_more(cases: Sequence[Sequence[Option]], capacity: Mapping[str, float], budget: str) -> float:
    """Return what one more unit of a budget would save, in the unit of the costs.

    A shadow price of `allocate` may lie anywhere between what the last unit saves and what one more would; this is the
    latter. It is exact where all uses of the budget are equal; elsewhere a case may take part of the unit.

    Raises
    ------
    AllocationError
        As `allocate` raises it.
    """
    flat = [option for options in cases for option in options]
    costs, one_each = [option.cost for option in flat], _one_each(cases)

    def least(limits: Mapping[str, float]) -> float:
        rows = [_Row.of(limit, [option.uses.get(name, 0.0) for option in flat]) for name, limit in limits.items()]
        return _relaxed(costs, one_each, rows)[1]

    return max(0.0, least(capacity) - least({**capacity, budget: capacity[budget] + 1})) if flat else 0.0


@dataclass(frozen=True, slots=True)
class _Row:
    """One budget: what there is, and what each option uses of it, in millionths; `unit` divides all uses."""

    limit: int
    uses: tuple[int, ...]
    unit: int

    @classmethod
    def of(cls, limit: float, uses: Sequence[float]) -> _Row:
        counted = tuple(_millionths(each, ROUND_CEILING) for each in uses)
        return cls(_millionths(limit, ROUND_FLOOR), counted, gcd(*counted) or 1)

    @property
    def coefficients(self) -> list[float]:
        return [each / self.unit for each in self.uses]

    def used(self, chosen: Sequence[int]) -> int:
        return sum(self.uses[index] for index in chosen)


def _millionths(number: float, rounding: str) -> int:
    """Count a number, as it is written in decimals, in millionths."""
    if not isfinite(number):
        raise AllocationError(f"a budget is {number}", "Leave out what has no limit.")
    return int((Decimal(repr(float(number))) * _MILLION).to_integral_value(rounding))


def _solved(costs: Sequence[float], one_each: csr_array, rows: Sequence[_Row]) -> list[int]:
    """Return which options to choose, one a case."""
    constraints = [LinearConstraint(one_each, 1, 1)]
    if rows:
        uses = csr_array([row.coefficients for row in rows])
        constraints.append(LinearConstraint(uses, ub=[row.limit / row.unit for row in rows]))
    while True:
        found = milp(costs, constraints=constraints, integrality=1, bounds=Bounds(0, 1), options={"mip_rel_gap": 0.0})
        if found.x is None:
            raise AllocationError("no choice stays within the budgets", "Give each case an option that uses nothing.")
        chosen = [index for index, share in enumerate(found.x.tolist()) if share > 0.5]
        over = next((row for row in rows if row.used(chosen) > row.limit), None)
        if over is None:
            return chosen
        cover = {index for index in chosen if over.uses[index] > 0}  # all of them together are too much
        together = csr_array([[float(index in cover) for index in range(len(costs))]])
        constraints.append(LinearConstraint(together, ub=len(cover) - 1))


def _one_each(cases: Sequence[Sequence[Option]]) -> csr_array:
    rows = [number for number, options in enumerate(cases) for _ in options]
    return csr_array(([1.0] * len(rows), (rows, range(len(rows)))), shape=(len(cases), len(rows)))


def _relaxed(costs: Sequence[float], one_each: csr_array, rows: Sequence[_Row]) -> tuple[list[float], float]:
    """Solve the program in which a case may take parts of several options; its duals are the shadow prices."""
    given = {}
    if rows:
        given = {
            "A_ub": csr_array([row.coefficients for row in rows]),
            "b_ub": [row.limit / row.unit for row in rows],
        }
    relaxed = linprog(costs, A_eq=one_each, b_eq=[1.0] * one_each.shape[0], bounds=(0, 1), method="highs", **given)
    if relaxed.x is None:
        raise AllocationError("no choice stays within the budgets", "Give each case an option that uses nothing.")
    prices = zip(relaxed.ineqlin.marginals, rows, strict=True) if rows else ()
    return [max(0.0, -float(price)) * _MILLION / row.unit for price, row in prices], float(relaxed.fun)
