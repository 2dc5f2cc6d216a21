"""What a mapping makes of its files, looked at before anything is written: coverage, rejects, clocks, duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.ingest.breaks import Breaks, breaks_of
from features.ingest.checks import REQUIRED, UNIQUE
from features.ingest.importer import ImportSummary, Prepared
from features.invoice_records import CarrierRate
from features.tables import records_of


@dataclass(frozen=True, slots=True)
class KnowledgeLag:
    """How long after it happened a record became known, in hours, over the rows that were kept.

    `negatives` counts those known before they happened: right for a forecast or a schedule, wrong for anything else.
    """

    records: int
    minimum_hours: float
    median_hours: float
    p90_hours: float
    p99_hours: float
    maximum_hours: float
    negatives: int


@dataclass(frozen=True, slots=True)
class TableProfile:
    """What is to be known of one table before it is written.

    Attributes
    ----------
    coverage
        Share of the offered rows in which the files give each field; a default is not counted.
    lag
        None for a table without clocks or without rows.
    same_key
        Offered rows whose key an earlier row has.
    identical
        Those among them that are equal to an earlier row in every field.
    """

    offered: int
    kept: int
    coverage: dict[str, float]
    lag: KnowledgeLag | None
    same_key: int
    identical: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What a mapping makes of its files; `breaks` is None where it makes no rates."""

    summary: ImportSummary
    tables: dict[str, TableProfile]
    breaks: Breaks | None


def profile_of(prepared: Prepared) -> Profile:
    """Describe tables that were made and not yet written."""
    tables = {}
    for table, offered in prepared.offered.items():
        kept: pd.DataFrame = getattr(prepared.kept, table)
        keyed = offered.dropna(subset=[name for name in UNIQUE[table] if name in REQUIRED[table]])
        tables[table] = TableProfile(
            offered=len(offered),
            kept=len(kept),
            coverage=prepared.coverage[table],
            lag=_lag(kept),
            same_key=int(keyed.duplicated(list(UNIQUE[table])).sum()),
            identical=int(keyed.duplicated().sum()),
        )
    has_rates = "carrier_rates" in tables
    breaks = breaks_of(records_of(prepared.kept, CarrierRate)) if has_rates else None
    return Profile(prepared.summary, tables, breaks)


def _lag(kept: pd.DataFrame) -> KnowledgeLag | None:
    if not {"occurred_at", "known_at"} <= set(kept) or kept.empty:  # a part has the clock of its record alone
        return None
    hours = ((kept["known_at"] - kept["occurred_at"]).dt.total_seconds() / 3600).to_numpy(dtype=np.float64)
    minimum, median, p90, p99, maximum = np.quantile(hours, [0, 0.5, 0.9, 0.99, 1]).round(4).tolist()
    return KnowledgeLag(len(hours), minimum, median, p90, p99, maximum, int((hours < 0).sum()))
