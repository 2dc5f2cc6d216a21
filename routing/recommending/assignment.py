"""Who carries what, over a whole queue: each case takes one option so that all together cost least within capacities.

What stands needs nobody's room, for that is booked already; any other option takes the case's size of its carrier's.
A multiple-choice knapsack with a capacity for each carrier, solved exactly by `routing.allocation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from routing.allocation import Allocation, allocate
from routing.allocation import Option as Choice
from routing.recommending.ranking import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case with its ranked options.

    Attributes
    ----------
    carrier_of
        Whose capacity an option takes, by the option's name.
    size
        How much of it: 1 for a shipment, or its pieces or kilograms.
    """

    name: str
    options: Sequence[Option]
    carrier_of: Mapping[str, str]
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a case takes, and what it would take if it stood alone."""

    name: str
    taken: Option
    alone: Option


@dataclass(frozen=True, slots=True)
class Assignment:
    """The choices in the order of the cases, and the allocation behind them: cost, use, shadow prices, bound."""

    cases: tuple[Assigned, ...]
    allocation: Allocation

    @property
    def alone_minor(self) -> int:
        """What it would cost if nobody's capacity were limited."""
        return sum(each.alone.expected_cost_minor or 0 for each in self.cases)


def assign(cases: Sequence[Case], capacity: Mapping[str, float]) -> Assignment:
    """Assign cases to carriers at the least total expected cost.

    Parameters
    ----------
    cases
        Each with at least one option that can be taken.
    capacity
        What each carrier still takes, in the unit of the sizes; one that is not named is without limit.

    Raises
    ------
    AllocationError
        If a case has no option, or no choice stays within the capacities: then some case has nothing that stands.
    """
    feasible = [[option for option in case.options if option.rank is not None] for case in cases]
    choices = [
        [
            Choice(option.way.name, float(option.expected_cost_minor or 0), _uses(case, option, capacity))
            for option in options
        ]
        for case, options in zip(cases, feasible, strict=True)
    ]
    found = allocate(choices, capacity)
    assigned = []
    for case, options, chosen in zip(cases, feasible, found.chosen, strict=True):
        taken = next(option for option in options if option.way.name == chosen.name)
        assigned.append(Assigned(case.name, taken, options[0]))
    return Assignment(tuple(assigned), found)


def _uses(case: Case, option: Option, capacity: Mapping[str, float]) -> dict[str, float]:
    carrier = case.carrier_of[option.way.name]
    return {} if option.way.stands or carrier not in capacity else {carrier: case.size}
