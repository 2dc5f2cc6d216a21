"""Canonical records of transport: what moves, how it is going, and what is around it.

Every one carries two clocks: `occurred_at` (it happened) and `known_at` (we learnt it); see `features.fields`. Orders,
stock, tenders and claims, contracts and invoices, outcomes have modules of their own beside this one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from features.fields import Amount, Country, Identifier, Instant, Part, Priced, Record, Valid, Zone
from features.vocabulary import (
    AssertedBy,
    Classifier,
    Correction,
    CustomerTier,
    DisruptionKind,
    EventStatus,
    FreightClass,
    Mode,
    PartyAtFault,
    ReferenceKind,
    Severity,
    StopKind,
    UnitKind,
)

_TRANSFER = StopKind.TRANSFER  # read once: Python 3.11 takes long to read a member


class Reference(Part):
    """A number under which somebody else knows the thing, with its kind."""

    kind: ReferenceKind
    value: Identifier


class Stop(Part):
    """A place on the way, with its six times, which are never merged.

    The times belong to the version of the plan that carries the stop; what really happened comes as `DeliveryEvent`.
    `promised_at` is the end of the promised window, `promised_from_at` its beginning, if it has one.
    """

    place: Identifier
    kind: StopKind
    timezone: Zone = "UTC"
    country: Country | None = Field(default=None, description="ISO 3166-1 alpha-2 code, for holidays and borders")
    is_residence: bool | None = Field(default=None, description="whether it is somebody's home; missing is unknown")
    closes_at: Instant | None = Field(default=None, description="cut-off: until when goods are taken in here")
    requested_at: Instant | None = None
    promised_from_at: Instant | None = None
    promised_at: Instant | None = None
    appointment_at: Instant | None = None
    planned_at: Instant | None = None
    estimated_at: Instant | None = Field(default=None, description="kept; features read what an EST event tells")
    actual_at: Instant | None = Field(default=None, description="kept; features read what an ACT event tells")

    @model_validator(mode="after")
    def _window_in_order(self) -> Self:
        if self.promised_from_at and self.promised_at and self.promised_at < self.promised_from_at:
            raise ValueError("promised_at is before promised_from_at; the first is the end of the window")
        return self


class Shipment(Priced):
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
    weight_kg: Amount | None = None
    volume_m3: Amount | None = None
    distance_km: Amount | None = None
    freight_class: FreightClass | None = None
    value_minor: int | None = Field(default=None, ge=0)
    late_penalty_minor: int | None = Field(default=None, ge=0, description="owed to the customer once it is late")
    late_penalty_per_day_minor: int | None = Field(default=None, ge=0, description="and so much for each day late")
    ship_complete: bool = Field(default=False, description="the customer takes all of it or none")
    references: tuple[Reference, ...] = ()
    stops: Annotated[tuple[Stop, ...], Field(min_length=2)]

    @property
    def origin(self) -> str:
        """Place of the first stop."""
        return self.stops[0].place

    @property
    def destination(self) -> str:
        """Place of the last stop."""
        return self.stops[-1].place

    @property
    def transfer(self) -> str | None:
        """Place of the last transfer between the ends, where what comes together or changes over is last."""
        for stop in self.stops[-2:0:-1]:
            if stop.kind is _TRANSFER:
                return stop.place
        return None

    @property
    def planned_departure_at(self) -> datetime | None:
        """Planned time of the first stop."""
        return self.stops[0].planned_at

    @property
    def promised_at(self) -> datetime | None:
        """Promised time of the last stop: the end of the promised window."""
        return self.stops[-1].promised_at

    @property
    def promised_from_at(self) -> datetime | None:
        """Beginning of the promised window at the last stop."""
        return self.stops[-1].promised_from_at


class HandlingUnit(Record):
    """A unit that is moved as one, under its SSCC or a number like it; it may stand inside another."""

    handling_unit_id: Identifier
    shipment_id: Identifier | None = None
    parent_id: Identifier | None = Field(default=None, description="handling unit that holds this one")
    kind: UnitKind
    pieces: int | None = Field(default=None, ge=1)
    weight_kg: Amount | None = None
    volume_m3: Amount | None = None


class Content(Part):
    """How much of an article a package holds, and for which order line."""

    sku: Identifier
    quantity: Amount
    unit: Identifier = "EA"
    order_id: Identifier | None = None
    line_id: Identifier | None = None


class Package(Record):
    """A package of a shipment, with what is in it; the handling unit is what it stands on or in."""

    package_id: Identifier
    shipment_id: Identifier
    handling_unit_id: Identifier | None = None
    tracking_number: Identifier | None = None
    weight_kg: Amount | None = None
    length_cm: Amount | None = None
    width_cm: Amount | None = None
    height_cm: Amount | None = None
    contents: tuple[Content, ...] = ()


class DeliveryEvent(Record):
    """Something that a party says happened to a shipment, with the raw codes kept beside the canonical words.

    A wrong event is never edited. Another one corrects it from its own `known_at`: with `incorrect_data` it says what
    is right; with `did_not_occur` it repeats what is to be taken back, which may be such a correction in its turn. One
    told of the wrong shipment is taken back there, and told of the right one.
    """

    event_id: Identifier
    shipment_id: Identifier
    status: EventStatus
    raw_status: str | None = Field(default=None, description="status code as the carrier sent it")
    reason: str | None = Field(default=None, description="reason code as the carrier sent it")
    party_at_fault: PartyAtFault | None = Field(default=None, description="whose doing it is, by the reason code")
    appointment: str | None = Field(default=None, description="appointment code as the carrier sent it")
    text: str | None = Field(default=None, description="free text as the carrier sent it")
    classifier: Classifier = Classifier.ACTUAL
    place: Identifier | None = None
    asserted_by: AssertedBy = AssertedBy.CARRIER
    corrects: Identifier | None = Field(default=None, description="event_id of the same shipment that this supersedes")
    correction: Correction | None = Field(default=None, description="what was wrong with that event")

    @model_validator(mode="after")
    def _correction_names_an_event(self) -> Self:
        if self.correction is not None and self.corrects is None:
            raise ValueError("correction is given without corrects; add the event_id of the event that was wrong")
        return self


class Place(Record):
    """Where a place or a weather station lies, in degrees (WGS 84); `occurred_at` is since when.

    A later record of the same place takes the place of an earlier one from its own `known_at`.
    """

    place: Identifier
    latitude: float = Field(ge=-90, le=90, description="degrees, north positive")
    longitude: float = Field(ge=-180, le=180, description="degrees, east positive")
    name: str | None = None


class Weather(Record):
    """Weather at a place, whether measured or foretold."""

    place: Identifier
    temperature_c: float | None = Field(default=None, allow_inf_nan=False)
    dew_point_c: float | None = Field(default=None, allow_inf_nan=False)
    humidity_pct: float | None = Field(default=None, allow_inf_nan=False)
    wind_speed_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    wind_direction_deg: float | None = Field(default=None, allow_inf_nan=False)
    precipitation_mm: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    pressure_hpa: float | None = Field(default=None, allow_inf_nan=False)
    visibility_km: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class WeatherObservation(Weather):
    """Weather as measured at a place; `occurred_at` is the hour of the measurement."""


class WeatherForecast(Weather):
    """Weather as foretold for a place at a later hour, `valid_at`; `occurred_at` is when it was issued.

    It is known from its issue on, long before the hour it is about; a newer one for that hour leaves it as it was.
    """

    valid_at: Instant

    @model_validator(mode="after")
    def _looks_ahead(self) -> Self:
        if self.valid_at < self.occurred_at:
            raise ValueError("valid_at is before occurred_at, when the forecast was issued; send a WeatherObservation")
        return self

    @property
    def issued_at(self) -> datetime:
        """When it was issued: its `occurred_at`."""
        return self.occurred_at

    @property
    def lead(self) -> timedelta:
        """How far ahead it looks."""
        return self.valid_at - self.occurred_at


class Disruption(Valid):
    """A carrier, a warehouse system, a place or a way is out of order; `occurred_at` is when that was said.

    A later record with the same `disruption_id` takes the place of an earlier one from its own `known_at`, for example
    to say when it ended.
    """

    disruption_id: Identifier
    kind: DisruptionKind
    severity: Severity
    carrier_id: Identifier | None = None
    place: Identifier | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _names_what_it_hits(self) -> Self:
        if self.carrier_id is None and self.place is None:
            raise ValueError("neither carrier_id nor place is given; a disruption says what it hits")
        return self
