"""Canonical records of what freight should cost and what carriers bill: contract, fuel index, invoice (X12 210).

A rate is `rate_minor` for `rate_per` units of its basis, in whole minor units: 0.7134 EUR a kilogram is 7134 for 100.
With the basis `percent` it is `percent` of the line haul, and money plays no part.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from features.fields import Amount, Identifier, Instant, Part, Priced, Valid
from features.invoice_vocabulary import ChargeKind, InvoiceKind, PaymentMethod, Proof, RateBasis
from features.records import Reference
from features.vocabulary import FreightClass, Mode, ReferenceKind

RatePer = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(allow_inf_nan=False)]


LARGEST, LEAST_RATE_PER = 10**13, 1e-6
"""What a term of a contract or a bill may hold: sums over a hundred thousand bills of such amounts still fit into 64
bits."""
DIVISORS = ("rate_per", "price_per")
"""Fields that say for how many units an amount is."""


class Bounded(BaseModel):
    """Base of what is reckoned with: its numbers are of this world."""

    @model_validator(mode="after")
    def _numbers_are_of_this_world(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, int | float) and abs(value) > LARGEST:
                raise ValueError(f"{name} is {value:g}, more than {LARGEST:.0e}; mend its unit")
            if name in DIVISORS and value < LEAST_RATE_PER:
                raise ValueError(f"{name} is {value:g}, less than {LEAST_RATE_PER:g}; mend its unit")
        return self


class Term(Valid, Priced, Bounded):
    """Something that was agreed with a carrier, or that an agreement goes by."""


class CarrierRate(Term):
    """What a carrier charges on a lane within a weight break; `occurred_at` is when it was agreed."""

    rate_id: Identifier
    carrier_id: Identifier
    service_id: Identifier | None = None
    mode: Mode | None = None
    origin: Identifier = Field(description="place or zone")
    destination: Identifier = Field(description="place or zone")
    freight_class: FreightClass | None = None
    weight_from_kg: Amount = Field(default=0, description="the break holds from this weight")
    weight_until_kg: Amount | None = Field(default=None, description="and up to this one, itself included")
    basis: RateBasis
    rate_minor: int = Field(ge=0)
    rate_per: RatePer = 1
    minimum_minor: int | None = Field(default=None, ge=0)
    transit_days: Amount | None = None
    fuel_index_id: Identifier | None = Field(default=None, description="fuel index that the surcharge follows")

    @model_validator(mode="after")
    def _a_weight_lies_in_its_break(self) -> Self:
        until, begins = self.weight_until_kg, self.weight_from_kg
        if until is not None and until < begins:
            raise ValueError(
                f"weight_until_kg ({until:g}) is below weight_from_kg ({begins:g}), so the rate holds for no weight; "
                "mend one of them, or leave weight_until_kg out where the break has no end"
            )
        return self


class FuelIndex(Term):
    """The fuel price of one week and the surcharge that follows from it; `occurred_at` is when it was published."""

    fuel_index_id: Identifier
    price_minor: int | None = Field(default=None, ge=0, description="price of `price_per` litres or gallons")
    price_per: RatePer = 1
    surcharge_pct: Percent | None = Field(default=None, description="percent of the line haul")


class Accessorial(Term):
    """A charge beside the freight that was agreed with a carrier; `occurred_at` is when it was agreed."""

    accessorial_id: Identifier
    carrier_id: Identifier
    charge_code: Identifier = Field(description="the carrier's code, for example DET")
    charge: ChargeKind = Field(default=ChargeKind.ACCESSORIAL, description="what it is: a surcharge, a discount, a tax")
    proof: Proof = Field(default=Proof.REQUEST, description="what shows that it is owed")
    basis: RateBasis
    rate_minor: int | None = Field(default=None, ge=0)
    rate_per: RatePer = 1
    percent: Percent | None = Field(default=None, description="of the line haul; of all charges for a tax")
    minimum_minor: int | None = Field(default=None, ge=0)
    maximum_minor: int | None = Field(default=None, ge=0)
    free_minutes: int | None = Field(default=None, ge=0, description="waiting that is not charged")
    needs_authorisation: bool = Field(default=False, description="owed only if it was asked for beforehand")


class FreightInvoice(Priced, Bounded):
    """A carrier's bill; `occurred_at` is its date, `known_at` when it came in.

    What it bills for need not be known: an invoice without a shipment is a finding, not a fault of the record.
    """

    invoice_id: Identifier = Field(description="unique; the carrier's own number alone often is not")
    invoice_number: Identifier | None = Field(default=None, description="number as the carrier wrote it")
    carrier_id: Identifier
    shipment_id: Identifier | None = None
    kind: InvoiceKind = InvoiceKind.ORIGINAL
    raw_kind: str | None = Field(default=None, description="correction indicator as the carrier sent it")
    payment: PaymentMethod | None = None
    bill_to: Identifier | None = None
    due_at: Instant | None = None
    delivered_at: Instant | None = Field(default=None, description="delivery as the invoice states it")
    service_id: Identifier | None = None
    mode: Mode | None = None
    origin: Identifier | None = Field(default=None, description="place or zone as billed")
    destination: Identifier | None = Field(default=None, description="place or zone as billed")
    distance_km: Amount | None = None
    weight_kg: Amount | None = Field(default=None, description="weight as billed")
    pieces: int | None = Field(default=None, ge=0)
    freight_class: FreightClass | None = None
    total_minor: int | None = Field(default=None, description="sum of the charges as the invoice states it")
    prepaid_minor: int | None = None
    net_due_minor: int = Field(description="what is asked for; negative for a credit")
    references: tuple[Reference, ...] = ()

    @property
    def comes_to_minor(self) -> int:
        """What it comes to: the stated total, else what is asked for and what was paid before."""
        return self.total_minor if self.total_minor is not None else self.net_due_minor + (self.prepaid_minor or 0)


class BilledLine(Part, Bounded):
    """One charge as it stands on its invoice, whose identity, clocks and currency it shares."""

    line_number: int = Field(ge=1)
    kind: ChargeKind
    charge_code: str | None = Field(default=None, description="charge code as the carrier sent it")
    description: str | None = None
    quantity: Amount | None = Field(default=None, description="how many units of the basis are billed")
    basis: RateBasis | None = None
    rate_minor: int | None = None
    rate_per: RatePer = 1
    percent: Percent | None = None
    amount_minor: int
    weight_kg: Amount | None = Field(default=None, description="weight as billed")
    pieces: int | None = Field(default=None, ge=0)
    freight_class: FreightClass | None = None
    reference_kind: ReferenceKind | None = None
    reference: Identifier | None = Field(
        default=None, description="number of the parcel or shipment that it is for, where the line itself says so"
    )


class InvoiceLine(BilledLine, Priced):
    """One charge of an invoice, with the arithmetic that the carrier states, as a record of its own."""

    invoice_id: Identifier


class BilledInvoice(FreightInvoice):
    """A carrier's bill with its charges, as one message: what was not on it when it came in is no part of it."""

    lines: tuple[BilledLine, ...] = ()

    @model_validator(mode="after")
    def _lines_are_numbered_once(self) -> Self:
        numbers = [line.line_number for line in self.lines]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"lines are numbered {numbers}; give each a number of its own")
        return self

    def invoice(self) -> FreightInvoice:
        """Return the bill without its charges."""
        return FreightInvoice.model_validate(self.model_dump(exclude={"lines"}))

    def invoice_lines(self) -> tuple[InvoiceLine, ...]:
        """Return the charges as records of their own."""
        shared = {name: getattr(self, name) for name in ("invoice_id", "currency", "occurred_at", "known_at")}
        return tuple(InvoiceLine.model_validate(line.model_dump() | shared) for line in self.lines)
