"""Inventory features in worlds that differ only in what no answer may rest on, and leaks planted beside them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from features.inventory.features import build_inventory
from features.inventory.line_moments import line_questions_of
from features.inventory.shortage_labels import shortage_of
from features.tables import RecordTables
from features.vocabulary import LineMoment
from training.leakage.worlds import DISTURBANCES, Cut
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

Build = Callable[[RecordTables, pd.DataFrame], np.ndarray]

CUTOFFS = 3


@cache
def world() -> RecordTables:
    """Three weeks of a generated network."""
    return simulate(SimulationSettings(shipments=800, days=21), np.random.default_rng(3)).tables


@cache
def questions() -> pd.DataFrame:
    """Lines asked before their waves: several at one cutoff, which comes just before the release of all of them."""
    asked = line_questions_of(world())
    asked = asked[asked["moment"] == LineMoment.BEFORE_WAVE]
    cutoffs = asked["cutoff_at"].sort_values().iloc[:: len(asked) // CUTOFFS][1:]
    parts = []
    for cutoff in cutoffs:
        lines = world().order_lines
        known = lines[(lines["known_at"] <= cutoff) & (lines["occurred_at"] <= cutoff)]
        parts.append(known[["order_id", "line_id"]].drop_duplicates().tail(120).assign(cutoff_at=cutoff))
    return pd.concat(parts, ignore_index=True)


def honest(tables: RecordTables, asked: pd.DataFrame) -> np.ndarray:
    return build_inventory(tables, asked).values


def by_event_time(tables: RecordTables, asked: pd.DataFrame) -> np.ndarray:
    """Positions count from when they were so, whenever that was learnt."""
    positions = tables.inventory_positions.assign(known_at=tables.inventory_positions["occurred_at"])
    return build_inventory(with_positions(tables, positions), asked).values


def newest_position(tables: RecordTables, asked: pd.DataFrame) -> np.ndarray:
    """The stock of the sku as it is now."""
    newest = tables.inventory_positions.sort_values("known_at").drop_duplicates("sku", keep="last")
    sku = asked.merge(tables.order_lines.drop_duplicates(["order_id", "line_id"]), on=["order_id", "line_id"])["sku"]
    return sku.map(newest.set_index("sku")["quantity"]).to_numpy()[:, None]


def outcome(tables: RecordTables, asked: pd.DataFrame) -> np.ndarray:
    """Whether the line was short in the end."""
    return shortage_of(tables, asked)["short"].to_numpy()[:, None]


def with_positions(tables: RecordTables, positions: pd.DataFrame) -> RecordTables:
    names = ("orders", "order_lines", "warehouse_tasks", "inventory_adjustments")
    kept = {name: getattr(tables, name) for name in names}
    needed = {name: getattr(tables, name) for name in ("shipments", "stops", "events", "weather")}
    return RecordTables(**needed, **kept, inventory_positions=positions)


def leaks_of(build: Build) -> set[str]:
    """Return the disturbances that an answer shows."""
    found = set()
    for cutoff, asked in questions().groupby("cutoff_at"):
        rows = asked.reset_index(drop=True)
        whole = build(world(), rows)
        for disturbance in DISTURBANCES:
            other = disturbance.of(
                Cut.of(world(), cutoff, world().shipments["shipment_id"].head(3)), np.random.default_rng(1)
            )
            if not np.array_equal(build(other, rows), whole, equal_nan=True):
                found.add(disturbance.name)
    return found


def test_the_features_show_nothing_of_what_became_known_after_the_cutoff() -> None:
    assert leaks_of(honest) == set()


@pytest.mark.parametrize(
    ("build", "shown"),
    [
        (by_event_time, {"removed", "changed", "told late"}),
        (newest_position, {"removed", "changed", "told late"}),
        (outcome, {"removed", "changed"}),
    ],
    ids=["event time", "newest position", "outcome"],
)
def test_a_planted_leak_is_found(build: Build, shown: set[str]) -> None:
    assert leaks_of(build) >= shown
