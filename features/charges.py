"""Charges that a contract makes owed: what each follows from, what cannot be determined, and what is not owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from features.invoice_records import CarrierRate, FuelIndex
from features.invoice_vocabulary import ChargeKind


class Reason(StrEnum):
    """Why a charge cannot be determined."""

    NO_SHIPMENT = "no_shipment"
    """No plan of the shipment is known."""
    NO_DATE = "no_date"
    """No planned departure is known, so no contract can be chosen."""
    NO_CONTRACT = "no_contract"
    """No rate is agreed for the lane, service, mode and class on that day."""
    SEVERAL_CONTRACTS = "several_contracts"
    """Several rates hold at once and come to different amounts."""
    BEYOND_BREAKS = "beyond_breaks"
    """The weight is above the last weight break."""
    NO_WEIGHT = "no_weight"
    NO_QUANTITY = "no_quantity"
    """The contract charges by something that is not known of the shipment, or names no amount."""
    NO_FUEL_WEEK = "no_fuel_week"
    """The fuel index has no surcharge for the week."""
    SEVERAL_FUEL_WEEKS = "several_fuel_weeks"
    """The fuel index says several things for the day."""
    SEVERAL_TERMS = "several_terms"
    """A charge beside the freight is agreed several times at once, and differently."""
    OPEN_STAY = "open_stay"
    """An arrival is known and the end of the stay is not."""
    OTHER_CURRENCY = "other_currency"
    """It is agreed in another currency than the line haul."""
    NO_BASE = "no_base"
    """What it is a share of cannot be determined."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The record of the contract that a charge follows, since when it holds, and what it says."""

    record_id: str
    valid_from: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge that is owed, negative for a discount; `event_ids` show it."""

    kind: ChargeKind
    code: str | None
    amount_minor: int
    clause: Clause
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """A charge that cannot be determined, and why. It is never taken for zero."""

    kind: ChargeKind
    code: str | None
    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class NotOwed:
    """A charge that the contract knows and nothing shows to be owed."""

    kind: ChargeKind
    code: str
    clause: Clause
    words: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a shipment should cost, as far as it could be determined at a cutoff.

    Attributes
    ----------
    currency
        Of every amount; None where nothing could be determined.
    rate, billed_kg
        The rate of the line haul, and the weight that it charges for: more than the shipment's where a heavier break
        is cheaper.
    fuel_week
        The week of the fuel index.
    """

    currency: str | None
    charges: tuple[Charge, ...]
    doubts: tuple[Doubt, ...]
    not_owed: tuple[NotOwed, ...] = ()
    rate: CarrierRate | None = None
    billed_kg: float | None = None
    fuel_week: FuelIndex | None = None

    @property
    def total_minor(self) -> int | None:
        """Sum of all charges; None where one of them cannot be determined."""
        return self.amount_minor(*ChargeKind)

    def amount_minor(self, *kinds: ChargeKind) -> int | None:
        """Return the sum of the charges of some kinds; None where one of them cannot be determined."""
        if any(doubt.kind in kinds for doubt in self.doubts):
            return None
        return sum(charge.amount_minor for charge in self.charges if charge.kind in kinds)
