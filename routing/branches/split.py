"""Split: send a part from another place, so that not everything is late. Which part, from where, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType, Unknown

LINES = "order_lines"
"""A fact that a decision is given: what the order wants, with a row for each line and other place that could send."""
NEEDS = {
    "pieces": FactType.NUMBER,
    "ship_complete": FactType.FLAG,
    "origin": FactType.TEXT,
    "alternate_origins": FactType.LIST,
}
COLUMNS = {
    "alternate_origins": {
        "place": FactType.TEXT,
        "open_shipments": FactType.NUMBER,
        "late_share": FactType.PROBABILITY,
    },
    LINES: {
        "line_id": FactType.TEXT,
        "sku": FactType.TEXT,
        "quantity": FactType.NUMBER,
        "place": FactType.TEXT,
        "free": FactType.NUMBER,
    },
}
MAY_USE = {LINES: FactType.LIST}
"""What it makes use of where a bundle declares it."""


class SplitPlan(Plan):
    """How much moves, and to which kind of place."""

    share_moved: float = Field(gt=0, lt=1, description="share of the pieces that another place sends")
    open_shipments_below: float = Field(
        gt=0, description="only places with fewer open shipments", json_schema_extra={"unit": "shipments"}
    )
    name_lines: bool = Field(
        default=False, description="name the order lines, what each place sends of them, and what the split costs"
    )


def build(case: Case, plan: SplitPlan) -> Payload | Infeasible:
    """Choose the least late of the places with room, and what it sends; at least one piece stays.

    Where the plan names lines and they are known, that is the least late place that has some of them free, and the
    pieces are shared out as the lines are. Where they are not known, the payload says why, and names none.
    """
    if case.known["ship_complete"]:
        return Infeasible("the customer takes all of it or none")
    pieces = int(case.known["pieces"])
    if pieces < 2:
        return Infeasible("there is only one piece")
    origin = case.known["origin"]
    places = [
        row
        for row in case.known["alternate_origins"]
        if row["place"] != origin and row["open_shipments"] < plan.open_shipments_below
    ]
    if not places:
        return Infeasible(f"no other place has fewer than {plan.open_shipments_below:g} open shipments")
    share, rows = plan.share_moved, case.known.get(LINES) if plan.name_lines else None
    parts: dict[str, list[dict[str, Any]]] = {}
    if rows is not None:
        parts = {row["place"]: _parts(rows, row["place"], origin, share) for row in places}
        places = [row for row in places if any(part["from"] != origin for part in parts[row["place"]])]
        if not places:
            return Infeasible(
                "no other place with room has a line of the order free, or one unit is all that is wanted"
            )
    place = min(places, key=lambda row: (row["late_share"], row["open_shipments"], row["place"]))
    lines = parts.get(place["place"])
    if lines is not None:
        share = sum(part["quantity"] for part in lines if part["from"] != origin) / sum(
            part["quantity"] for part in lines
        )
    moved = min(ceil(pieces * share), pieces - 1)
    return {
        "from": origin,
        "stay_pieces": pieces - moved,
        "move_pieces": moved,
        "alternate_origin": {
            "place": place["place"],
            "open_shipments": place["open_shipments"],
            "late_share": place["late_share"],
        },
        **(_told(case, lines) if plan.name_lines else {}),
    }


def _parts(rows: Sequence[Mapping[str, Any]], place: str, origin: str, share: float) -> list[dict[str, Any]]:
    """Say what a place sends of each line and what stays: whole units, in the order of the lines, up to the share.

    All of it never moves, and lines of one article share what lies free.
    """
    own = sorted((row for row in rows if row["place"] == place), key=lambda row: str(row["line_id"]))
    total = sum(row["quantity"] for row in own)
    left = min(ceil(total * share), ceil(total) - 1)
    free = {row["sku"]: row["free"] for row in own}
    parts = []
    for row in own:
        moves = max(min(row["quantity"], free[row["sku"]], left), 0)
        left -= moves
        free[row["sku"]] -= moves
        for quantity, sender in ((moves, place), (row["quantity"] - moves, origin)):
            if quantity > 0:
                part = {"line_id": row["line_id"], "sku": row["sku"], "quantity": quantity, "from": sender}
                parts.append(part)
    return parts


def _told(case: Case, lines: Sequence[Mapping[str, Any]] | None) -> Payload:
    """Name the lines and the cost, each with why it is not known if it is not."""
    cost = case.costs.exact_cost(case.offer, case.known)
    return {
        "lines": None if lines is None else list(lines),
        "lines_unknown_because": case.why_missing(LINES) if lines is None else None,
        "cost": {
            "fixed_minor": case.offer.fixed_minor,
            "analyst_minutes": case.offer.analyst_minutes,
            "expected_minor": None if isinstance(cost, Unknown) else round(cost / 1_000_000),
            "expected_unknown_because": cost.reason if isinstance(cost, Unknown) else None,
            "currency": case.costs.currency,
        },
    }
