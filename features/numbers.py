"""Numbers of a plan: what it says beside its times and keys, for one plan or for all of the tables.

All are float64, NaN where missing. Both sides give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.amounts import minor_digits
from features.borders import crosses_border, crosses_customs
from features.calendar import closed_days, days_to_holiday
from features.columns import Columns
from features.timeline import Ints
from features.vocabulary import CustomerTier

if TYPE_CHECKING:
    from features.records import Shipment

Floats = NDArray[np.float64]


class Number(Columns):
    """Columns of the numbers."""

    DEPARTURE_MINUTE = 0
    """Of the local day, as all minutes and weekdays here."""
    DEPARTURE_WEEKDAY = 1
    PROMISE_MINUTE = 2
    PROMISE_WEEKDAY = 3
    DISTANCE_KM = 4
    WEIGHT_KG = 5
    PIECES = 6
    VALUE = 7
    TIER = 8
    PENALTY = 9
    PENALTY_PER_DAY = 10
    TRANSFERS = 11
    WINDOW_HOURS = 12
    """Length of the promised window."""
    AFTER_REQUEST_HOURS = 13
    """Promise less what was requested."""
    CLOSES_BEFORE_HOURS = 14
    """Planned departure less the cut-off."""
    CROSSES_BORDER = 15
    CROSSES_CUSTOMS = 16
    ORIGIN_TO_HOLIDAY = 17
    ORIGIN_SINCE_HOLIDAY = 18
    """Days, seen from the local date of the planned departure; those of the destination from that of the promise."""
    DESTINATION_TO_HOLIDAY = 19
    DESTINATION_SINCE_HOLIDAY = 20
    CLOSED_DAYS = 21
    """Weekend days and public holidays of the destination from departure to promise."""


_TIERS = {tier.value: float(rank) for rank, tier in enumerate(CustomerTier)}
_AS_GIVEN = ((Number.DISTANCE_KM, "distance_km"), (Number.WEIGHT_KG, "weight_kg"), (Number.PIECES, "pieces"))
_MONEY = (
    (Number.VALUE, "value_minor"),
    (Number.PENALTY, "late_penalty_minor"),
    (Number.PENALTY_PER_DAY, "late_penalty_per_day_minor"),
)


def numbers_of_many(
    plans: pd.DataFrame, pickup: pd.DataFrame, delivery: pd.DataFrame, n_stops: Ints, currency: str | None = None
) -> Floats:
    """Return the numbers of plans: float64 [n, len(Number)].

    Parameters
    ----------
    plans, pickup, delivery
        Rows of the shipments, and the first and the last stop of each, in the same order.
    n_stops : int64 [n]
    currency
        Amounts in another one are missing; None takes each in its own.
    """
    numbers = np.full((len(plans), len(Number)), np.nan)
    for column, name in _AS_GIVEN:
        numbers[:, column] = plans[name].to_numpy(dtype=np.float64, na_value=np.nan)
    code, codes = pd.factorize(plans["currency"].to_numpy(dtype=object))
    units = np.array([*(_minor_in_one(given, currency) for given in codes), _minor_in_one(None, currency)])[code]
    for column, name in _MONEY:
        numbers[:, column] = plans[name].to_numpy(dtype=np.float64, na_value=np.nan) / units
    numbers[:, Number.TIER] = plans["customer_tier"].map(_TIERS).to_numpy(dtype=np.float64)
    numbers[:, Number.TRANSFERS] = np.where(n_stops >= 2, n_stops - 2.0, np.nan)
    numbers[:, Number.WINDOW_HOURS] = _hours(delivery["promised_at"], delivery["promised_from_at"])
    numbers[:, Number.AFTER_REQUEST_HOURS] = _hours(delivery["promised_at"], delivery["requested_at"])
    numbers[:, Number.CLOSES_BEFORE_HOURS] = _hours(pickup["planned_at"], pickup["closes_at"])

    minute, weekday, departs = _local(pickup["planned_at"], pickup["timezone"])
    numbers[:, Number.DEPARTURE_MINUTE], numbers[:, Number.DEPARTURE_WEEKDAY] = minute, weekday
    minute, weekday, arrives = _local(delivery["promised_at"], delivery["timezone"])
    numbers[:, Number.PROMISE_MINUTE], numbers[:, Number.PROMISE_WEEKDAY] = minute, weekday
    origin, destination = pickup["country"], delivery["country"]
    numbers[:, Number.CROSSES_BORDER] = _each(crosses_border, origin, destination)
    numbers[:, Number.CROSSES_CUSTOMS] = _each(crosses_customs, origin, destination)
    for ahead, back, country, day in (
        (Number.ORIGIN_TO_HOLIDAY, Number.ORIGIN_SINCE_HOLIDAY, origin, departs),
        (Number.DESTINATION_TO_HOLIDAY, Number.DESTINATION_SINCE_HOLIDAY, destination, arrives),
    ):
        numbers[:, ahead] = _each(lambda where, when: days_to_holiday(where, int(when), 1), country, day)
        numbers[:, back] = _each(lambda where, when: days_to_holiday(where, int(when), -1), country, day)
    numbers[:, Number.CLOSED_DAYS] = _each(
        lambda where, first, last: closed_days(where, int(first), int(last)), destination, departs, arrives
    )
    return numbers


def numbers_of(shipment: Shipment, currency: str | None = None) -> tuple[float, ...]:
    """Return the numbers of one plan: `numbers_of_many` of one row."""
    row = [np.nan] * len(Number)
    for column, name in _AS_GIVEN:
        given = getattr(shipment, name)
        row[column] = np.nan if given is None else float(given)
    unit = _minor_in_one(shipment.currency, currency)
    for column, name in _MONEY:
        minor = getattr(shipment, name)
        row[column] = np.nan if minor is None else minor / unit
    first, last = shipment.stops[0], shipment.stops[-1]
    row[Number.TIER] = _TIERS[shipment.customer_tier.value]
    row[Number.TRANSFERS] = len(shipment.stops) - 2.0
    row[Number.WINDOW_HOURS] = _hours_of_one(last.promised_at, last.promised_from_at)
    row[Number.AFTER_REQUEST_HOURS] = _hours_of_one(last.promised_at, last.requested_at)
    row[Number.CLOSES_BEFORE_HOURS] = _hours_of_one(first.planned_at, first.closes_at)
    departs = arrives = None
    if first.planned_at is not None:
        local = first.planned_at.astimezone(ZoneInfo(first.timezone))
        row[Number.DEPARTURE_MINUTE], row[Number.DEPARTURE_WEEKDAY] = local.hour * 60 + local.minute, local.weekday()
        departs = local.toordinal()
    if last.promised_at is not None:
        local = last.promised_at.astimezone(ZoneInfo(last.timezone))
        row[Number.PROMISE_MINUTE], row[Number.PROMISE_WEEKDAY] = local.hour * 60 + local.minute, local.weekday()
        arrives = local.toordinal()
    row[Number.CROSSES_BORDER] = crosses_border(first.country, last.country)
    row[Number.CROSSES_CUSTOMS] = crosses_customs(first.country, last.country)
    if departs is not None:
        row[Number.ORIGIN_TO_HOLIDAY] = days_to_holiday(first.country, departs, 1)
        row[Number.ORIGIN_SINCE_HOLIDAY] = days_to_holiday(first.country, departs, -1)
    if arrives is not None:
        row[Number.DESTINATION_TO_HOLIDAY] = days_to_holiday(last.country, arrives, 1)
        row[Number.DESTINATION_SINCE_HOLIDAY] = days_to_holiday(last.country, arrives, -1)
    if departs is not None and arrives is not None:
        row[Number.CLOSED_DAYS] = closed_days(last.country, departs, arrives)
    return tuple(map(float, row))


def _minor_in_one(given: str | None, wanted: str | None) -> float:
    """Return how many minor units make one unit of a currency, NaN if another one is wanted."""
    return np.nan if wanted is not None and given != wanted else 10.0 ** minor_digits(given or "")


def _hours_of_one(end: datetime | None, start: datetime | None) -> float:
    return np.nan if end is None or start is None else (end - start) / timedelta(hours=1)


def _hours(end: pd.Series, start: pd.Series) -> Floats:
    """Return the hours from start to end of each row, NaN where one is missing."""
    span = (end - start).dt.as_unit("us")
    whole = span.to_numpy().astype(np.int64)
    return np.where(span.isna(), np.nan, whole / 3_600_000_000)


def _local(instants: pd.Series, zones: pd.Series) -> tuple[Floats, Floats, Floats]:
    """Return local minute of the day, weekday (Monday 0) and ordinal of the date, NaN where the time is missing."""
    found = np.full((3, len(instants)), np.nan)
    zone_codes, zone_names = pd.factorize(zones.to_numpy(dtype=object))
    present = instants.notna().to_numpy()
    for code, zone in enumerate(zone_names):
        chosen = (zone_codes == code) & present
        local = instants[chosen].dt.tz_convert(zone).dt
        days = local.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64)
        found[:, chosen] = local.hour * 60 + local.minute, local.day_of_week, days + _EPOCH
    return found[0], found[1], found[2]


_EPOCH = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001  a date, and of no place


def _each(function: Callable[..., float], *columns: Any) -> Floats:
    """Return a function of the rows of some columns, asked once for each set of values; NaN where one is missing."""
    answers = np.full(len(columns[0]), np.nan)
    complete = np.flatnonzero(np.logical_and.reduce([pd.notna(column) for column in columns]))
    if len(complete):
        given = pd.DataFrame({place: np.asarray(column)[complete] for place, column in enumerate(columns)})
        code = given.groupby(list(given), sort=False).ngroup().to_numpy()
        sets = given.iloc[np.unique(code, return_index=True)[1]]
        answers[complete] = np.array([function(*one) for one in sets.itertuples(index=False)])[code]
    return answers
