"""Ways to do the same thing in the order of their expected total cost.

Whoever is asked may say no. So a way is expected to cost

    accepted × (rate + delay + handling) + (1 − accepted) × (refusal + what it costs then)

where what it costs then is the standing way (what is booked now), or, where nothing stands, the dearest feasible one.
A way is *dominated* by another that is no worse in any of rate, delay, handling and acceptance, and better in one:
whatever a unit of delay may cost, nobody would choose it. All amounts are whole minor units of one currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to do it, as far as it is known.

    Attributes
    ----------
    name
        Unlike that of any other way.
    rate_minor, delay_minor, handling_minor
        What it costs if it is taken: freight, the expected cost of lateness, people's time and fees. None: not known.
    accepted
        Probability that whoever is asked says yes; 1 for what is booked already.
    stands
        It is what happens if nothing is done.
    infeasible_because
        Why it cannot be taken, each in words; nothing for one that can.
    """

    name: str
    rate_minor: int | None
    delay_minor: int | None
    handling_minor: int = 0
    accepted: float = 1.0
    stands: bool = False
    infeasible_because: tuple[str, ...] = ()

    @property
    def taken_minor(self) -> int | None:
        """What it costs if it is taken; None where a part of that is not known."""
        if self.rate_minor is None or self.delay_minor is None:
            return None
        return self.rate_minor + self.delay_minor + self.handling_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A way with its place among the others.

    Attributes
    ----------
    rank
        1 for the one to take; None for one that cannot be taken.
    expected_cost_minor
        None for one that cannot be taken.
    dominated_by
        Name of the best ranked way that is no worse in anything and better in something.
    propensity
        Probability with which it was chosen. The choice is the first by cost, so 1 or 0; it is written down so that
        what became of it can be judged beside choices that were made otherwise.
    """

    way: Way
    rank: int | None
    expected_cost_minor: int | None
    dominated_by: str | None
    propensity: float


def ranked(ways: Sequence[Way], *, refusal_minor: int = 0) -> tuple[Option, ...]:
    """Rank ways, the cheapest first, then those that cannot be taken in the order given.

    Equal costs go by the greater chance of a yes, then by name. What stands is ranked like any other, so that the first
    may be to leave everything as it is.

    Parameters
    ----------
    refusal_minor
        What a no costs in people's time.
    """
    costed = [(way, way.taken_minor) for way in ways if not way.infeasible_because]
    feasible = [(way, taken) for way, taken in costed if taken is not None]
    standing = [taken for way, taken in feasible if way.stands]
    fallback = standing[0] if standing else max((taken for _, taken in feasible), default=0)
    costs = {way.name: _expected(way, taken, fallback + refusal_minor) for way, taken in feasible}
    order = sorted((way for way, _ in feasible), key=lambda way: (costs[way.name], -way.accepted, way.name))
    options = [
        Option(
            way=way,
            rank=rank,
            expected_cost_minor=costs[way.name],
            dominated_by=next((other.name for other in order if _dominates(other, way)), None),
            propensity=float(rank == 1),
        )
        for rank, way in enumerate(order, start=1)
    ]
    left = [way for way in ways if way.name not in costs]
    return (
        *options,
        *(Option(way=way, rank=None, expected_cost_minor=None, dominated_by=None, propensity=0.0) for way in left),
    )


def _expected(way: Way, taken_minor: int, refused_minor: int) -> int:
    return round(way.accepted * taken_minor + (1 - way.accepted) * refused_minor)


def _dominates(one: Way, other: Way) -> bool:
    mine, theirs = _in_all(one), _in_all(other)
    return mine != theirs and all(own <= its for own, its in zip(mine, theirs, strict=True))


def _in_all(way: Way) -> tuple[float, ...]:
    """Return what a way is judged by, less being better."""
    return (way.rate_minor or 0, way.delay_minor or 0, way.handling_minor, -way.accepted)
