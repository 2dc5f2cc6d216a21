"""What a generated network is told besides its shipments: labour, disruptions, forecasts, work at the doors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.records import Disruption, WeatherForecast
from features.stock_records import LabourShift, WarehouseTask
from features.tables import records_of
from training.simulate.generate import Simulation


def test_every_row_is_a_valid_record(small: Simulation) -> None:
    for kind, table in (
        (LabourShift, "labour_shifts"),
        (Disruption, "disruptions"),
        (WeatherForecast, "weather_forecasts"),
        (WarehouseTask, "warehouse_tasks"),
    ):
        rows = getattr(small.tables, table)
        assert len(list(records_of(small.tables, kind))) == len(rows) > 10
        assert (rows["known_at"] >= rows["occurred_at"]).all()


def test_a_shift_is_planned_before_it_starts_and_counted_after(network: Simulation) -> None:
    shifts = network.tables.labour_shifts
    planned, counted = (shifts[shifts["present_heads"].isna() == missing] for missing in (True, False))
    assert (planned["known_at"] <= planned["starts_at"]).all()
    assert (counted["known_at"] > counted["starts_at"]).all()
    assert set(planned["shift_id"]) == set(counted["shift_id"])
    share = counted["present_heads"].sum() / counted["planned_heads"].sum()
    assert 0.85 < share < 1.1


def test_shifts_of_a_warehouse_follow_one_another_without_a_gap(network: Simulation) -> None:
    shifts = network.tables.labour_shifts.drop_duplicates("shift_id").sort_values(["warehouse_id", "starts_at"])
    same = shifts["warehouse_id"].eq(shifts["warehouse_id"].shift(-1))
    assert (shifts["ends_at"][same] == shifts["starts_at"].shift(-1)[same]).all()


def test_a_disruption_ends_after_it_was_told(network: Simulation) -> None:
    told = network.tables.disruptions
    begun, over = (told[told["valid_until"].isna() == missing].set_index("disruption_id") for missing in (True, False))
    assert set(begun.index) == set(over.index)
    assert (over["known_at"] > begun["known_at"].reindex(over.index)).all()
    assert {"weather", "warehouse_system"} == set(told["kind"])


def test_a_forecast_is_the_less_right_the_farther_ahead(network: Simulation) -> None:
    foretold = network.tables.weather_forecasts
    measured = network.tables.weather.set_index(["place", "occurred_at"])["temperature_c"]
    truth = measured.reindex(pd.MultiIndex.from_frame(foretold[["place", "valid_at"]])).to_numpy()
    ahead = (foretold["valid_at"] - foretold["occurred_at"]).dt.total_seconds() / 3600
    error = np.abs(foretold["temperature_c"].to_numpy() - truth)
    assert error[ahead == 3].mean() < 0.7 * error[ahead == 48].mean()


def test_what_is_delivered_was_loaded_before_it_left(network: Simulation) -> None:
    tasks = network.tables.warehouse_tasks
    loaded = tasks[tasks["kind"].eq("load") & tasks["status"].eq("done")].set_index("shipment_id")["occurred_at"]
    events = network.tables.events
    left = events[events["status"].eq("departed") & events["corrects"].isna()].drop_duplicates("shipment_id")
    times = left.set_index("shipment_id")["occurred_at"]
    assert loaded.index.is_unique
    assert (loaded.reindex(times.index) <= times).mean() > 0.99
    assert tasks["kind"].eq("receive").sum() > 20
