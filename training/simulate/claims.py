"""Claims against carriers: some days after the delivery, for damage, loss or overcharge, and what became of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import ClaimKind, ClaimStatus
from training.simulate.bookings import Bookings
from training.simulate.frames import frame, instants
from training.simulate.journeys import Journeys
from training.simulate.network import CARRIERS
from training.simulate.settings import SimulationSettings
from training.simulate.timetable import Timetable

CLAIMED_SHARE = {"NORX": 0.004, "ALPK": 0.007, "VELO": 0.013, "OSTB": 0.011, "PAKT": 0.016, "RHEI": 0.005}
"""Claims a delivered shipment."""
KINDS, KIND_SHARES = (ClaimKind.DAMAGE, ClaimKind.LOSS, ClaimKind.OVERCHARGE), (0.6, 0.15, 0.25)
ENDS, END_SHARES = (ClaimStatus.PAID, ClaimStatus.DECLINED, ClaimStatus.WITHDRAWN), (0.6, 0.25, 0.15)
FILED_AFTER_HOURS, SETTLED_AFTER_HOURS = 60.0, 600.0


def make_claims(
    settings: SimulationSettings, timetable: Timetable, bookings: Bookings, journeys: Journeys,
    shipment_ids: NDArray[np.str_], rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Return the table `claims`: each claim once as filed, and once as settled."""
    carrier = timetable.carrier[bookings.departure]
    share = np.array([CLAIMED_SHARE[each.carrier_id] for each in CARRIERS])[carrier]
    claimed = np.flatnonzero((rng.random(len(bookings)) < share) & ~np.isnan(journeys.delivered))
    count = len(claimed)
    filed = journeys.delivered[claimed] + rng.gamma(2.0, FILED_AFTER_HOURS / 2, size=count)
    settled = filed + rng.gamma(3.0, SETTLED_AFTER_HOURS / 3, size=count)
    kind = rng.choice(len(KINDS), size=count, p=KIND_SHARES)
    end = rng.choice(len(ENDS), size=count, p=END_SHARES)
    asked = np.maximum(np.round(bookings.value_minor[claimed] * rng.uniform(0.01, 0.4, size=count)), 1)
    paid = np.where(end == ENDS.index(ClaimStatus.PAID), np.round(asked * rng.uniform(0.5, 1.0, size=count)), np.nan)

    def twice(first: NDArray[np.generic], second: NDArray[np.generic] | None = None) -> NDArray[np.generic]:
        return np.concatenate([first, first if second is None else second])

    occurred = np.concatenate([filed, settled])
    status = twice(np.full(count, ClaimStatus.FILED.value), np.array([each.value for each in ENDS])[end])
    return frame(
        "claims",
        {
            "claim_id": twice(np.array([f"K{number:05d}" for number in range(1, count + 1)])),
            "carrier_id": twice(np.array([each.carrier_id for each in CARRIERS])[carrier[claimed]]),
            "shipment_id": twice(shipment_ids[claimed]),
            "kind": twice(np.array([each.value for each in KINDS])[kind]),
            "status": status,
            "filed_at": twice(instants(settings.start, filed)),
            "claimed_minor": twice(asked),
            "paid_minor": twice(np.full(count, np.nan), paid),
            "currency": np.full(2 * count, "EUR"),
            "occurred_at": instants(settings.start, occurred),
            "known_at": instants(settings.start, occurred + rng.uniform(0, 24, size=2 * count)),
        },
        by=("known_at", "claim_id"),
    )
