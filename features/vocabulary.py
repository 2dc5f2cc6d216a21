"""The words of the field: codes, classes and event types. Standard library only; every package may import it."""

from __future__ import annotations

from enum import StrEnum


class EventStatus(StrEnum):
    """Canonical status of a delivery event (after X12 214 AT7-01 and DCSA); an unknown code is `OTHER`, kept raw."""

    PICKUP_ARRIVED = "pickup_arrived"
    LOADED = "loaded"
    DEPARTED = "departed"
    TERMINAL_ARRIVED = "terminal_arrived"
    TERMINAL_DEPARTED = "terminal_departed"
    IN_TRANSIT = "in_transit"
    ESTIMATED_DELIVERY = "estimated_delivery"
    DELIVERY_ARRIVED = "delivery_arrived"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    ATTEMPTED = "attempted"
    REFUSED = "refused"
    DAMAGED = "damaged"
    RETURNED = "returned"
    DIVERTED = "diverted"
    CUSTOMS_HOLD = "customs_hold"
    CANCELLED = "cancelled"
    OTHER = "other"


class Classifier(StrEnum):
    """DCSA event classifier: is the event's time planned, estimated or actual."""

    PLANNED = "PLN"
    ESTIMATED = "EST"
    ACTUAL = "ACT"


class AssertedBy(StrEnum):
    """Who says that it happened."""

    CARRIER = "carrier"
    DRIVER = "driver"
    WAREHOUSE = "warehouse"
    CUSTOMER = "customer"
    GEOFENCE = "geofence"
    MODEL = "model"


class Mode(StrEnum):
    """Mode of transport."""

    AIR = "air"
    ROAD_FTL = "road_ftl"
    ROAD_LTL = "road_ltl"
    PARCEL = "parcel"
    RAIL = "rail"
    OCEAN = "ocean"


class StopKind(StrEnum):
    """What a stop is for."""

    PICKUP = "pickup"
    TRANSFER = "transfer"
    DELIVERY = "delivery"


class CustomerTier(StrEnum):
    """How much the promise weighs to the customer."""

    STANDARD = "standard"
    PRIORITY = "priority"
    CRITICAL = "critical"


class EventType(StrEnum):
    """CloudEvents `type` of what may be sent to `POST /v1/events`; the payload is the record of that name."""

    SHIPMENT_PLANNED = "freight.shipment.planned"
    DELIVERY = "freight.delivery"
    WEATHER_OBSERVED = "freight.weather.observed"


class Moment(StrEnum):
    """A decision moment of a shipment: each is a row of training data and a possible request in service."""

    DAY_BEFORE = "24h_before"
    HOURS_BEFORE = "2h_before"
    AT_DEPARTURE = "at_departure"


class Verdict(StrEnum):
    """Lateness verdict. The scale runs from 0 (cannot determine) to 4 (already past)."""

    CANNOT_DETERMINE = "cannot_determine"
    ON_TIME = "on_time"
    BEHIND = "behind"
    CANNOT_MAKE_IT = "cannot_make_it"
    ALREADY_PAST = "already_past"


class Branch(StrEnum):
    """Where a decision sends a case, weakest first."""

    NONE = "none"
    REVIEW = "review"
    NOTIFY = "notify"
    SPLIT = "split"
    REBOOK = "rebook"
    ESCALATE = "escalate"
