from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.tables import SCHEMAS, RecordTables, events_of, frame_of, shipments_of, weather_of
from features.vocabulary import EventStatus
from training.simulate.generate import STAGES, Simulation, simulate
from training.simulate.settings import SimulationSettings
from training.simulate.summary import outcomes_of

SMALL = SimulationSettings(shipments=200, days=10)


class TestDeterminism:
    def test_the_same_seed_writes_the_same_bytes(self, tmp_path: Path) -> None:
        for folder in ("one", "other"):
            simulate(SMALL, np.random.default_rng(11)).write(tmp_path / folder)
        names = sorted(path.name for path in (tmp_path / "one").iterdir())
        assert names == [
            "accessorials.parquet", "carrier_rates.parquet", "claims.parquet", "disruptions.parquet", "events.parquet",
            "freight_invoices.parquet", "fuel_index.parquet", "inventory_adjustments.parquet",
            "inventory_positions.parquet", "invoice_lines.parquet", "invoice_truth.parquet", "labour_shifts.parquet",
            "order_lines.parquet", "orders.parquet", "references.parquet", "shipments.parquet", "stops.parquet",
            "tender_responses.parquet", "tenders.parquet", "warehouse_tasks.parquet", "weather.parquet",
            "weather_forecasts.parquet",
        ]  # fmt: skip
        for name in names:
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()

    def test_another_seed_makes_another_network(self) -> None:
        one, other = (simulate(SMALL, np.random.default_rng(seed)).tables for seed in (11, 12))
        assert not one.shipments["occurred_at"].equals(other.shipments["occurred_at"])
        assert not one.weather["wind_speed_ms"].equals(other.weather["wind_speed_ms"])

    def test_no_global_random_state_is_read_or_moved(self) -> None:
        before = np.random.get_state()  # noqa: NPY002  the very state that must stay as it is
        made = simulate(SMALL, np.random.default_rng(11))
        after = np.random.get_state()  # noqa: NPY002
        assert np.array_equal(before[1], after[1])
        np.random.standard_normal(10)  # noqa: NPY002
        again = simulate(SMALL, np.random.default_rng(11))
        pd.testing.assert_frame_equal(made.tables.events, again.tables.events)

    def test_a_setting_of_one_part_leaves_the_draws_of_the_others(self, small: Simulation) -> None:
        calm = simulate(SimulationSettings(shipments=600, days=28, weather_strength=0), np.random.default_rng(3))
        pd.testing.assert_frame_equal(calm.tables.weather, small.tables.weather)
        pd.testing.assert_frame_equal(calm.tables.stops, small.tables.stops)
        assert not calm.tables.events["occurred_at"].equals(small.tables.events["occurred_at"])

    def test_every_stage_is_announced_in_order(self) -> None:
        told: list[str] = []
        simulate(SMALL, np.random.default_rng(1), told.append)
        assert tuple(told) == STAGES


class TestTables:
    @pytest.mark.parametrize("table", list(SCHEMAS))
    def test_columns_and_types_are_canonical(self, small: Simulation, table: str) -> None:
        found, expected = getattr(small.tables, table), frame_of(table, [])
        assert list(found.columns) == list(expected.columns)
        for column in found.columns:
            # A numeric column with nulls becomes float and an all-null one object: both write as the schema says.
            if found[column].notna().all():
                assert found[column].dtype == expected[column].dtype, column

    def test_writing_and_reading_gives_the_same_tables(self, small: Simulation, tmp_path: Path) -> None:
        small.write(tmp_path)
        read = RecordTables.read(tmp_path)
        for table in SCHEMAS:
            pd.testing.assert_frame_equal(getattr(read, table), getattr(small.tables, table))

    def test_every_row_is_a_valid_record(self, small: Simulation) -> None:
        tables = small.tables
        assert len(list(shipments_of(tables))) == len(tables.shipments) == 600
        assert len(list(events_of(tables))) == len(tables.events)
        assert len(list(weather_of(tables))) == len(tables.weather)

    def test_each_event_belongs_to_a_shipment_and_happens_at_one_of_its_places(self, network: Simulation) -> None:
        tables = network.tables
        assert set(tables.events["shipment_id"]) <= set(tables.shipments["shipment_id"])
        places = set(zip(tables.stops["shipment_id"], tables.stops["place"], strict=True))
        assert set(zip(tables.events["shipment_id"], tables.events["place"], strict=True)) <= places

    def test_each_shipment_has_one_pickup_at_a_warehouse_and_one_delivery(self, network: Simulation) -> None:
        stops = network.tables.stops
        assert (stops.groupby("shipment_id")["kind"].agg(list).map(tuple) == ("pickup", "delivery")).all()
        pickups = stops[stops["kind"] == "pickup"]
        assert set(pickups["place"]) == {"NLRTM", "DEHAM", "ITMIL"}
        assert stops[stops["kind"] == "delivery"]["place"].nunique() == 14

    def test_what_happened_is_told_by_events_alone(self, network: Simulation) -> None:
        assert network.tables.stops["actual_at"].isna().all()

    def test_a_shipment_is_booked_one_to_seven_days_before_its_planned_departure(self, network: Simulation) -> None:
        outcome = outcomes_of(network.tables)
        booked = network.tables.shipments.set_index("shipment_id")["occurred_at"]
        ahead_hours = (outcome["planned_at"] - booked).dt.total_seconds() / 3600
        assert ahead_hours.min() >= 24
        assert ahead_hours.max() <= 168

    def test_weather_is_hourly_at_every_place_over_the_whole_time(self, network: Simulation) -> None:
        weather = network.tables.weather
        assert set(weather["place"]) == set(network.tables.stops["place"])
        assert not weather.duplicated(["place", "occurred_at"]).any()
        per_place = weather.groupby("place").size()
        assert (per_place == SimulationSettings().horizon_hours).all()
        assert weather["occurred_at"].max() > network.tables.events["occurred_at"].max()

    def test_size_and_length_are_as_asked(self) -> None:
        settings = SimulationSettings(shipments=333, days=21)
        booked = simulate(settings, np.random.default_rng(5)).tables.shipments["occurred_at"]
        assert len(booked) == 333
        assert booked.min() >= settings.start
        assert (booked.max() - pd.Timestamp(settings.start)).days < 21


