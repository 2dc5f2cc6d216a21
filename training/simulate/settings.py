"""What may be set about a simulated network. The seed is not here: the caller passes the generator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=0.5)]
Strength = Annotated[float, Field(ge=0, le=5)]


def _utc_midnight(value: datetime) -> datetime:
    moved = value.astimezone(UTC)
    if moved != moved.replace(hour=0, minute=0, second=0, microsecond=0):
        raise ValueError(f"start is {moved.isoformat()}; it must be a midnight in UTC")
    return moved


class SimulationSettings(BaseModel):
    """Size and temper of the simulated network.

    Attributes
    ----------
    start
        Midnight in UTC at which bookings, warehouses and weather begin.
    days
        Bookings are made for this long; what they set off runs on to its end.
    shipments
        Number of bookings, cancelled ones included.
    shipments_per_departure
        Mean load of a departure; sets how many services the network has.
    utilisation
        Mean work of a warehouse as a share of its capacity. Near 1 the queue never empties; at 0.3 it hardly forms.
    bad_week_strength, weather_strength
        How much a carrier's bad weeks, and the weather, cost in time; 0 removes the effect and nothing else.
    cancelled_share, missing_promise_share
        Shares of shipments.
    duplicate_share, correction_share, clock_skew_share
        Shares of delivery events that are sent twice, put right later, or stamped by a clock that runs fast.
    invoice_error_share
        Share of invoices with an injected error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Annotated[AwareDatetime, AfterValidator(_utc_midnight)] = datetime(2024, 9, 2, tzinfo=UTC)
    days: Annotated[int, Field(ge=7, le=1_500)] = 180
    shipments: Annotated[int, Field(ge=50, le=5_000_000)] = 14_000
    shipments_per_departure: Annotated[float, Field(ge=0.5, le=50)] = 2.5
    utilisation: Annotated[float, Field(ge=0.05, le=1.0)] = 0.92
    bad_week_strength: Strength = 1.0
    weather_strength: Strength = 1.0
    cancelled_share: Share = 0.005
    missing_promise_share: Share = 0.015
    duplicate_share: Share = 0.01
    correction_share: Share = 0.003
    clock_skew_share: Share = 0.002
    invoice_error_share: Share = 0.10

    @property
    def booking_hours(self) -> int:
        """Hours from the start in which bookings are made."""
        return self.days * 24

    @property
    def timetable_hours(self) -> int:
        """Hours from the start in which departures are planned: the last booking may be a week ahead."""
        return (self.days + 8) * 24

    @property
    def horizon_hours(self) -> int:
        """Hours from the start for which weather and staffing are made."""
        return (self.days + 14) * 24
