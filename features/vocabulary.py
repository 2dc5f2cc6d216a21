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


class Correction(StrEnum):
    """What was wrong with the event that another one corrects (after the EPCIS error declaration)."""

    DID_NOT_OCCUR = "did_not_occur"
    INCORRECT_DATA = "incorrect_data"


class PartyAtFault(StrEnum):
    """Whose doing a delay or a trouble is, as its reason code says (after X12 214 AT7-02)."""

    CARRIER = "carrier"
    SHIPPER = "shipper"
    CONSIGNEE = "consignee"
    OUTSIDE = "outside"
    ADDRESS = "address"
    NEUTRAL = "neutral"
    OTHER = "other"


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
    OTHER = "other"


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


class ReferenceKind(StrEnum):
    """What a number names, so that two numbers that look alike are not taken for one another."""

    BILL_OF_LADING = "bol"
    PRO = "pro"
    PURCHASE_ORDER = "po"
    TRACKING = "tracking"
    ORDER = "order"
    SHIPMENT = "shipment"
    SHIPPING_NOTICE = "asn"
    BOOKING = "booking"
    AIR_WAYBILL = "awb"
    CONTAINER = "container"
    SEAL = "seal"
    INVOICE = "invoice"
    CUSTOMER = "customer"
    CONTRACT = "contract"
    OTHER = "other"


class Subject(StrEnum):
    """What a reference, an outcome or a review is about."""

    SHIPMENT = "shipment"
    ORDER = "order"
    TENDER = "tender"
    INVOICE = "invoice"
    INVENTORY = "inventory"


class FreightClass(StrEnum):
    """Class of less-than-truckload freight in the United States (NMFC), by density and handling."""

    C50 = "50"
    C55 = "55"
    C60 = "60"
    C65 = "65"
    C70 = "70"
    C77_5 = "77.5"
    C85 = "85"
    C92_5 = "92.5"
    C100 = "100"
    C110 = "110"
    C125 = "125"
    C150 = "150"
    C175 = "175"
    C200 = "200"
    C250 = "250"
    C300 = "300"
    C400 = "400"
    C500 = "500"


class UnitKind(StrEnum):
    """What a handling unit is."""

    PALLET = "pallet"
    CARTON = "carton"
    CRATE = "crate"
    DRUM = "drum"
    BAG = "bag"
    ROLL_CAGE = "roll_cage"
    CONTAINER = "container"
    OTHER = "other"


class TenderPurpose(StrEnum):
    """What an offer of a load does to the one before it (after X12 204 B2A-01)."""

    ORIGINAL = "original"
    CHANGE = "change"
    CANCELLATION = "cancellation"


class TenderReply(StrEnum):
    """What the carrier answers to an offer (after X12 990 B1-04)."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_CHANGES = "accepted_with_changes"
    DECLINED = "declined"


class ClaimKind(StrEnum):
    """What a carrier is held to account for."""

    LOSS = "loss"
    DAMAGE = "damage"
    OVERCHARGE = "overcharge"
    OTHER = "other"


class ClaimStatus(StrEnum):
    """What has become of a claim."""

    FILED = "filed"
    PAID = "paid"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class TaskKind(StrEnum):
    """What a warehouse task does."""

    RECEIVE = "receive"
    PUT_AWAY = "put_away"
    REPLENISH = "replenish"
    PICK = "pick"
    PACK = "pack"
    STAGE = "stage"
    LOAD = "load"
    COUNT = "count"


class TaskStatus(StrEnum):
    """How far a warehouse task has come; `short` is done, but with less than was asked for."""

    PLANNED = "planned"
    RELEASED = "released"
    STARTED = "started"
    DONE = "done"
    SHORT = "short"
    CANCELLED = "cancelled"


class Disposition(StrEnum):
    """What may be done with stock (after the EPCIS Core Business Vocabulary)."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    DAMAGED = "damaged"
    HELD = "held"
    IN_TRANSIT = "in_transit"


class AdjustmentReason(StrEnum):
    """Why stock in the books was changed (after X12 947)."""

    COUNT = "count"
    DAMAGE = "damage"
    LOSS = "loss"
    FOUND = "found"
    EXPIRED = "expired"
    RETURN = "return"
    HOLD = "hold"
    RELEASE = "release"
    OTHER = "other"


class DisruptionKind(StrEnum):
    """What is out of order."""

    CARRIER = "carrier"
    WAREHOUSE_SYSTEM = "warehouse_system"
    PLACE = "place"
    ROUTE = "route"
    STRIKE = "strike"
    WEATHER = "weather"
    OTHER = "other"


