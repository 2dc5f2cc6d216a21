"""Words of contracts and freight invoices: closed sets, in canonical spelling."""

from __future__ import annotations

from enum import StrEnum


class RateBasis(StrEnum):
    """The unit that a rate is for."""

    SHIPMENT = "shipment"
    KILOGRAM = "kg"
    CUBIC_METRE = "m3"
    KILOMETRE = "km"
    PIECE = "piece"
    HOUR = "hour"
    DAY = "day"
    PERCENT = "percent"


class ChargeKind(StrEnum):
    """What a charge is for; the carrier's own code is kept beside it."""

    LINE_HAUL = "line_haul"
    FUEL = "fuel"
    ACCESSORIAL = "accessorial"
    DISCOUNT = "discount"
    TAX = "tax"
    OTHER = "other"


class Proof(StrEnum):
    """What shows that a charge beside the freight is owed, as the contract has it."""

    NOTHING = "nothing"
    """It is owed on every shipment: a discount, a tax, a toll."""
    WAITING = "waiting"
    """The vehicle stood at a stop for longer than is free."""
    ATTEMPT = "attempt"
    """A delivery was attempted in vain, and not by the carrier's own doing."""
    RETURN = "return"
    DIVERSION = "diversion"
    CUSTOMS_HOLD = "customs_hold"
    APPOINTMENT = "appointment"
    """A delivery was announced or an appointment was made."""
    REQUEST = "request"
    """An event of the shipment carries the code of the charge: a liftgate, a delivery inside."""
    RESIDENCE = "residence"
    """A stop of the plan is somebody's home."""
    ADDRESS = "address"
    """An event says that the address was wrong."""
    LATE_DELIVERY = "late_delivery"
    """It was delivered after the promise by the carrier's doing, or by nobody's that is known: a guarantee."""


class PaymentMethod(StrEnum):
    """Who pays the freight (after X12 210 B3-04)."""

    PREPAID = "prepaid"
    COLLECT = "collect"
    THIRD_PARTY = "third_party"


class InvoiceKind(StrEnum):
    """What an invoice does to the one before it (after X12 210 B3-08)."""

    ORIGINAL = "original"
    CORRECTION = "correction"
    BALANCE_DUE = "balance_due"
    CANCELLATION = "cancellation"


class Discrepancy(StrEnum):
    """What is wrong with a freight invoice."""

    DUPLICATE_INVOICE = "duplicate_invoice"
    DUPLICATE_LINE = "duplicate_line"
    BALANCE_DUE_REBILL = "balance_due_rebill"
    """A further bill for a shipment asks for what was billed before."""
    RATE_MISMATCH = "rate_mismatch"
    RATE_NOT_ON_FILE = "rate_not_on_file"
    DISCOUNT_NOT_APPLIED = "discount_not_applied"
    MINIMUM_CHARGE = "minimum_charge"
    FUEL_INDEX_WEEK = "fuel_index_week"
    """The surcharge is that of another week."""
    FUEL_BASE = "fuel_base"
    """The surcharge is taken of more than the line haul."""
    FUEL_TABLE = "fuel_table"
    """The surcharge is of another index, of none, or none is agreed."""
    ACCESSORIAL_NOT_AUTHORISED = "accessorial_not_authorised"
    ACCESSORIAL_NOT_EVIDENCED = "accessorial_not_evidenced"
    DETENTION_CLOCK = "detention_clock"
    RESIDENTIAL_MISCLASS = "residential_misclass"
    ADDRESS_CORRECTION = "address_correction"
    WEIGHT_MISMATCH = "weight_mismatch"
    DIM_WEIGHT = "dim_weight"
    """Charged by volume where the contract charges by weight."""
    FREIGHT_CLASS = "freight_class"
    REWEIGH_UNSUPPORTED = "reweigh_unsupported"
    """A later bill for more weight, which no record shows."""
    WRONG_LANE_ZONE_MILEAGE = "wrong_lane_zone_mileage"
    WRONG_SERVICE = "wrong_service"
    WRONG_MODE = "wrong_mode"
    CURRENCY = "currency"
    TAX = "tax"
    EXTENSION = "extension"
    """Quantity times rate is not the amount."""
    TOTAL_NOT_SUM = "total_not_sum"
    SERVICE_NOT_RENDERED = "service_not_rendered"
    NO_POD = "no_pod"
    """No delivery is known."""
    LATE_GUARANTEE_REFUND = "late_guarantee_refund"
    WRONG_BILL_TO = "wrong_bill_to"
    MISSING_REFERENCE = "missing_reference"
    NO_SHIPMENT_MATCH = "no_shipment_match"
    LATE_BILLED = "late_billed"
    UNDERCHARGE = "undercharge"
    """Less is billed than is owed."""
