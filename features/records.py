"""Canonical records. Every one carries two clocks: `occurred_at` (it happened) and `known_at` (we learnt it).

All times are aware and kept in UTC; a time without a zone is refused, never guessed. Money is integer minor units
with its ISO 4217 currency. Unknown fields are refused, so that a misspelt one is noticed and not lost.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from features.vocabulary import AssertedBy, Classifier, CustomerTier, EventStatus, Mode, StopKind


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def is_zone(name: str) -> bool:
    """Tell whether this is the name of an IANA time zone."""
    return name in _ZONES


def _known_zone(value: str) -> str:
    if not is_zone(value):
        raise ValueError(f"'{value}' is not an IANA time zone; write e.g. 'Europe/Berlin' or 'UTC'")
    return value


_ZONES = available_timezones()

Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware time, converted to UTC; a naive one is an error."""
Zone = Annotated[str, AfterValidator(_known_zone)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Record(BaseModel):
    """Base of the canonical records."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    occurred_at: Instant
    known_at: Instant


class Stop(BaseModel):
    """A place on the way, with its six times, which are never merged.

    The times belong to the version of the plan that carries the stop; what really happened comes as `DeliveryEvent`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    place: Identifier
    kind: StopKind
    timezone: Zone = "UTC"
    requested_at: Instant | None = None
    promised_at: Instant | None = None
    appointment_at: Instant | None = None
    planned_at: Instant | None = None
    estimated_at: Instant | None = None
    actual_at: Instant | None = None


class Shipment(Record):
    """A consignment as planned: who carries what, from where, to where, promised when.

    `occurred_at` is when it was booked. The first stop is the pickup: its `planned_at` is the planned departure. The
    last is the delivery: its `promised_at` is the end of the promised window, which may be missing.
    """

    shipment_id: Identifier
    carrier_id: Identifier
    service_id: Identifier | None = Field(default=None, description="the recurring departure: carrier + service number")
    vehicle_id: Identifier | None = None
    mode: Mode
    customer_id: Identifier | None = None
    customer_tier: CustomerTier = CustomerTier.STANDARD
    order_id: Identifier | None = None
    pieces: int | None = Field(default=None, ge=1)
    weight_kg: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    distance_km: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    value_minor: int | None = Field(default=None, ge=0)
    currency: Currency | None = None
    ship_complete: bool = Field(default=False, description="the customer takes all of it or none")
    stops: Annotated[tuple[Stop, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _value_has_currency(self) -> Self:
        if self.value_minor is not None and self.currency is None:
            raise ValueError("value_minor is given without currency; add the ISO 4217 code, e.g. 'EUR'")
        return self

    @property
    def origin(self) -> str:
        """Place of the first stop."""
        return self.stops[0].place

    @property
    def destination(self) -> str:
        """Place of the last stop."""
        return self.stops[-1].place

    @property
    def planned_departure_at(self) -> datetime | None:
        """Planned time of the first stop."""
        return self.stops[0].planned_at

    @property
    def promised_at(self) -> datetime | None:
        """Promised time of the last stop: the end of the promised window."""
        return self.stops[-1].promised_at


class DeliveryEvent(Record):
    """Something that a party says happened to a shipment, with the raw code kept beside the canonical status."""

    event_id: Identifier
    shipment_id: Identifier
    status: EventStatus
    raw_status: str | None = None
    reason: str | None = None
    classifier: Classifier = Classifier.ACTUAL
    place: Identifier | None = None
    asserted_by: AssertedBy = AssertedBy.CARRIER
    corrects: Identifier | None = Field(default=None, description="event_id that this one supersedes")


class WeatherObservation(Record):
    """Weather as measured at a place; `occurred_at` is the hour of the measurement."""

    place: Identifier
    temperature_c: float | None = Field(default=None, allow_inf_nan=False)
    dew_point_c: float | None = Field(default=None, allow_inf_nan=False)
    humidity_pct: float | None = Field(default=None, allow_inf_nan=False)
    wind_speed_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    wind_direction_deg: float | None = Field(default=None, allow_inf_nan=False)
    precipitation_mm: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    pressure_hpa: float | None = Field(default=None, allow_inf_nan=False)
    visibility_km: float | None = Field(default=None, ge=0, allow_inf_nan=False)
