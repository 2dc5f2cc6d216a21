"""Many cases at once: which branch each of them takes so that all together cost least and no budget is overdrawn.

A multiple-choice knapsack with several budgets, solved exactly as a mixed-integer program by HiGHS (Huangfu and Hall
2018) through SciPy. What one more unit of a budget would save, its shadow price, is its dual value in the relaxed
program. Nothing that decides a single case imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from routing.errors import AllocationError

_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Option:
    """One way to treat a case: its name, its expected cost and what it uses of each budget."""

    name: str
    cost: float
    uses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allocation:
    """The options chosen, one a case in the order of the cases.

    `shadow_prices` are what one more unit of each budget would save, in the unit of the costs; `bound` is what the
    relaxed program costs, below which no choice can get.
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

    Raises
    ------
    AllocationError
        If a case has no option, or if no choice stays within the budgets.
    """
    for number, options in enumerate(cases):
        if not options:
            raise AllocationError(f"case {number} has no option", "Give each case one that uses nothing.")
    budgets = list(capacity)
    flat = [option for options in cases for option in options]
    if not flat:
        return Allocation((), 0.0, dict.fromkeys(budgets, 0.0), dict.fromkeys(budgets, 0.0), 0.0)
    costs = [option.cost for option in flat]
    one_each = _one_each(cases)
    uses = csr_array([[option.uses.get(name, 0.0) for option in flat] for name in budgets]) if budgets else None
    limits = [capacity[name] for name in budgets]
    prices, bound = _relaxed(costs, one_each, uses, limits)
    constraints = [LinearConstraint(one_each, 1, 1)]
    if uses is not None:
        constraints.append(LinearConstraint(uses, ub=limits))
    found = milp(costs, constraints=constraints, integrality=1, bounds=Bounds(0, 1), options={"mip_rel_gap": 0.0})
    if found.x is None:
        raise AllocationError("no choice stays within the budgets", "Give each case an option that uses nothing.")
    taken = [option for option, share in zip(flat, found.x.tolist(), strict=True) if share > 0.5]
    used = {name: sum(option.uses.get(name, 0.0) for option in taken) for name in budgets}
    for name in budgets:
        if used[name] > capacity[name] + _SLACK:
            raise AllocationError(f"{used[name]:g} of {name} would be used, {capacity[name]:g} are there", "Report it.")
    cost = sum(option.cost for option in taken)
    return Allocation(tuple(taken), cost, used, dict(zip(budgets, prices, strict=True)), bound)


def _one_each(cases: Sequence[Sequence[Option]]) -> csr_array:
    rows = [number for number, options in enumerate(cases) for _ in options]
    return csr_array(([1.0] * len(rows), (rows, range(len(rows)))), shape=(len(cases), len(rows)))


def _relaxed(
    costs: Sequence[float], one_each: csr_array, uses: csr_array | None, limits: Sequence[float]
) -> tuple[list[float], float]:
    """Solve the program in which a case may take parts of several options; its duals are the shadow prices."""
    given = {} if uses is None else {"A_ub": uses, "b_ub": limits}
    relaxed = linprog(costs, A_eq=one_each, b_eq=[1.0] * one_each.shape[0], bounds=(0, 1), method="highs", **given)
    if relaxed.x is None:
        raise AllocationError("no choice stays within the budgets", "Give each case an option that uses nothing.")
    prices = [] if uses is None else [max(0.0, -float(price)) for price in relaxed.ineqlin.marginals]
    return prices, float(relaxed.fun)
