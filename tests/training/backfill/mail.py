"""Sends parcels about as a cluster would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from features.feeds import FEEDS
from features.legs import TABLES
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.vocabulary import Moment
from training.backfill.parcels import answer, assemble_part, open_feed, open_records, part_of


def in_parcels(
    world: RecordTables, parts: int, settings: FeatureSettings, moments: Sequence[Moment] = tuple(Moment)
) -> pd.DataFrame:
    """Return the features of a world, built in so many parts."""
    mail: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    part = {table: part_of(getattr(world, table)["shipment_id"], parts) for table in TABLES}
    for one in range(parts):
        some = {table: getattr(world, table)[part[table] == one] for table in TABLES}
        for to, kind, payload in open_records(some, settings, moments, one, parts):
            mail[to].append((kind, payload))
    for name, feed in FEEDS.items():
        frames = {table: getattr(world, table) for table in feed.tables}
        for one in range(parts if feed.parted_by else 1):
            some = frames
            if feed.parted_by:
                some = {table: rows[part_of(rows[feed.parted_by], parts) == one] for table, rows in frames.items()}
            for to, kind, payload in open_feed(name, some, parts):
                mail[to].append((kind, payload))
    for name in [name for name in mail if not name.startswith("home/")]:
        for to, kind, payload in answer(name, mail.pop(name), settings):
            mail[to].append((kind, payload))
    together = pd.concat([assemble_part(parcels) for parcels in mail.values()], ignore_index=True)
    return together.sort_values(["shipment_id", "moment", "cutoff_at"]).reset_index(drop=True)