class Severity(StrEnum):
    """How much of the usual work a disruption prevents, weakest first."""

    MINOR = "minor"
    MODERATE = "moderate"
    SEVERE = "severe"


class OutcomeStatus(StrEnum):
    """What became of an action."""

    DONE = "done"
    PARTLY_DONE = "partly_done"
    FAILED = "failed"
    UNDONE = "undone"


class ReviewVerdict(StrEnum):
    """What a person answered to a case."""

    ACCEPT = "accept"
    OVERRIDE = "override"
    DISMISS = "dismiss"


class EventType(StrEnum):
    """CloudEvents `type` of what may be sent to `POST /v1/events`; the payload is the record of that name."""

    SHIPMENT_PLANNED = "freight.shipment.planned"
    DELIVERY = "freight.delivery"
    WEATHER_OBSERVED = "freight.weather.observed"
    WEATHER_FORECAST = "freight.weather.forecast"
    PLACE = "freight.place"
    DISRUPTION = "freight.disruption"
    WAREHOUSE_TASK = "freight.warehouse.task"
    LABOUR_SHIFT = "freight.labour.shift"
    TENDER = "freight.tender"
    TENDER_RESPONSE = "freight.tender.response"
    CLAIM = "freight.claim"
    INVOICE = "freight.invoice"
    CARRIER_RATE = "freight.contract.rate"
    FUEL_INDEX = "freight.contract.fuel"
    ACCESSORIAL = "freight.contract.accessorial"
    ORDER = "freight.order"
    STOCK_POSITION = "freight.stock.position"
    STOCK_ADJUSTMENT = "freight.stock.adjustment"
    STOCK_RECEIPT = "freight.stock.receipt"


class Moment(StrEnum):
    """A decision moment of a shipment: each is a row of training data and a possible request in service.

    The second to the fourth hold one after the other for any shipment. The rest are asked for by name: `AT_BOOKING` is
    when a plan comes to be known; `AT_TRANSFER` when all that is planned to come to the last transfer has come there;
    `BEFORE_DELIVERY` when all that is planned to come to the destination has come there, and is still to be delivered.
    """

    AT_BOOKING = "at_booking"
    DAY_BEFORE = "24h_before"
    HOURS_BEFORE = "2h_before"
    AT_DEPARTURE = "at_departure"
    AT_TRANSFER = "at_transfer"
    BEFORE_DELIVERY = "before_delivery"


class LineMoment(StrEnum):
    """A decision moment of an order line."""

    AT_ORDER = "at_order"
    BEFORE_WAVE = "before_wave"


class ShortageCause(StrEnum):
    """Why a pick took less than was asked for."""

    NOT_FOUND = "not_found"
    """It was reserved, and lay there only in the books."""
    FOR_OTHERS = "for_others"
    """Enough lay there, but was held, damaged or reserved for others."""
    INBOUND_LATE = "inbound_late"
    """Too little lay there, and more should have come."""
    NOT_ENOUGH = "not_enough"
    """Too little lay there, and nothing was late."""


class Verdict(StrEnum):
    """Lateness verdict. The scale runs from 0 (cannot determine) to 4 (already past)."""

    CANNOT_DETERMINE = "cannot_determine"
    ON_TIME = "on_time"
    BEHIND = "behind"
    CANNOT_MAKE_IT = "cannot_make_it"
    ALREADY_PAST = "already_past"

    @property
    def scale(self) -> int:
        """Where it stands on the scale."""
        return list(Verdict).index(self)


class SubjectType(StrEnum):
    """What is decided about."""

    SHIPMENT = "shipment"
    INVOICE = "invoice"
    SHORTAGE = "shortage"
    """An order line that may be picked short."""


class Branch(StrEnum):
    """Where a decision sends a case; `routing.subjects` says which of them each kind of subject has."""

    NONE = "none"
    REVIEW = "review"
    NOTIFY = "notify"
    SPLIT = "split"
    REBOOK = "rebook"
    ESCALATE = "escalate"
    APPROVE = "approve"
    SHORT_PAY = "short_pay"
    DISPUTE = "dispute"
    HOLD_WAVE = "hold_wave"
    REALLOCATE = "reallocate"
    SUBSTITUTE = "substitute"
    SPLIT_ORDER = "split_order"
    EXPEDITE = "expedite"
