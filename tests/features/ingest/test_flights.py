"""The mapping of recorded flights: ten rows made by hand with every trap of the real file, and the real file itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import pandas as pd
import pytest

from features.ingest.importer import import_files
from features.ingest.mapping import load_mapping
from features.records import DeliveryEvent, Shipment
from features.tables import RecordTables, events_of, shipments_of

ROOT = Path(__file__).parents[3]
MAPPING = ROOT / "data_samples" / "mappings" / "flights_pnw14.yaml"
SOURCE = ROOT.parent / "shared" / "data" / "flights_pnw14"
ROWS = """
year month day dep_time dep_delay arr_time arr_delay carrier tailnum flight origin dest air_time distance hour minute
2014 3 1    1 96  235  70 AS N508AS 145 PDX ANC 194 1542 0 1
2014 3 1 1200  0 2000  10 AS N508AS 145 PDX JFK 300 2454 12 0
2014 3 2 1205  5 2010  20 AS N508AS 145 PDX JFK 300 2454 12 5
2014 3 3   NA NA   NA  NA AS NA     145 PDX JFK  NA 2454 NA NA
2014 3 3 1300  0   NA  NA UA N11    900 SEA DEN  NA 1024 13 0
2014 3 4   NA NA   NA  NA UA NA     901 SEA DEN  NA 1024 NA NA
2014 3 8 2330  0  530 -10 UA N12    902 SEA ORD 240 1721 23 30
2014 7 4  900  0 1150   0 HA N13     21 SEA HNL 340 2677 9 0
2014 7 4 2400 10  545   5 B6 N14    264 SEA JFK 300 2422 24 0
2014 7 5  730 -5  940 -15 WN N15    100 PDX PHX 150 1009 7 30
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> RecordTables:
    folder = tmp_path_factory.mktemp("flights")
    columns, *rows = [line.split() for line in ROWS.strip().splitlines()]
    flights = pd.DataFrame(rows, columns=columns).replace("NA", None)
    for name in columns:
        if name not in {"carrier", "tailnum", "origin", "dest"}:
            flights[name] = pd.to_numeric(flights[name])
    flights["tailnum"] = flights["tailnum"].fillna("")
    flights.to_parquet(folder / "flights.parquet")
    zones = {
        "ANC": (-9, "A"),
        "JFK": (-5, "A"),
        "DEN": (-7, "A"),
        "ORD": (-6, "A"),
        "HNL": (-10, "N"),
        "PHX": (-7, "N"),
    }
    airports = [{"faa": code, "tz": zone, "dst": dst} for code, (zone, dst) in zones.items()]
    pd.DataFrame(airports).to_csv(folder / "airports.csv", index=False)
    measures = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
    weather = {name: ["1.0"] for name in measures}
    measured = {"origin": ["SEA"], "date": ["2014-03-01 12:00:00"], "wind_dir": ["NA"]}
    pd.DataFrame({**measured, **weather}).to_csv(folder / "weather.csv", index=False)
    summary = import_files(load_mapping(MAPPING), folder, folder / "out")
    assert summary.rejects == {}
    return RecordTables.read(folder / "out")


@pytest.fixture(scope="module")
def legs(tables: RecordTables) -> Mapping[str, tuple[Shipment, dict[str, DeliveryEvent]]]:
    """Newest plan and events by status, of each leg."""
    plans = sorted(shipments_of(tables), key=lambda one: one.known_at)
    events: dict[str, dict[str, DeliveryEvent]] = {}
    for event in events_of(tables):
        events.setdefault(event.shipment_id, {})[event.status.value] = event
    return {one.shipment_id: (one, events.get(one.shipment_id, {})) for one in plans}


def utc(moment: object) -> str:
    return f"{moment:%m-%d %H:%M}" if moment is not None else "none"


