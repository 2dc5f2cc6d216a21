"""What the fields of records may hold, and the bases of the records.

All times are aware and kept in UTC; a time without a zone is refused, never guessed. Money is integer minor units
with its ISO 4217 currency; a rate finer than that is so many minor units for so many units (`rate_minor`, `rate_per`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def is_zone(name: str) -> bool:
    """Tell whether this is the name of an IANA time zone."""
    return name in _ZONES


def known_zone(value: str) -> str:
    """Return the name of a time zone as it is; an unknown one is an error."""
    if not is_zone(value):
        raise ValueError(f"'{value}' is not an IANA time zone; write e.g. 'Europe/Berlin' or 'UTC'")
    return value


_ZONES = available_timezones()

Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware time, converted to UTC; a naive one is an error."""
Zone = Annotated[str, AfterValidator(known_zone)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A physical quantity: a weight, a length, a number of units."""
MOST_UNITS = 1e9
Quantity = Annotated[float, Field(ge=0, le=MOST_UNITS, allow_inf_nan=False)]
"""How much of an article: more than `MOST_UNITS` is a mistake of the unit."""


class Part(BaseModel):
    """Base of what a record holds several of: it shares the clocks of its record."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Record(BaseModel):
    """Base of the canonical records: `occurred_at` (it happened) and `known_at` (we learnt it).

    Unknown fields are refused, so that a misspelt one is noticed and not lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    occurred_at: Instant
    known_at: Instant


class Priced(Record):
    """A record that holds money: an amount that is given needs its currency."""

    currency: Currency | None = Field(default=None, description="ISO 4217 code of every amount of the record")

    @model_validator(mode="after")
    def _money_has_currency(self) -> Self:
        for name in money_of(type(self)):
            if self.currency is None and getattr(self, name) is not None:
                raise ValueError(f"{name} is given without currency; add the ISO 4217 code, e.g. 'EUR'")
        return self


class Valid(Record):
    """A record that holds from a time until a time; without an end it holds until another takes its place."""

    valid_from: Instant
    valid_until: Instant | None = Field(default=None, description="first instant at which it no longer holds")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError(f"valid_until ({self.valid_until.isoformat()}) is not after valid_from; mend one of them")
        return self


@cache
def money_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of the fields that hold money: those whose name ends in `_minor`."""
    return tuple(name for name in kind.model_fields if name.endswith("_minor"))
