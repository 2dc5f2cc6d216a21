"""What a caller may say about a load and its carriers that no record holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Ability:
    """What a carrier can do, by name; None where that is not known."""

    equipment: frozenset[str] | None = None
    takes_dangerous_goods: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the load needs, what is known of the carriers' abilities, and how they are asked.

    Attributes
    ----------
    handling_minor
        What giving the load to another carrier costs beside its rate; None: the analyst minutes that the policy names
        for the branch rebook.
    days_late
        How long it is late if it is: a penalty for each day counts so many times.
    """

    equipment: frozenset[str] = frozenset()
    dangerous_goods: bool = False
    abilities: Mapping[str, Ability] = field(default_factory=dict)
    handling_minor: int | None = None
    refusal_minor: int | None = None
    window: timedelta = timedelta(hours=2)
    silent_after: timedelta = timedelta(hours=12)
    days_late: float = 1.0


NOTHING = Wanted()
