"""Backfill on one machine: the batch build, chunk by chunk into Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.build import Builder
from features.instants import micros_of
from features.moments import questions_about
from features.progress import Progress
from features.settings import FeatureSettings
from features.vocabulary import Moment
from training.backfill.parcels import features_frame

_CHUNK = 50_000


def backfill(
    data: Path, out: Path, settings: FeatureSettings, moments: Sequence[Moment], progress: Progress | None = None
) -> int:
    """Write the features of every question of the tables in `data` into `out`; return how many there are."""
    builder = Builder.of_folder(data, settings)
    asked = questions_about(builder.legs, moments)
    asked = asked.sort_values(["shipment_id", "moment", "cutoff_at"], kind="stable").reset_index(drop=True)
    shipments, cutoffs = builder.positions_of(asked["shipment_id"]), micros_of(asked["cutoff_at"])
    for number, start in enumerate(range(0, len(asked), _CHUNK)):
        chosen = slice(start, start + _CHUNK)
        values = builder.values(shipments[chosen], cutoffs[chosen])
        frame = features_frame(asked["shipment_id"][chosen], asked["moment"][chosen], cutoffs[chosen], values)
        written = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(written, out / f"part-{number:05d}.parquet", compression="zstd")
        if progress is not None:
            progress(min(start + _CHUNK, len(asked)), len(asked))
    return len(asked)
