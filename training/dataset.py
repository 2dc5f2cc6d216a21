"""The table a model learns from: one row a labelled shipment and moment, features as known at its cutoff."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.build import Builder
from features.definitions import NAMES
from features.instants import micros_of
from features.labels import lateness_of
from features.legs import Legs
from features.moments import questions_about
from features.progress import Progress
from features.tables import NEEDED, SCHEMAS, RecordTables
from features.vocabulary import LineMoment, Moment
from training.config import ModelConfig
from training.errors import TooLittleDataError
from training.splits import AWAITED, Period, periods_of

MINIMUM_OF_EACH_OUTCOME = 20
_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled cases.

    Attributes
    ----------
    cases
        Columns shipment_id, moment, cutoff_at, late (bool), delay_hours, label_known_at, planned_at, lane, period and
        carrier (as planned at the cutoff); n rows. Of order lines: see `training.shortage.dataset`.
    values : float64 [n, number of features]
    fingerprint
        SHA-256 over the canonical tables.
    outcome
        Column of the label.
    """

    cases: pd.DataFrame
    values: NDArray[np.float64]
    fingerprint: str
    outcome: str = "late"

    def of(self, period: Period) -> NDArray[np.bool_]:
        """Return which cases are of a period: bool [n]."""
        return (self.cases["period"] == period.value).to_numpy()

    def only(self, period: Period) -> Dataset:
        """Return the cases of a period alone."""
        kept = self.of(period)
        return replace(self, cases=self.cases[kept].reset_index(drop=True), values=self.values[kept])

    def chosen(self, period: Period, moment: Moment | LineMoment) -> NDArray[np.bool_]:
        """Return which cases are of a period and moment: bool [n]."""
        return ((self.cases["period"] == period.value) & (self.cases["moment"] == moment.value)).to_numpy()

    def outcomes(self, moment: Moment) -> NDArray[np.bool_]:
        """Return which cases of a moment no tree has learnt from, whatever period they are of: bool [n]."""
        return ((self.cases["period"] != Period.FIT.value) & (self.cases["moment"] == moment.value)).to_numpy()

    def part(
        self, period: Period, moment: Moment | LineMoment
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], pd.DataFrame]:
        """Return features, labels and cases of one period and moment.

        Raises
        ------
        TooLittleDataError
            If it has fewer than `MINIMUM_OF_EACH_OUTCOME` cases of either outcome.
        """
        chosen = self.chosen(period, moment)
        label = self.cases.loc[chosen, self.outcome].to_numpy(dtype=bool)
        yes, n = int(label.sum()), len(label)
        if min(yes, n - yes) < MINIMUM_OF_EACH_OUTCOME:
            raise TooLittleDataError(period.value, moment.value, n, yes, MINIMUM_OF_EACH_OUTCOME, self.outcome)
        return self.values[chosen], label, self.cases[chosen]


def make_dataset(
    folder: Path,
    config: ModelConfig,
    progress: Progress | None = None,
    periods: tuple[Period, ...] = tuple(Period),
    *,
    awaited: bool = False,
) -> Dataset:
    """Read canonical tables and build features and labels for the moments and periods asked for; see `cases_of`."""
    tables = RecordTables.read(folder)
    cases = cases_of(tables, config, awaited=awaited)
    wanted = [*(period.value for period in periods), AWAITED]
    cases = cases[cases["period"].isin(wanted)].reset_index(drop=True)
    builder = Builder.of_tables(tables, config.features)
    shipments, cutoffs = builder.positions_of(cases["shipment_id"]), micros_of(cases["cutoff_at"])
    values = np.empty((len(cases), len(NAMES)))
    for start in range(0, len(cases), _CHUNK):
        chosen = slice(start, start + _CHUNK)
        values[chosen] = builder.values(shipments[chosen], cutoffs[chosen])
        if progress is not None:
            progress(min(start + _CHUNK, len(cases)), len(cases))
    return Dataset(cases, values, fingerprint_of(folder))


def cases_of(tables: RecordTables, config: ModelConfig, *, awaited: bool = False) -> pd.DataFrame:
    """Return the labelled cases of the tables with their period, in order of cutoff.

    Parameters
    ----------
    awaited
        Whether those are among them whose outcome came after the end of their period, as `splits.AWAITED`.
    """
    legs = Legs.of_tables(tables)
    cases = questions_about(legs)
    cases = cases[cases["moment"].isin([moment.value for moment in config.moments])]
    cases = cases.join(lateness_of(tables, config.features, cases))
    # A shipment stands on the side of its first plan, whatever became of that.
    stops = tables.stops.sort_values(["known_at", "sequence"], kind="stable").drop_duplicates("shipment_id")
    plans = tables.shipments.sort_values("known_at", kind="stable").drop_duplicates("shipment_id")
    cases["planned_at"] = cases["shipment_id"].map(stops.set_index("shipment_id")["planned_at"])
    if config.split.together is not None:
        common = cases["shipment_id"].map(plans.set_index("shipment_id")[config.split.together])
        first = cases.groupby(common.fillna(cases["shipment_id"]))["planned_at"].transform("min")
        cases["planned_at"] = first
    cases["lane"] = cases["shipment_id"].map(lanes_of(tables))
    shipments = pd.Index(legs.shipment_ids).get_indexer(pd.Index(cases["shipment_id"]))
    asked = legs.rows_at(shipments, micros_of(cases["cutoff_at"]))
    cases["carrier"] = legs.keys["carrier"][asked]
    cases["period"] = periods_of(cases["planned_at"], cases["label_known_at"], config.split)
    if awaited:
        before = cases["planned_at"] < pd.Timestamp(config.split.calibrate_until)
        cases.loc[cases["period"].isna() & before, "period"] = AWAITED
    cases = cases[cases["late"].notna() & cases["period"].notna()]
    cases["late"] = cases["late"].astype(bool)
    return cases.sort_values(["cutoff_at", "shipment_id", "moment"], kind="stable").reset_index(drop=True)


def lanes_of(tables: RecordTables) -> pd.Series:
    """Return the lane of each shipment as first planned, from the first stop to the last: text, by shipment_id."""
    legs = Legs.of_tables(tables)
    origin, destination = (legs.keys[end][legs.first_rows()] for end in ("origin", "destination"))
    named = [f"{start}-{end}" for start, end in zip(origin, destination, strict=True)]
    return pd.Series(named, index=pd.Index(legs.shipment_ids, name="shipment_id"))


def fingerprint_of(folder: Path) -> str:
    """Return the SHA-256 over the canonical tables of a folder; a table that is not there adds nothing."""
    digest = hashlib.sha256()
    for table in SCHEMAS:
        path = folder / f"{table}.parquet"
        if table in NEEDED or path.exists():
            digest.update(table.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
