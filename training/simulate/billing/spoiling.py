"""What an injected error changes on a bill, and the helpers that every kind of error uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from features.contracts import Contracts
from features.invoice_vocabulary import Discrepancy
from features.rating import rate_shipment
from features.records import DeliveryEvent, Shipment
from training.simulate.billing.loads import EVER, Agreed, Load
from training.simulate.billing.sheet import Row, Sheet, sheet_of


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A bill with an error.

    Attributes
    ----------
    rows
        Its lines.
    heading
        Fields of the invoice that are not as usual; `total_minor` where it is not the sum of the lines.
    told, events
        The records, where the error lies in them as well.
    is_second
        Whether it comes beside the right bill of the load, and not in its place.
    overcharge_minor
        What is asked too much; None: what it comes to less the right bill, all of it for a second one.
    later
        How much later than the right bill it comes.
    also
        Further classes that it rightly falls into.
    """

    rows: list[Row]
    heading: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[Shipment, ...] | None = None
    events: tuple[DeliveryEvent, ...] | None = None
    is_second: bool = False
    overcharge_minor: int | None = None
    later: timedelta = timedelta()
    also: tuple[Discrepancy, ...] = ()


Spoil = Callable[[Load, Agreed, np.random.Generator], Spoilt | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of error.

    Attributes
    ----------
    weight
        How often it is tried beside the others.
    is_shown
        Whether the records show it, so that a rule can prove it.
    is_novel
        Whether it is kept out of training: it comes only towards the end.
    """

    name: str
    label: Discrepancy
    weight: float
    spoil: Spoil
    meaning: str
    is_shown: bool = True
    is_novel: bool = False


def rerated(
    load: Load, agreed: Agreed, plan: Shipment, contracts: Contracts | None = None, **changed: Any
) -> Sheet | None:
    """Return the bill for a load by other facts, None where these have no price, or the same."""
    events = changed.pop("events", load.events)
    expected = rate_shipment(plan, events, contracts or agreed.cheapest, load.known_at + EVER)
    if expected.doubts or expected.rate is None:
        return None
    made = sheet_of(expected, plan.weight_kg or 0.0, agreed.terms(plan.carrier_id))
    return None if total(made.rows()) == total(load.sheet.rows()) else made


def total(rows: list[Row]) -> int:
    """Return the sum of lines."""
    return sum(int(row["amount_minor"]) for row in rows)


def factor(rng: np.random.Generator, low: float, high: float) -> float:
    """Return by how much something is raised."""
    return float(rng.uniform(low, high))


def has(load: Load, code: str) -> bool:
    """Tell whether a charge beside the freight stands on the right bill."""
    return any(row["charge_code"] == code for row in load.sheet.beside)
