"""Labels: what became of a shipment. Only training may look; everything here is known after the fact."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.legs import MINUTE, Legs, Time
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.timeline import NEVER


def lateness_of(tables: RecordTables, settings: FeatureSettings) -> pd.DataFrame:
    """Return for each shipment whether it was late, and since when that has been known.

    Returns
    -------
    DataFrame
        Indexed by shipment_id: `late` (float: 1.0, 0.0, NaN if there is no promise or no delivery),
        `delay_hours` (delivered less promised), `label_known_at` (when the delivery was known).
    """
    legs = Legs.of_tables(tables)
    promised, delivered = legs.times[:, Time.PROMISED], legs.times[:, Time.DELIVERED]
    labelled = (promised != NEVER) & (delivered != NEVER)
    delay = np.where(labelled, delivered - promised, 0)
    known = np.where(labelled, legs.times[:, Time.DELIVERED_KNOWN], 0)
    return pd.DataFrame(
        {
            "late": np.where(labelled, delay > settings.late_after_minutes * MINUTE, np.nan),
            "delay_hours": np.where(labelled, delay / (60 * MINUTE), np.nan),
            "label_known_at": pd.Series(pd.to_datetime(known, unit="us", utc=True)).where(labelled).to_numpy(),
        },
        index=pd.Index(legs.ids, name="shipment_id"),
    )
