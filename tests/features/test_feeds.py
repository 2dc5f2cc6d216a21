"""Forecasts and disruptions against a loop over all that was told: in arrays and online, equal to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import disruption, forecast
from features.as_known import counts_from
from features.build import build
from features.definitions import NAMES
from features.errors import RecordError
from features.feeds import FEEDS
from features.fields import Record
from features.instants import micros
from features.moments import questions_of
from features.records import Disruption, WeatherForecast
from features.settings import FeatureSettings
from features.state import State
from features.stations import distance_km
from features.tables import RecordTables
from features.timeline import NEVER
from features.vocabulary import DisruptionKind, Severity
from tests.drawn import drawn
from tests.features.feeds import with_feeds

START = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = FeatureSettings(late_after_minutes=15)


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


hours = st.integers(0, 30)
places = st.sampled_from(["NLRTM", "DEHAM"])


@st.composite
def forecasts(draw: st.DrawFn) -> WeatherForecast:
    issued = draw(hours)
    return WeatherForecast(
        place=draw(places),
        occurred_at=at(issued),
        known_at=at(issued + draw(st.integers(-1, 6))),
        valid_at=at(issued + draw(st.integers(0, 12))),
        temperature_c=draw(st.one_of(st.none(), st.floats(-30, 40))),
        wind_speed_ms=draw(st.floats(0, 40)),
    )


@st.composite
def disruptions(draw: st.DrawFn) -> Disruption:
    told, start = draw(hours), draw(hours)
    hit = draw(st.sampled_from([("RHEI", None), (None, "NLRTM"), ("NLRTM", "DEHAM"), (None, "DEHAM")]))
    return Disruption(
        disruption_id=draw(st.sampled_from("ABC")),
        kind=DisruptionKind.STRIKE,
        severity=draw(st.sampled_from(Severity)),
        carrier_id=hit[0],
        place=hit[1],
        occurred_at=at(told),
        known_at=at(told + draw(st.integers(-1, 6))),
        valid_from=at(start),
        valid_until=draw(st.one_of(st.none(), st.integers(1, 20).map(lambda length: at(start + length)))),
    )


def once(told: Sequence[Record], *fields: str) -> list[Record]:
    """Leave out what has the same identity as an earlier one."""
    seen: dict[tuple[object, ...], Record] = {}
    for record in told:
        seen.setdefault(tuple(getattr(record, field) for field in fields), record)
    return list(seen.values())


def foretold(told: Sequence[WeatherForecast], place: str, target: datetime | None, cutoff: datetime) -> list[float]:
    known = [
        one
        for one in told
        if target is not None
        and one.place == place
        and micros(one.valid_at) // forecast.SLOT == micros(target) // forecast.SLOT
        and max(one.occurred_at, one.known_at) <= cutoff
    ]
    if not known:
        return [np.nan] * forecast.WIDTH
    newest = max(known, key=lambda one: (one.occurred_at, one.known_at, one.valid_at))
    measured = [getattr(newest, column) for column, _, _ in forecast.COLUMNS]
    age = (cutoff - newest.occurred_at) / timedelta(hours=1)
    return [*(np.nan if value is None else value for value in measured), age]


def disrupted(
    told: Sequence[Disruption], field: str, value: str, target: datetime | None, cutoff: datetime
) -> list[float]:
    newest: dict[str, Disruption] = {}
    for one in sorted(told, key=lambda one: one.known_at):
        if counts_from(one) <= cutoff:
            newest[one.disruption_id] = one
    rank = {severity: place for place, severity in enumerate(Severity, start=1)}

    def hit(instant: datetime) -> list[int]:
        return [
            rank[one.severity]
            for one in newest.values()
            if (one.carrier_id if field == "carrier" else one.place) == value
            and one.valid_from <= instant
            and (one.valid_until is None or instant < one.valid_until)
        ]

    ahead = np.nan if target is None else max(hit(target), default=0)
    return [len(hit(cutoff)), max(hit(cutoff), default=0), ahead]


questions = st.lists(st.tuples(places, st.one_of(st.none(), hours), st.integers(0, 40)), min_size=1, max_size=12)


@drawn(24)
@given(st.lists(forecasts(), max_size=15), questions)
def test_forecasts(told, asked_about) -> None:
    told = once(told, "place", "valid_at", "occurred_at", "known_at")
    live = forecast.LiveForecasts()
    assert all(live.add(one) for one in told)
    assert not any(live.add(one) for one in told)
    targets = [None if hour is None else at(hour) for _, hour, _ in asked_about]
    numbers = [NEVER if target is None else micros(target) for target in targets]
    subjects = np.array([place for place, _, _ in asked_about], dtype=object)
    cutoffs = [at(hour) for _, _, hour in asked_about]
    tables = RecordTables.from_records(told)
    many = forecast.Forecasts(
        forecast.prepare({"weather_forecasts": tables.weather_forecasts, "places": tables.places})
    ).at(subjects, np.array(numbers), np.array([micros(cutoff) for cutoff in cutoffs]))
    for row, (place, target, cutoff) in enumerate(zip(subjects, targets, cutoffs, strict=True)):
        expected = foretold(told, place, target, cutoff)
        np.testing.assert_array_equal(many[row], expected)
        np.testing.assert_array_equal(live.at(place, numbers[row], micros(cutoff)), expected)


@drawn(16)
@given(st.lists(disruptions(), max_size=10), questions)
def test_disruptions(told, asked_about) -> None:
    told = once(told, "disruption_id", "known_at")
    live = disruption.LiveDisruptions()
    assert all(live.add(one) for one in told)
    assert not any(live.add(one) for one in told)
    feed = FEEDS["disruptions"]
    many = feed.told(feed.prepare({"disruptions": RecordTables.from_records(told).disruptions}))
    for field, values in (("carrier", ["RHEI", "NLRTM"]), ("origin", ["NLRTM", "DEHAM"])):
        for value in values:
            for _, hour, now in asked_about:
                target, cutoff = None if hour is None else at(hour), at(now)
                number = NEVER if target is None else micros(target)
                expected = disrupted(told, field, value, target, cutoff)
                subjects = feed.subjects(field, {field: np.array([value], dtype=object)})
                row = many.at(subjects, np.array([number]), np.array([micros(cutoff)]))[0]
                np.testing.assert_array_equal(row, expected)
                np.testing.assert_array_equal(live.at(field, value, number, micros(cutoff)), expected)


def test_a_disruption_that_is_to_end_later_lasts_until_then() -> None:
    strike = Disruption(
        disruption_id="A", kind=DisruptionKind.STRIKE, severity=Severity.MINOR, place="NLRTM",
        occurred_at=START, known_at=START, valid_from=START,
    )  # fmt: skip
    over = strike.model_copy(update={"valid_until": at(1), "occurred_at": at(30), "known_at": at(6)})
    live = disruption.LiveDisruptions()
    feed = FEEDS["disruptions"]
    many = feed.told(feed.prepare({"disruptions": RecordTables.from_records([strike, over]).disruptions}))
    subjects = feed.subjects("origin", {"origin": np.array(["NLRTM"], dtype=object)})
    assert live.add(strike)
    assert live.add(over)
    for hour, lasting in ((6, 1.0), (29, 1.0), (30, 0.0)):
        cutoff = micros(at(hour))
        assert many.at(subjects, np.array([NEVER]), np.array([cutoff]))[0][0] == lasting
        assert live.at("origin", "NLRTM", NEVER, cutoff)[0] == lasting


def test_a_disruption_told_twice_in_one_instant_is_refused() -> None:
    state = State(SETTINGS)
    one = Disruption(
        disruption_id="A", kind=DisruptionKind.STRIKE, severity=Severity.MINOR, place="NLRTM",
        occurred_at=START, known_at=START, valid_from=START,
    )  # fmt: skip
    assert state.add(one)
    assert not state.add(one)
    with pytest.raises(RecordError, match="'A' is told twice"):
        state.add(one.model_copy(update={"severity": Severity.SEVERE}))


def test_the_whole_row_is_the_same_in_bulk_and_online(world: RecordTables, questions: pd.DataFrame) -> None:
    tables = with_feeds(world)
    some = questions.iloc[::7].reset_index(drop=True)
    values = build(tables, some, SETTINGS).values
    state = State(SETTINGS)
    state.add_tables(tables)
    for row, case in enumerate(some.itertuples()):
        one = state.features(state.shipment(case.shipment_id), case.cutoff_at.to_pydatetime()).values
        np.testing.assert_array_equal(one, values[row])
    told = pd.DataFrame(values, columns=list(NAMES))
    assert told["origin_forecast_wind_speed_ms"].notna().mean() > 0.1
    assert set(told["carrier_disruption_severity"]) > {0.0, 2.0}
    assert {0.0, distance_km(48.14, 11.58, 48.35, 11.58)} == set(told["destination_station_km"].dropna())
    assert (told["destination_disruption_severity_ahead"] > told["destination_disruption_severity"]).any()


def test_what_becomes_known_after_the_cutoff_changes_nothing(world: RecordTables) -> None:
    tables = with_feeds(world)
    cutoff = tables.disruptions["known_at"].median().to_pydatetime()
    some = questions_of(tables)
    some = some[some["cutoff_at"] <= cutoff].iloc[-60:].reset_index(drop=True)
    cut = tables.known(until=cutoff)
    np.testing.assert_array_equal(build(tables, some, SETTINGS).values, build(cut, some, SETTINGS).values)
