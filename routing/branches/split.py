"""Split: send a part from another place, so that not everything is late. Which part, and from where."""

from __future__ import annotations

from math import ceil

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType

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
    }
}


class SplitPlan(Plan):
    """How much moves, and to which kind of place."""

    share_moved: float = Field(gt=0, lt=1, description="share of the pieces that another place sends")
    open_shipments_below: float = Field(
        gt=0, description="only places with fewer open shipments", json_schema_extra={"unit": "shipments"}
    )


def build(case: Case, plan: SplitPlan) -> Payload | Infeasible:
    """Choose the least late of the places with room, and the number of pieces it sends; at least one piece stays."""
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
    place = min(places, key=lambda row: (row["late_share"], row["open_shipments"], row["place"]))
    moved = min(ceil(pieces * plan.share_moved), pieces - 1)
    return {
        "from": origin,
        "stay_pieces": pieces - moved,
        "move_pieces": moved,
        "alternate_origin": {
            "place": place["place"],
            "open_shipments": place["open_shipments"],
            "late_share": place["late_share"],
        },
    }
