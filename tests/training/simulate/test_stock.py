"""Generated stock: books that never owe, picks that add up, and shelves that now and then hold less than the books."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.tables import RecordTables
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings


@pytest.fixture(scope="module")
def made() -> RecordTables:
    return simulate(SimulationSettings(shipments=3_000, days=60), np.random.default_rng(4)).tables


@pytest.fixture(scope="module")
def picks(made: RecordTables) -> pd.DataFrame:
    tasks = made.warehouse_tasks
    return tasks[tasks["kind"].eq("pick") & tasks["status"].isin(["done", "short"])]


def test_every_shipment_is_an_order_with_lines(made: RecordTables) -> None:
    assert set(made.shipments["order_id"]) == set(made.orders["order_id"]) == set(made.order_lines["order_id"])
    ordered = made.order_lines.groupby("order_id")["quantity"].sum()
    shipped = made.shipments.set_index("order_id")["pieces"].dropna().astype(float)
    pd.testing.assert_series_equal(ordered.reindex(shipped.index), shipped, check_names=False, check_dtype=False)


def test_a_line_is_picked_once_or_cancelled(made: RecordTables, picks: pd.DataFrame) -> None:
    cancelled = made.warehouse_tasks[made.warehouse_tasks["status"] == "cancelled"]
    ended = pd.concat([picks, cancelled])
    assert not ended.duplicated(["order_id", "line_id"]).any()
    assert len(ended) == len(made.order_lines)


def test_a_pick_is_short_exactly_if_it_found_too_little(picks: pd.DataFrame) -> None:
    is_short = (picks["status"] == "short").to_numpy()
    np.testing.assert_array_equal(is_short, (picks["done_quantity"] < picks["quantity"]).to_numpy())
    assert (picks["done_quantity"] >= 0).all()
    assert set(picks.loc[is_short, "reason"]) == {"not found", "not allocated"}
    assert 0.01 < is_short.mean() < 0.2


def test_the_books_never_owe(made: RecordTables) -> None:
    assert (made.inventory_positions["quantity"] >= 0).all()
    assert set(made.inventory_positions["disposition"]) == {"available", "reserved", "held", "in_transit"}


def test_what_is_reserved_for_an_order_is_given_back_in_the_end(made: RecordTables) -> None:
    reserved = made.inventory_positions[made.inventory_positions["disposition"] == "reserved"]
    last = reserved.sort_values("occurred_at", kind="stable").drop_duplicates(["place", "sku", "held_by"], keep="last")
    assert (last["quantity"] == 0).all()


def test_what_is_not_found_is_written_off(made: RecordTables, picks: pd.DataFrame) -> None:
    missed = picks[picks["reason"] == "not found"]
    adjustments = made.inventory_adjustments
    losses = adjustments[(adjustments["reason"] == "loss") & (adjustments["disposition"] == "reserved")]
    assert len(losses) == len(missed) > 0
    assert (losses["quantity"] < 0).all()


def test_some_of_it_is_learnt_late(made: RecordTables) -> None:
    told = made.warehouse_tasks[made.warehouse_tasks["kind"] == "pick"]
    hours = (told["known_at"] - told["occurred_at"]).dt.total_seconds() / 3600
    assert (hours >= 0).all()
    assert 0.02 < (hours > 2).mean() < 0.06
