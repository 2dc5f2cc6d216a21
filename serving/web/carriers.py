"""The carriers on an item's page: as sealed in the decision, or, where that needed none, as of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.amounts import bare_money
from features.errors import UnknownShipmentError
from routing.branches.rebook import OPTIONS, RULED_OUT
from routing.recommending.carriers import Load, risk_of
from routing.recommending.ranking import Option
from routing.recording import decode_facts
from serving.bootstrap import Container
from serving.errors import NoContractsError, NoDecisionMomentError
from serving.recommendations.known import Known
from serving.recommendations.wanted import NOTHING
from serving.scores.service import Question
from serving.web import words


@dataclass(frozen=True, slots=True)
class CarrierLine:
    """One carrier in words; `because` says why it cannot take it, `dominated_by` who is better in everything."""

    name: str
    has_it: bool
    is_first: bool
    rate: str = "–"
    delay: str = "–"
    late: str = "–"
    accepted: str = "–"
    cost: str = "–"
    dominated_by: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class CarriersView:
    """The carriers, ranked, then those that cannot take it. `as_of` is None for what is sealed in the decision."""

    lines: tuple[CarrierLine, ...]
    as_of: datetime | None


def carriers_view(app: Container, shipment_id: str, body: Mapping[str, Any], *, is_open: bool) -> CarriersView | None:
    """Return the carriers of an item's shipment; None where nothing can be compared, or nothing is left to do."""
    facts = decode_facts(body["facts"])
    if OPTIONS in facts:
        return CarriersView(tuple(_sealed(facts)), None)
    if not is_open or not app.contracts:
        return None
    app.following.catch_up_if_possible()
    try:
        found = app.carriers.recommend(Question(shipment_id), NOTHING)
    except (UnknownShipmentError, NoDecisionMomentError, NoContractsError):
        return None
    if found.has_left or all(option.rank is None for option, _ in found.options):
        return None
    lines = tuple(_line(option, known, found.load, found.asking.currency) for option, known in found.options)
    return CarriersView(lines, found.subject.as_of)


def _sealed(facts: Mapping[str, Any]) -> list[CarrierLine]:
    currency = str(facts.get("currency", ""))
    ranked = [
        CarrierLine(
            name=row["carrier_id"],
            has_it=row["is_current"],
            is_first=rank == 1,
            rate=bare_money(row["rate_minor"], currency),
            delay=bare_money(row["delay_minor"], currency),
            late=words.percent(row["late_probability"]),
            accepted=words.percent(row["accepted_share"]),
            cost=bare_money(row["expected_cost_minor"], currency),
            dominated_by=row["dominated_by"] or "",
        )
        for rank, row in enumerate(facts[OPTIONS], start=1)
    ]
    left = [CarrierLine(row["carrier_id"], False, False, because=row["because"]) for row in facts.get(RULED_OUT, ())]
    return [*ranked, *left]


def _line(option: Option, known: Known, load: Load, currency: str) -> CarrierLine:
    carrier, way = known.carrier, option.way
    risk = risk_of(carrier, load)
    return CarrierLine(
        name=carrier.name,
        has_it=carrier.is_current,
        is_first=option.rank == 1,
        rate=_money(way.rate_minor, currency),
        delay=_money(way.delay_minor, currency),
        late="–" if risk is None else words.percent(risk),
        accepted=words.percent(way.accepted),
        cost=_money(option.expected_cost_minor, currency),
        dominated_by=option.dominated_by or "",
        because="; ".join(way.infeasible_because),
    )


def _money(minor: int | None, currency: str) -> str:
    return "–" if minor is None else bare_money(minor, currency)
