"""Which station stands for a place, against a loop over all that was told; and its weather, measured and foretold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.as_known import counts_from
from features.build import build
from features.definitions import NAMES
from features.errors import RecordError
from features.fields import Record
from features.instants import micros
from features.records import Place, Shipment, Stop, WeatherForecast, WeatherObservation
from features.settings import FeatureSettings
from features.state import State
from features.stations import WITHIN_KM, Stations, distance_km
from features.tables import RecordTables
from features.vocabulary import Mode, StopKind
from tests.drawn import drawn

START = datetime(2026, 3, 2, tzinfo=UTC)
SETTINGS = FeatureSettings()
PLACES = ("NLRTM", "DEHAM")
STATIONS = ("06344", "10147", "NLRTM")


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


def a_place(name: str, latitude: float, longitude: float = 10.0, known: float = 0, since: float | None = None) -> Place:
    occurred = known if since is None else since
    return Place(place=name, latitude=latitude, longitude=longitude, occurred_at=at(occurred), known_at=at(known))


def observed(station: str, hour: float, wind: float, known: float | None = None) -> WeatherObservation:
    known_at = at(hour if known is None else known)
    return WeatherObservation(place=station, wind_speed_ms=wind, occurred_at=at(hour), known_at=known_at)


DAY = timedelta(hours=24)
hours = st.integers(0, 20)


@st.composite
def worlds(draw: st.DrawFn) -> list[Record]:
    """Places and stations about as far apart as the limit, told and moved at any time, and what they measure."""
    told: dict[tuple[object, ...], Record] = {}
    for _ in range(draw(st.integers(0, 8))):
        name, known = draw(st.sampled_from([*PLACES, *STATIONS])), draw(hours)
        latitude, longitude = draw(st.sampled_from([50.0, 50.2, 50.4])), draw(st.sampled_from([10.0, 10.3, 10.6]))
        one = a_place(name, latitude, longitude, known, known + draw(st.integers(-2, 2)))
        told.setdefault((name, known), one)
    for number in range(draw(st.integers(0, 10))):
        station, hour, known = draw(st.sampled_from(STATIONS)), draw(hours), draw(hours)
        told.setdefault((Place, station, hour, known), observed(station, hour, float(number), known))
    for number in range(draw(st.integers(0, 6))):
        station, issued, known = draw(st.sampled_from(STATIONS)), draw(hours), draw(hours)
        forecast = WeatherForecast(
            place=station, occurred_at=at(issued), known_at=at(known), valid_at=at(24), wind_speed_ms=100.0 + number
        )
        told.setdefault((WeatherForecast, station, issued, known), forecast)
    return list(told.values())


def station_of(records: Sequence[Record], kind: type, place: str, cutoff: datetime) -> tuple[float, str] | None:
    """Distance and name of the station of a place, from what is known at the cutoff."""
    known = [one for one in records if counts_from(one) <= cutoff]
    heard = {one.place for one in known if isinstance(one, kind)}
    speaking = {one.place for one in known if isinstance(one, kind) and cutoff < counts_from(one) + DAY}
    lies: dict[str, Place] = {}
    for one in sorted(
        (one for one in known if isinstance(one, Place)), key=lambda one: (one.occurred_at, one.known_at)
    ):
        lies[one.place] = one
    found = [(0.0, place)] if place in heard else []
    if place in lies:
        here = lies[place]
        others = [
            (distance_km(here.latitude, here.longitude, lies[other].latitude, lies[other].longitude), other)
            for other in heard
            if other in lies and other != place
        ]
        found += sorted(one for one in others if one[0] <= WITHIN_KM)
    return next((one for one in found if one[1] in speaking), found[0] if found else None)


def newest(records: Sequence[Record], kind: type, station: str, cutoff: datetime) -> Record | None:
    told = [one for one in records if isinstance(one, kind) and one.place == station and counts_from(one) <= cutoff]
    return max(told, key=lambda one: (one.occurred_at, one.known_at), default=None)


def wind(records: Sequence[Record], kind: type, place: str, cutoff: datetime) -> tuple[float, float]:
    """Wind at a place, and how far off its station is, from what is known at the cutoff; no measurement a day old."""
    match = station_of(records, kind, place, cutoff)
    last = None if match is None else newest(records, kind, match[1], cutoff)
    if kind is WeatherObservation and last is not None and last.occurred_at + DAY <= cutoff:
        last = None
    return (np.nan, np.nan) if match is None or last is None else (last.wind_speed_ms, match[0])


PLAN = Shipment(
    shipment_id="A", carrier_id="RHEI", mode=Mode.ROAD_LTL, occurred_at=START, known_at=START,
    stops=(
        Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=at(24)),
        Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=at(25)),
    ),
)  # fmt: skip
QUESTIONS = pd.DataFrame({"shipment_id": "A", "cutoff_at": [at(hour) for hour in range(0, 48, 3)]})


def built(records: Sequence[Record], questions: pd.DataFrame = QUESTIONS) -> np.ndarray:
    return build(RecordTables.from_records([PLAN, *records]), questions, SETTINGS).values


def answers(state: State) -> np.ndarray:
    return np.array([state.features(PLAN, one.to_pydatetime()).values for one in QUESTIONS["cutoff_at"]])


@drawn(9)
@given(worlds())
def test_equals_a_loop_over_all_that_is_known(records: list[Record]) -> None:
    values = pd.DataFrame(built(records), columns=list(NAMES))
    for row, cutoff in enumerate(QUESTIONS["cutoff_at"]):
        for end, place in zip(("origin", "destination"), PLACES, strict=True):
            speed, km = wind(records, WeatherObservation, place, cutoff)
            np.testing.assert_array_equal(values.loc[row, [f"{end}_wind_speed_ms", f"{end}_station_km"]], [speed, km])
            foretold, _ = wind(records, WeatherForecast, place, cutoff)
            np.testing.assert_array_equal(values.loc[row, f"{end}_forecast_wind_speed_ms"], foretold)


@drawn(5)
@given(worlds(), st.integers(0, 24), st.randoms(use_true_random=False))
def test_is_the_same_online_in_any_order(records: list[Record], first: int, rng: Random) -> None:
    rng.shuffle(records)
    state = State(SETTINGS)
    state.add_tables(RecordTables.from_records([PLAN, *records[:first]]))
    answers(state)  # what was found before more is told must not stay
    for record in [*records[first:], *records[::3]]:
        state.add(record)
    np.testing.assert_array_equal(answers(state), built(records))


@drawn(3)
@given(worlds())
def test_what_becomes_known_after_a_cutoff_changes_nothing(records: list[Record]) -> None:
    whole = built(records)
    for row in range(1, len(QUESTIONS), 3):
        known = [one for one in records if one.known_at <= QUESTIONS["cutoff_at"][row]]
        np.testing.assert_array_equal(built(known, QUESTIONS.iloc[[row]].reset_index(drop=True))[0], whole[row])


class TestStations:
    def test_the_limit_holds_to_the_metre(self) -> None:
        degrees = WITHIN_KM / distance_km(50.0, 10.0, 51.0, 10.0)
        for latitude, stands in ((50.0 + degrees - 1e-5, True), (50.0 + degrees + 1e-5, False)):
            stations = Stations()
            stations.locate(a_place("DEHAM", 50.0))
            stations.locate(a_place("10147", latitude))
            stations.hear("10147", micros(START))
            assert (stations.at("DEHAM", micros(START)) is not None) is stands

    def test_one_that_is_silent_for_a_day_gives_way_to_the_next_until_it_tells_again_and_its_weather_is_over(
        self,
    ) -> None:
        told = [
            a_place("NLRTM", 50.0), a_place("06344", 50.1), a_place("10147", 50.2),
            observed("06344", 1, 5.0), observed("10147", 20, 7.0), observed("06344", 40, 6.0),
        ]  # fmt: skip
        asked = pd.DataFrame({"shipment_id": "A", "cutoff_at": [at(hour) for hour in (2, 24, 25, 39, 40, 63, 64)]})
        values = pd.DataFrame(built(told, asked), columns=list(NAMES))["origin_wind_speed_ms"]
        np.testing.assert_array_equal(values, [5.0, 5.0, 7.0, 7.0, 6.0, 6.0, np.nan])

    def test_one_beyond_the_antimeridian_is_near(self) -> None:
        stations = Stations()
        stations.locate(a_place("FJTVU", -16.8, 179.9))
        stations.locate(a_place("91652", -16.8, -179.9))
        stations.hear("91652", micros(START))
        match = stations.at("FJTVU", micros(START))
        assert match is not None
        assert match[0] == pytest.approx(21.3, abs=0.1)

    def test_a_place_of_which_nothing_is_known_has_none_and_is_not_remembered(self) -> None:
        stations = Stations()
        assert stations.at("nowhere", micros(START)) is None
        assert list(stations.names()) == []

    def test_distances_are_those_of_the_globe(self) -> None:
        assert distance_km(51.92, 4.48, 53.55, 9.99) == pytest.approx(413, abs=2)
        assert distance_km(0, 0, 0, 180) == pytest.approx(20_015, abs=1)

    def test_two_positions_known_since_one_instant_are_refused(self) -> None:
        state = State(SETTINGS)
        assert state.add(a_place("DEHAM", 53.55))
        assert not state.add(a_place("DEHAM", 53.55))
        with pytest.raises(RecordError, match="Place 'DEHAM' is told twice"):
            state.add(a_place("DEHAM", 53.56))