class TestClocks:
    def test_all_times_are_in_utc(self, network: Simulation) -> None:
        for table in (network.tables.shipments, network.tables.events, network.tables.weather):
            assert str(table["occurred_at"].dtype) == str(table["known_at"].dtype) == "datetime64[us, UTC]"

    def test_each_place_keeps_its_zone(self, network: Simulation) -> None:
        zones = network.tables.stops.drop_duplicates("place").set_index("place")["timezone"]
        assert zones["ITMIL"] == "Europe/Rome"
        assert zones["GBBHM"] == "Europe/London"

    def test_departures_keep_their_local_hour_across_the_clock_change(self, network: Simulation) -> None:
        tables = network.tables
        pickups = tables.stops[tables.stops["kind"] == "pickup"].set_index("shipment_id")["planned_at"]
        local = pickups.dt.tz_convert("Europe/Berlin")
        service = tables.shipments.set_index("shipment_id")["service_id"]
        hours = (local.dt.day_of_week * 24 + local.dt.hour + local.dt.minute / 60).groupby(service).nunique()
        assert (
            pickups.min() < pd.Timestamp("2024-10-01", tz="UTC") < pd.Timestamp("2024-11-01", tz="UTC") < pickups.max()
        )
        assert (hours == 1).all()

    def test_nothing_is_known_of_a_shipment_before_the_shipment_is(self, network: Simulation) -> None:
        tables = network.tables
        announced = tables.shipments.set_index("shipment_id")["known_at"]
        assert (tables.events["known_at"].to_numpy() > announced[tables.events["shipment_id"]].to_numpy()).all()
        assert (tables.shipments["known_at"] > tables.shipments["occurred_at"]).all()


class TestOutcomes:
    @pytest.mark.parametrize("seed", [1, 2, 7])
    def test_fifteen_to_twenty_percent_are_late_give_or_take(self, seed: int) -> None:
        tables = simulate(SimulationSettings(), np.random.default_rng(seed)).tables
        assert 0.14 < outcomes_of(tables)["late"].mean() < 0.215

    def test_few_are_cancelled_and_these_go_nowhere(self, network: Simulation) -> None:
        events = network.tables.events
        cancelled = events[events["status"] == EventStatus.CANCELLED.value]["shipment_id"]
        assert 0.002 < len(cancelled) / len(network.tables.shipments) < 0.010
        assert set(events[events["shipment_id"].isin(cancelled)]["status"]) == {"cancelled"}

    def test_few_have_no_promise_and_all_of_these_are_standard(self, network: Simulation) -> None:
        outcome = outcomes_of(network.tables)
        without = outcome.index[outcome["promised_at"].isna()]
        assert 0.008 < len(without) / len(outcome) < 0.025
        shipments = network.tables.shipments.set_index("shipment_id")
        assert set(shipments.loc[without, "customer_tier"]) == {"standard"}

    def test_milestones_follow_each_other(self, network: Simulation) -> None:
        events = network.tables.events
        standing = events[~events["event_id"].isin(events["corrects"].dropna())]
        first = standing.drop_duplicates(["shipment_id", "status"]).pivot(
            index="shipment_id", columns="status", values="occurred_at"
        )
        for earlier, later in (
            ("loaded", "departed"), ("departed", "terminal_arrived"), ("terminal_arrived", "attempted"),
            ("terminal_arrived", "delivered"), ("attempted", "delivered"),
        ):  # fmt: skip
            both = first[[earlier, later]].dropna()
            assert len(both) > 50
            assert (both[earlier] < both[later]).all(), (earlier, later)

    def test_no_departure_leaves_before_its_plan(self, network: Simulation) -> None:
        assert outcomes_of(network.tables)["departure_delay_hours"].min() >= 0

    def test_shipments_of_one_departure_leave_together(self, network: Simulation) -> None:
        tables = network.tables
        outcome = outcomes_of(tables).join(tables.shipments.set_index("shipment_id")["service_id"])
        together = outcome.dropna(subset=["departed_at"]).groupby(["service_id", "planned_at"])["departed_at"]
        assert together.size().max() > 3
        assert (together.nunique() == 1).all()
