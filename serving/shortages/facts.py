"""The facts of a judged order line that a policy may look at. What is not there is unknown, with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import Branch
from models.shortage_evidence import NO_SUBSTITUTE, LineVerdict, verdict_of
from routing.facts import Fact, Unknown
from serving.shortages.service import LineCase
from serving.shortages.stake import Stake

_NEEDED, _INBOUND = INVENTORY_NAMES.index("needed"), INVENTORY_NAMES.index("inbound")
_NOTHING_LEFT = "the line needs nothing more, so nothing of it is at risk"
_NO_STOCK = "what lies at the place of the line is unknown or out of date"


@dataclass(frozen=True, slots=True)
class Substitute:
    """An article that could go in place of another; whether the customer has said that it will do."""

    sku: str
    instead: str
    is_accepted: bool


Left = Callable[[str, str, float], float]
"""Returns what is left of an article at a place (place, sku, what is free) once others have what they were promised."""


@dataclass(frozen=True, slots=True)
class Around:
    """What could help a line: what is left of other places' stock, and the articles that could go instead.

    `substitutes` holds what is free of each at the line's own place; None where nobody names any.
    """

    left: Left
    substitutes: Sequence[tuple[Substitute, float]] | None


def line_facts(case: LineCase, around: Around, *, strongest_branch_taken: Branch) -> dict[str, Fact]:
    """Gather the facts of a judged line.

    Parameters
    ----------
    strongest_branch_taken
        What was done, or settled by a person, for this line since it was last covered.
    """
    judged, order = case.judged, case.order
    about, evidence = judged.about, judged.evidence
    needed = _units(float(judged.values[_NEEDED]))
    return {
        "order_id": about.order_id,
        "line_id": about.line_id,
        "sku": _given(about.sku, "nobody says which article it is"),
        "place": _given(about.place, "nobody says where it is picked"),
        "wave_id": _given(about.wave_id, "no pick of it is planned in a wave"),
        "wave_released": order.is_released,
        "needed": needed,
        "inbound": _number(float(judged.values[_INBOUND]), "nothing was ever told in transit to the place"),
        "ship_complete": _given(order.ship_complete, "nobody told of its order"),
        "customer_id": _given(order.customer_id, "nobody told of its order"),
        "due_at": _given(order.due_at, "no pick of it is planned"),
        **(_covered() if needed <= 0 else _at_risk(case)),
        "other_places": Unknown(_NOTHING_LEFT if needed <= 0 else _NO_STOCK)
        if evidence is None
        else tuple(
            {"place": node.place, "free": _units(left)}
            for node in evidence.nodes
            if (left := around.left(node.place, about.sku or "", node.free)) > 0
        ),
        "substitutes": Unknown(NO_SUBSTITUTE)
        if around.substitutes is None
        else tuple(
            {
                "sku": each.instead,
                "free": _units(around.left(about.place or "", each.instead, free)),
                "is_accepted": each.is_accepted,
            }
            for each, free in around.substitutes
        ),
        "strongest_branch_taken": strongest_branch_taken.value,
    }


def _covered() -> Mapping[str, Fact]:
    """Say of a line that needs nothing more that it cannot be short."""
    return {
        "short_probability": 0.0,
        "books": LineVerdict.COVERED.value,
        "cause": Unknown(_NOTHING_LEFT),
        "quantity_at_risk": 0,
        "expected_loss_minor": Unknown(_NOTHING_LEFT),
        "currency": Unknown(_NOTHING_LEFT),
    }


def _at_risk(case: LineCase) -> Mapping[str, Fact]:
    judged, evidence, stake = case.judged, case.judged.evidence, case.stake
    probability, why = judged.score.probability, "; ".join(judged.score.abstained_because)
    return {
        "short_probability": _given(probability, why or "the model abstained"),
        "books": LineVerdict.CANNOT_DETERMINE.value if evidence is None else verdict_of(judged.values).value,
        "cause": Unknown(_NO_STOCK) if evidence is None else evidence.cause.value,
        "quantity_at_risk": Unknown(_NO_STOCK) if evidence is None else _units(evidence.quantity_at_risk),
        "expected_loss_minor": round(stake.matter.expected_loss_minor) if isinstance(stake, Stake) else stake,
        "currency": stake.currency if isinstance(stake, Stake) else stake,
    }


def _given(value: Fact | None, reason: str) -> Fact:
    return Unknown(reason) if value is None else value


def _number(value: float, reason: str) -> float | Unknown:
    return Unknown(reason) if isnan(value) else _units(value)


def _units(quantity: float) -> float:
    """Return a quantity so that it is said as people do: 4 and not 4.0."""
    return int(quantity) if quantity.is_integer() else quantity
