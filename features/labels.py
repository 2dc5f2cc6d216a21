"""Labels: what became of a shipment. Only training may look; everything here is known after the fact."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.instants import MINUTE, micros_of
from features.legs import Legs, Time
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.timeline import NEVER


def lateness_of(tables: RecordTables, settings: FeatureSettings, questions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return whether a shipment was late, by what is known of it in the end, and since when that has been known.

    Late against which promise, if the plan was changed: for a question, the one that stood at its cutoff; for a
    shipment as such, the first one, so that a promise moved later excuses nothing.

    Parameters
    ----------
    questions
        Columns `shipment_id` and `cutoff_at`; without them there is one row a shipment.

    Returns
    -------
    DataFrame
        Indexed by shipment_id, or as the questions are: `late` (float: 1.0, 0.0, NaN if there is no promise or no
        delivery), `delay_hours` (delivered less promised), `label_known_at` (when the delivery was known).
    """
    legs = Legs.of_tables(tables)
    index = pd.Index(legs.shipment_ids, name="shipment_id") if questions is None else questions.index
    if questions is None:
        asked, in_the_end = legs.first_rows(), legs.last_rows()
    else:
        shipments = pd.Index(legs.shipment_ids).get_indexer(pd.Index(questions["shipment_id"]))
        asked, in_the_end = legs.rows_at(shipments, micros_of(questions["cutoff_at"])), legs.last_rows()[shipments]
    promised, delivered = legs.times[asked, Time.PROMISED], legs.times[in_the_end, Time.DELIVERED]
    labelled = (promised != NEVER) & (delivered != NEVER)
    delay = np.where(labelled, delivered - promised, 0)
    known = np.where(labelled, legs.times[in_the_end, Time.DELIVERED_KNOWN], 0)
    return pd.DataFrame(
        {
            "late": np.where(labelled, delay > settings.late_after_minutes * MINUTE, np.nan),
            "delay_hours": np.where(labelled, delay / (60 * MINUTE), np.nan),
            "label_known_at": pd.Series(pd.to_datetime(known, unit="us", utc=True)).where(labelled).array,
        },
        index=index,
    )
