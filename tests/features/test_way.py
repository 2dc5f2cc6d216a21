"""The stops between the ends against a loop over what feeds tell of them; in arrays, online and in parcels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.build import build
from features.definitions import NAMES
from features.fields import Record
from features.records import Disruption, Shipment, Stop, WeatherForecast, WeatherObservation
from features.settings import FeatureSettings
from features.state import State
from features.tables import RecordTables
from features.vocabulary import DisruptionKind, Mode, Severity, StopKind
from features.way import FEATURES
from tests.drawn import drawn
from tests.training.backfill.mail import in_parcels

START = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = FeatureSettings()
BETWEEN = ("DEDUI", "DEHAJ", "DEBRE")


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def a_plan(name: str, known: float, *between: tuple[str, float | None]) -> Shipment:
    stops = (
        Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=at(24)),
        *(
            Stop(place=place, kind=StopKind.TRANSFER, planned_at=None if planned is None else at(planned))
            for place, planned in between
        ),
        Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=at(40)),
    )
    return Shipment(
        shipment_id=name, carrier_id="RHEI", mode=Mode.ROAD_LTL, occurred_at=at(known), known_at=at(known), stops=stops
    )


hours = st.integers(0, 30)
ways = st.lists(st.tuples(st.sampled_from(BETWEEN), st.one_of(st.none(), hours)), max_size=3)


@st.composite
def worlds(draw: st.DrawFn) -> list[Record]:
    told: dict[tuple[object, ...], Record] = {}
    for name in ("A", "B"):
        for known in (0, 9):
            told[name, known] = a_plan(name, known, *draw(ways))
    for number in range(draw(st.integers(0, 8))):
        place, hour, known = draw(st.sampled_from(BETWEEN)), draw(hours), draw(hours)
        told.setdefault(
            ("weather", place, hour, known),
            WeatherObservation(
                place=place, occurred_at=at(hour), known_at=at(known), temperature_c=5.0 - number,
                wind_speed_ms=draw(st.one_of(st.none(), st.just(float(number)))),
            ),
        )  # fmt: skip
        told.setdefault(
            ("forecast", place, hour, known),
            WeatherForecast(
                place=place, occurred_at=at(hour), known_at=at(known), valid_at=at(30), visibility_km=float(number)
            ),
        )
        told["disruption", number] = Disruption(
            disruption_id=f"D{number}", kind=DisruptionKind.ROUTE, severity=draw(st.sampled_from(Severity)),
            place=place, occurred_at=at(known), known_at=at(known), valid_from=at(hour), valid_until=at(hour + 4),
        )  # fmt: skip
    return list(told.values())


QUESTIONS = pd.DataFrame(
    [(name, at(hour)) for name in "AB" for hour in range(0, 32, 4)], columns=["shipment_id", "cutoff_at"]
)


def worst(numbers: Sequence[float | None], highest: bool = True) -> float:
    known = [number for number in numbers if number is not None]
    return (max(known) if highest else min(known)) if known else np.nan


def expected(records: Sequence[Record], shipment_id: str, cutoff: datetime) -> dict[str, float]:
    known = [one for one in records if max(one.known_at, one.occurred_at) <= cutoff]
    plans = [one for one in known if isinstance(one, Shipment) and one.shipment_id == shipment_id]
    plan = max(plans, key=lambda one: one.known_at)
    ahead = [stop for stop in plan.stops[1:-1] if stop.planned_at is None or stop.planned_at >= cutoff]

    def newest(kind: type, stop: Stop) -> Record | None:
        there = [one for one in known if isinstance(one, kind) and one.place == stop.place]
        return max(there, key=lambda one: (one.occurred_at, one.known_at), default=None)

    def severity(stop: Stop, instant: datetime | None) -> float | None:
        if instant is None:
            return None
        hit = [one for one in known if isinstance(one, Disruption) and one.place == stop.place]
        rank = list(Severity)
        return max(
            (rank.index(one.severity) + 1 for one in hit if one.valid_from <= instant < one.valid_until), default=0
        )

    day_ago = cutoff - timedelta(hours=24)
    measured = [
        one for stop in ahead if (one := newest(WeatherObservation, stop)) is not None and one.occurred_at > day_ago
    ]
    foretold = [
        newest(WeatherForecast, stop)
        for stop in ahead
        if stop.planned_at is not None and at(30) <= stop.planned_at < at(33)
    ]
    return {
        "way_temperature_c": worst([one.temperature_c for one in measured], highest=False),
        "way_wind_speed_ms": worst([one.wind_speed_ms for one in measured]),
        "way_precipitation_mm": np.nan,
        "way_forecast_visibility_km": worst([one.visibility_km for one in foretold if one is not None], highest=False),
        "way_disruption_severity": worst([severity(stop, cutoff) for stop in ahead]),
        "way_disruption_severity_ahead": worst([severity(stop, stop.planned_at) for stop in ahead]),
    }


@drawn(7)
@given(worlds())
def test_equals_a_loop_and_is_the_same_online(records: list[Record]) -> None:
    values = build(RecordTables.from_records(records), QUESTIONS, SETTINGS).values
    state = State(SETTINGS)
    for record in records:
        state.add(record)
    for row, case in enumerate(QUESTIONS.itertuples()):
        cutoff = case.cutoff_at.to_pydatetime()
        wanted = expected(records, case.shipment_id, cutoff)
        found = {name: values[row, NAMES.index(name)] for name in wanted}
        np.testing.assert_array_equal(list(found.values()), list(wanted.values()), err_msg=f"{list(wanted)} {case}")
        one = state.features(state.shipment(case.shipment_id, cutoff), cutoff).values
        np.testing.assert_array_equal(one, values[row])


@drawn(2)
@given(worlds())
def test_is_the_same_in_parcels(records: list[Record]) -> None:
    tables = RecordTables.from_records(records)
    told = in_parcels(tables, 3, SETTINGS)
    whole = build(tables, told[["shipment_id", "cutoff_at"]], SETTINGS).values
    np.testing.assert_array_equal(told[list(NAMES)].to_numpy(), whole)


def test_without_stops_between_nothing_is_said_of_them() -> None:
    tables = RecordTables.from_records([a_plan("A", 0)])
    values = build(tables, QUESTIONS.head(2), SETTINGS).values
    assert np.isnan(values[:, [NAMES.index(feature.name) for feature in FEATURES]]).all()
