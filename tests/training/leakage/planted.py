"""Small worlds, and functions that build features of them with a leak planted beside the honest ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import FeatureMatrix, build
from features.labels import lateness_of
from features.settings import FeatureSettings
from features.tables import RecordTables
from training.leakage.clocks import Build
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

SETTINGS = FeatureSettings()
Column = Callable[[RecordTables, pd.DataFrame], NDArray[np.float64]]
"""One more feature of each question."""


@cache
def world() -> RecordTables:
    """Two weeks of a generated network, with late, corrected and repeated events."""
    return simulate(SimulationSettings(shipments=400, days=14), np.random.default_rng(11)).tables


@cache
def prompt_world() -> RecordTables:
    """The same, but all that happens is known at once: in these data event time and knowledge are the same."""
    tables = world()
    return replace(
        tables,
        events=tables.events.assign(known_at=tables.events["occurred_at"], corrects=None),
        weather=tables.weather.assign(known_at=tables.weather["occurred_at"]),
    )


def planting(column: Column) -> Build:
    """Return a build function with one more feature, `planted`."""

    def build_and_plant(tables: RecordTables, questions: pd.DataFrame, settings: FeatureSettings) -> FeatureMatrix:
        honest = build(tables, questions, settings)
        planted = column(tables, questions).astype(np.float64)
        return FeatureMatrix(np.column_stack([honest.values, planted]), (*honest.names, "planted"))

    return build_and_plant


def reads_on(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """Whether the shipment is ever delivered: it reads past the cutoff."""
    delivered = tables.events.loc[tables.events["status"] == "delivered", "shipment_id"]
    return questions["shipment_id"].isin(delivered).to_numpy()


def goes_by_event_time(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """How many events had happened by the cutoff, whether or not they were known by then."""
    happened = np.sort(tables.events["occurred_at"].to_numpy())
    return np.searchsorted(happened, questions["cutoff_at"].to_numpy(), side="right")


def goes_by_knowledge(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """How many events were known by the cutoff, whether or not they had happened by then."""
    known = np.sort(tables.events["known_at"].to_numpy())
    return np.searchsorted(known, questions["cutoff_at"].to_numpy(), side="right")


def keeps_both_clocks(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """How many events had happened and were known by the cutoff: no leak."""
    events = tables.events
    counts = np.sort(np.maximum(events["occurred_at"].to_numpy(), events["known_at"].to_numpy()))
    return np.searchsorted(counts, questions["cutoff_at"].to_numpy(), side="right")


def newest_plan(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """The weight by the newest plan, not by the one that held at the cutoff."""
    plans = tables.shipments.sort_values("known_at").drop_duplicates("shipment_id", keep="last")
    return questions["shipment_id"].map(plans.set_index("shipment_id")["weight_kg"]).to_numpy(dtype=np.float64)


def newest_promise(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """The promise by the newest plan: a part of it, in a table of its own."""
    stops = tables.stops.sort_values(["known_at", "sequence"]).drop_duplicates("shipment_id", keep="last")
    promised = questions["shipment_id"].map(stops.set_index("shipment_id")["promised_at"])
    return promised.astype("int64").to_numpy(dtype=np.float64)


def copies_the_label(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """How late the shipment was in the end."""
    late = lateness_of(tables, SETTINGS)["delay_hours"]
    return questions["shipment_id"].map(late).to_numpy(dtype=np.float64)
