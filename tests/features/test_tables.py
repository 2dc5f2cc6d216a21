"""Canonical records and tables: nothing is guessed, nothing is lost on the way to disk and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from features.errors import FeatureError, FutureKnowledgeError, MappingError, SourceError, TableError, did_you_mean
from features.fields import Record, is_zone
from features.records import DeliveryEvent, Shipment, WeatherObservation
from features.tables import NEEDED, RECORDS, SCHEMAS, RecordTables, events_of, records_of, shipments_of, weather_of

PLAN: dict[str, Any] = {
    "shipment_id": "S1",
    "carrier_id": "RHEI",
    "mode": "road_ltl",
    "stops": [
        {"place": "NLRTM", "kind": "pickup", "planned_at": "2026-03-02T12:00:00+01:00", "timezone": "Europe/Amsterdam"},
        {"place": "DEHAM", "kind": "delivery", "promised_at": "2026-03-03T12:00:00+01:00"},
    ],
    "occurred_at": "2026-03-01T12:00:00Z",
    "known_at": "2026-03-01T12:00:00Z",
}


class TestRecords:
    def test_times_are_kept_in_utc(self) -> None:
        shipment = Shipment.model_validate(PLAN)
        assert shipment.planned_departure_at is not None
        assert shipment.planned_departure_at.isoformat() == "2026-03-02T11:00:00+00:00"

    def test_origin_plan_destination_and_promise_are_those_of_the_ends(self) -> None:
        shipment = Shipment.model_validate(PLAN)
        assert (shipment.origin, shipment.destination) == ("NLRTM", "DEHAM")
        assert shipment.promised_at == shipment.stops[-1].promised_at is not None

    @pytest.mark.parametrize(
        ("change", "where", "words"),
        [
            ({"known_at": "2026-03-01T12:00:00"}, "known_at", "timezone"),
            ({"shipment_id": "  "}, "shipment_id", "at least 1 character"),
            ({"carier_id": "RHEI"}, "carier_id", "Extra inputs"),
            ({"stops": PLAN["stops"][:1]}, "stops", "at least 2 items"),
            ({"value_minor": 100}, "", "without currency"),
            ({"value_minor": 100, "currency": "euro"}, "currency", "pattern"),
            ({"weight_kg": float("inf")}, "weight_kg", "finite"),
            ({"pieces": 0}, "pieces", "greater than or equal to 1"),
            ({"mode": "mule"}, "mode", "Input should be"),
        ],
    )
    def test_what_breaks_the_canonical_form_is_refused(self, change: Mapping[str, Any], where: str, words: str) -> None:
        with pytest.raises(ValidationError) as refused:
            Shipment.model_validate(PLAN | change)
        (fault,) = refused.value.errors()
        assert ".".join(map(str, fault["loc"])) == where
        assert words in fault["msg"]

    def test_an_unknown_time_zone_is_refused_with_an_example(self) -> None:
        stops = [{**PLAN["stops"][0], "timezone": "Mars/Olympus"}, PLAN["stops"][1]]
        with pytest.raises(ValidationError, match=r"write e\.g\. 'Europe/Berlin'"):
            Shipment.model_validate(PLAN | {"stops": stops})
        assert is_zone("UTC")
        assert not is_zone("Mars/Olympus")


class TestRecordTables:
    def test_records_survive_the_way_to_disk_and_back(self, world: RecordTables, tmp_path: Path) -> None:
        world.write(tmp_path / "tables")
        read = RecordTables.read(tmp_path / "tables")
        for name in SCHEMAS:
            pd.testing.assert_frame_equal(getattr(read, name), getattr(world, name), check_dtype=False)
        assert list(shipments_of(read)) == list(shipments_of(world))
        assert list(events_of(read)) == list(events_of(world))
        assert list(weather_of(read)) == list(weather_of(world))

    def test_records_make_tables_and_tables_make_records(self, noon: datetime) -> None:
        records: list[Shipment | DeliveryEvent | WeatherObservation] = [
            Shipment.model_validate(PLAN),
            DeliveryEvent(event_id="E1", shipment_id="S1", status="departed", occurred_at=noon, known_at=noon),
            WeatherObservation(place="NLRTM", wind_speed_ms=3.5, occurred_at=noon, known_at=noon),
        ]
        tables = RecordTables.from_records(records)
        assert [*shipments_of(tables), *events_of(tables), *weather_of(tables)] == records

    def test_empty_tables_are_tables(self, tmp_path: Path) -> None:
        RecordTables.from_records([]).write(tmp_path)
        assert [len(getattr(RecordTables.read(tmp_path), name)) for name in SCHEMAS] == [0] * len(SCHEMAS)
        assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(NEEDED)

    def test_tables_that_nobody_asks_for_are_left_empty(self, world: RecordTables, tmp_path: Path) -> None:
        world.write(tmp_path)
        read = RecordTables.read(tmp_path, without=SCHEMAS.keys() - {"stops"})
        assert {table for table in SCHEMAS if not getattr(read, table).empty} == {"stops"}
        assert list(read.events.columns) == SCHEMAS["events"].names

    def test_an_absent_table_is_named(self, world: RecordTables, tmp_path: Path) -> None:
        world.write(tmp_path)
        (tmp_path / "weather.parquet").unlink()
        with pytest.raises(SourceError, match=r"weather\.parquet cannot be read: it is not there; name a folder"):
            RecordTables.read(tmp_path)

    def test_a_file_that_is_no_parquet_is_named(self, world: RecordTables, tmp_path: Path) -> None:
        world.write(tmp_path)
        (tmp_path / "stops.parquet").write_text("place,kind\n")
        with pytest.raises(SourceError, match=r"stops\.parquet cannot be read"):
            RecordTables.read(tmp_path)

    def test_a_missing_column_is_named_with_what_was_found(self, world: RecordTables, tmp_path: Path) -> None:
        world.write(tmp_path)
        columns = {"shipment_id": ["S1"], "carrier": ["RHEI"]}
        pq.write_table(pa.table(columns), tmp_path / "shipments.parquet")
        with pytest.raises(TableError, match="lacks 'carrier_id'") as refused:
            RecordTables.read(tmp_path)
        assert "Found: shipment_id, carrier." in str(refused.value)
        assert "Did you mean 'carrier'?" in str(refused.value)

    @pytest.mark.parametrize(
        ("table", "column", "change", "words"),
        [
            (
                "shipments",
                "known_at",
                lambda told: told.dt.tz_localize(None),
                r"'known_at' is .*its times have no zone",
            ),
            ("shipments", "weight_kg", lambda told: told.astype(str) + " kg", r"'weight_kg' is .*, expected double"),
            ("shipments", "pieces", lambda told: told.fillna(0) + 0.5, r"'pieces' is double, expected int64"),
            ("events", "known_at", lambda told: told.where(told.index > 0), r"'known_at' is missing in 1 of \d+ rows"),
            ("events", "shipment_id", lambda told: told.where(told.index > 0), r"'shipment_id' is missing in 1 of"),
        ],
    )
    def test_a_column_that_is_none_of_its_kind_is_named(
        self,
        world: RecordTables,
        tmp_path: Path,
        table: str,
        column: str,
        change: Callable[[pd.Series], pd.Series],
        words: str,
    ) -> None:
        world.write(tmp_path)
        frame = getattr(world, table)
        frame.assign(**{column: change(frame[column])}).to_parquet(tmp_path / f"{table}.parquet")
        with pytest.raises(SourceError, match=words + ".*; import the source again"):
            RecordTables.read(tmp_path)

    def test_every_kind_of_record_survives_the_way_to_disk_and_back(
        self, filled: dict[str, Record], tmp_path: Path
    ) -> None:
        RecordTables.from_records(filled.values()).write(tmp_path)
        read = RecordTables.read(tmp_path)
        for table, kind in RECORDS.items():
            assert list(records_of(read, kind)) == [filled[table]]

    def test_a_table_that_loses_its_rows_loses_its_file(self, filled: dict[str, Record], tmp_path: Path) -> None:
        RecordTables.from_records(filled.values()).write(tmp_path)
        RecordTables.from_records([]).write(tmp_path)
        assert RecordTables.read(tmp_path).orders.empty

    def test_data_from_before_a_field_or_a_table_was_there_is_read(self, world: RecordTables, tmp_path: Path) -> None:
        world.write(tmp_path)
        path = tmp_path / "shipments.parquet"
        pq.write_table(pq.read_table(path).drop_columns(["volume_m3", "ship_complete", "customer_tier"]), path)
        (tmp_path / "orders.parquet").unlink()
        read = RecordTables.read(tmp_path)
        assert read.orders.empty
        assert list(read.orders.columns) == SCHEMAS["orders"].names
        shipment = next(shipments_of(read))
        assert (shipment.volume_m3, shipment.ship_complete, shipment.customer_tier) == (None, False, "standard")

    def test_known_keeps_what_was_learnt_in_time_with_its_parts(self, filled: dict[str, Record]) -> None:
        told = RecordTables.from_records(filled.values())
        learnt = filled["shipments"].known_at
        before = learnt - timedelta(microseconds=1)
        earlier, later = told.known(until=before), told.known(until=learnt, after=learnt)
        known = told.known(until=learnt, after=before)
        for table in SCHEMAS:
            assert getattr(earlier, table).empty
            assert getattr(later, table).empty
            pd.testing.assert_frame_equal(getattr(known, table), getattr(told, table), check_dtype=False)

    def test_references_of_a_record_that_is_not_known_are_not_either(self, filled: dict[str, Record]) -> None:
        shipment, tender = filled["shipments"], filled["tenders"]
        early = tender.model_copy(update={"known_at": tender.occurred_at})
        known = RecordTables.from_records([shipment, early]).known(until=early.known_at)
        assert set(known.references["subject"]) == {"tender"}
        assert len(known.references) == 2


class TestErrors:
    def test_all_problems_of_a_mapping_are_listed(self) -> None:
        error = MappingError(Path("m.yaml"), ["line 1: no owner", "line 2: no source"])
        assert isinstance(error, FeatureError)
        assert "2 problem(s)" in str(error)
        assert "\n  - line 2: no source" in str(error)

    def test_a_record_from_the_future_says_which_time_and_what_to_do(self, noon: datetime) -> None:
        said = str(FutureKnowledgeError("Event 'E1'", "occurred_at", noon.replace(hour=13), noon))
        assert "occurred_at = 2026-03-02T13:00:00+00:00, which is after now (2026-03-02T12:00:00+00:00)" in said
        assert "time zone" in said

    def test_the_nearest_word_is_suggested_if_there_is_one(self) -> None:
        assert did_you_mean("carier", ["carrier", "origin"]) == " Did you mean 'carrier'?"
        assert did_you_mean("xyz", ["carrier"]) == ""