class TestMapping:
    def test_a_leg_has_plan_promise_departure_and_arrival(self, legs) -> None:
        shipment, events = legs["AS145-PDX-JFK-20140302"]
        assert (utc(shipment.planned_departure_at), utc(shipment.promised_at)) == ("03-02 20:00", "03-03 00:50")
        assert utc(events["departed"].occurred_at) == "03-02 20:05"
        assert utc(events["delivered"].occurred_at) == "03-03 01:10"
        assert (shipment.carrier_id, shipment.service_id, shipment.vehicle_id) == ("AS", "AS145", "N508AS")

    def test_the_aircraft_is_known_twelve_hours_before_the_plan_says_it_leaves(self, tables) -> None:
        plans = sorted(shipments_of(tables), key=lambda one: one.known_at)
        first, second = (one for one in plans if one.shipment_id == "AS145-PDX-JFK-20140302")
        assert (utc(first.known_at), first.vehicle_id) == ("01-31 20:00", None)
        assert (utc(second.known_at), second.vehicle_id) == ("03-02 08:00", "N508AS")
        assert second.stops == first.stops

    def test_a_delay_over_midnight_leaves_the_plan_on_the_evening_before(self, legs) -> None:
        shipment, events = legs["AS145-PDX-ANC-20140301"]
        assert utc(shipment.planned_departure_at) == "03-02 06:25"
        assert utc(events["departed"].occurred_at) == "03-02 08:01"

    def test_an_arrival_after_midnight_is_of_the_next_day(self, legs) -> None:
        """Clocks go forward that night: 05:30 in Chicago is then 10:30 in UTC."""
        _, events = legs["UA902-SEA-ORD-20140308"]
        assert utc(events["delivered"].occurred_at) == "03-09 10:30"

    def test_departure_at_twenty_four_hundred_is_midnight(self, legs) -> None:
        shipment, events = legs["B6264-SEA-JFK-20140704"]
        assert utc(shipment.planned_departure_at) == "07-05 06:50"
        assert utc(events["departed"].occurred_at) == "07-05 07:00"

    @pytest.mark.parametrize(
        ("leg", "promised"), [("HA21-SEA-HNL-20140704", "07-04 21:50"), ("WN100-PDX-PHX-20140705", "07-05 16:55")]
    )
    def test_places_without_summer_time_keep_theirs(self, legs, leg: str, promised: str) -> None:
        assert utc(legs[leg][0].promised_at) == promised

    def test_a_cancelled_leg_is_kept_with_the_plan_of_its_flight(self, legs) -> None:
        shipment, events = legs["AS145-PDX-JFK-20140303"]
        assert utc(shipment.planned_departure_at) == "03-03 20:00"
        assert shipment.promised_at is None
        assert set(events) == {"cancelled"}

    def test_a_cancelled_leg_of_a_flight_that_never_flew_is_kept_without_a_plan(self, legs) -> None:
        shipment, events = legs["UA901-SEA-DEN-20140304"]
        assert shipment.planned_departure_at is None
        assert set(events) == {"cancelled"}

    def test_a_diverted_leg_is_kept_and_known_half_a_day_later(self, legs) -> None:
        _, events = legs["UA900-SEA-DEN-20140303"]
        assert set(events) == {"departed", "diverted"}
        assert (events["diverted"].known_at - events["departed"].occurred_at).total_seconds() == 12 * 3600


@pytest.mark.slow
@pytest.mark.skipif(not SOURCE.is_dir(), reason=f"the recorded flights are not at {SOURCE}")
def test_the_real_file_is_read_whole_within_a_minute(tmp_path: Path) -> None:
    began = perf_counter()
    summary = import_files(load_mapping(MAPPING), SOURCE, tmp_path)
    assert perf_counter() - began < 60
    assert summary.rejects == {}
    tables = RecordTables.read(tmp_path)
    assert tables.shipments["shipment_id"].nunique() == 162_049
    assert tables.shipments["vehicle_id"].notna().sum() == len(tables.shipments) - 162_049
    statuses = tables.events["status"].value_counts()
    assert (statuses["cancelled"], statuses["diverted"]) == (857, 444)
    assert statuses["delivered"] == 162_049 - 1_301
