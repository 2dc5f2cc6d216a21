"""A shipment as if another carrier had it, or another place sent it: the same plan, asked about otherwise.

Its features are computed by the same code from the same state, so that a carrier's habits, its lane, its tenders and
its disruptions are those of the other one. What a model says of it is a prediction for such a shipment, not the effect
of a change: whatever made people choose one carrier for hard loads is in the numbers too.
"""

from __future__ import annotations

from features.records import Shipment
from features.vocabulary import Mode


def as_if_carried(
    shipment: Shipment, carrier_id: str, *, service_id: str | None = None, mode: Mode | None = None
) -> Shipment:
    """Return a plan as if another carrier had it; its vehicle is not known then, and its mode as before unless given.

    What a penalty, a value or a promise says stays as it is.
    """
    changes = {"carrier_id": carrier_id, "service_id": service_id, "vehicle_id": None, "mode": mode or shipment.mode}
    return shipment.model_copy(update=changes)


def as_if_sent_from(shipment: Shipment, place: str) -> Shipment:
    """Return a plan as if another place sent it; how far that is, is not known then."""
    first = shipment.stops[0].model_copy(update={"place": place, "country": None, "closes_at": None})
    return shipment.model_copy(update={"stops": (first, *shipment.stops[1:]), "distance_km": None})
