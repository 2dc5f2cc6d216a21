"""Work at the doors of the warehouses: lots that are received, and shipments that are loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import Disposition, TaskKind, TaskStatus
from training.simulate.bookings import Bookings
from training.simulate.frames import frame, instants
from training.simulate.network import PLACES
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable
from training.simulate.warehouse import LOADING_HOURS

Floats = NDArray[np.float64]

RECEIVING_HOURS = 1.5
TOLD_WITHIN_HOURS = 0.2


def make_dock_tasks(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, on_board: Floats,
    positions: pd.DataFrame, shipment_ids: NDArray[np.str_], rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Return rows of the table `warehouse_tasks`: each task as it is released and as it is done.

    Parameters
    ----------
    on_board : float64 [shipments]
        When each is loaded, NaN for cancelled ones.
    positions
        The table `inventory_positions`: a lot is received when none of it is in transit any more.
    """
    loaded = np.flatnonzero(~np.isnan(on_board))
    departure = bookings.departure[loaded]
    came = positions["disposition"].eq(Disposition.IN_TRANSIT.value) & positions["quantity"].eq(0)
    lots = positions[came & positions["lot"].notna()].drop_duplicates("lot", keep="last")
    start = pd.Timestamp(settings.start)
    arrived = ((lots["occurred_at"] - start).dt.total_seconds() / 3600).to_numpy(dtype=np.float64)
    done = np.concatenate([on_board[loaded], arrived])
    begun = done - np.repeat([LOADING_HOURS, RECEIVING_HOURS], [len(loaded), len(lots)])
    due = np.concatenate([timetable.planned_departure[departure], np.full(len(lots), np.nan)])
    places = np.array([place.code for place in PLACES])[timetable.origin[departure]]
    columns: dict[str, list[Any]] = {
        "task_id": [*(f"D-{one}" for one in shipment_ids[loaded]), *(f"R-{one}" for one in lots["lot"])],
        "warehouse_id": [*places, *lots["place"]],
        "kind": [TaskKind.LOAD.value] * len(loaded) + [TaskKind.RECEIVE.value] * len(lots),
        "shipment_id": [*shipment_ids[loaded], *[None] * len(lots)],
        "sku": [*[None] * len(loaded), *lots["sku"]],
        "unit": ["EA"] * len(done),
    }
    occurred = np.concatenate([begun, done])
    lag = rng.uniform(0.01, TOLD_WITHIN_HOURS, size=len(occurred))
    return frame(
        "warehouse_tasks",
        {
            **{name: [*values, *values] for name, values in columns.items()},
            "status": [TaskStatus.RELEASED.value] * len(done) + [TaskStatus.DONE.value] * len(done),
            "due_at": instants(settings.start, np.concatenate([due, due])),
            "occurred_at": instants(settings.start, occurred),
            "known_at": instants(settings.start, occurred + lag),
        },
    )
