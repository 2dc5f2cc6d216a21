"""Invoices with what rules find on them and what is known of their errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.billing import Bill
from features.contracts import Contracts
from features.invoice import InvoiceMatrix, build_invoices
from features.progress import Progress
from features.tables import RecordTables
from models.audit.facts import Facts, facts_of
from models.audit.findings import Audit, AuditSettings
from models.audit.rules import audit_bills
from training.dataset import fingerprint_of
from training.errors import TruthError
from training.invoices.config import InvoicesConfig
from training.splits import Period

TRUTH_FILE = "invoice_truth.parquet"
_NEEDED = ("invoice_id", "error", "overcharge_minor")

Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class InvoiceDataset:
    """n invoices, in the order of their table.

    Attributes
    ----------
    truth
        One row for each wrong invoice and class, with `kind`, `is_shown` and `is_novel`.
    period : text [n]
        Period of each by its arrival; empty after the test period.
    is_labelled : bool [n]
        Whether its review was known by the end of its period.
    over_minor : int64 [n]
        What it asks too much in truth, negative for too little.
    asks_too_much : bool [n]
        Whether that is beyond the tolerance.
    days : int64 [n]
        Day of its arrival.
    """

    matrix: InvoiceMatrix
    facts: Facts
    audits: list[Audit]
    truth: pd.DataFrame
    period: NDArray[np.str_]
    is_labelled: Flags
    over_minor: Ints
    asks_too_much: Flags
    days: Ints
    settings: AuditSettings
    fingerprint: str

    def rows(self, period: Period) -> Flags:
        """Tell which invoices are of a period."""
        return np.asarray(self.period == period.value)


def make_invoice_dataset(folder: Path, config: InvoicesConfig, progress: Progress | None = None) -> InvoiceDataset:
    """Read canonical tables and the truth beside them, build the features and let the rules audit every invoice."""
    truth = read_truth(folder)
    tables = RecordTables.read(folder)
    matrix = build_invoices(tables, progress)
    settings = config.audit.settings()
    audits = audit_bills(matrix.bills, Contracts.of_tables(tables), settings)
    arrived = pd.Series(pd.to_datetime([bill.cutoff for bill in matrix.bills], utc=True))
    period, ends = _periods(arrived, config)
    over = truth.groupby("invoice_id")["overcharge_minor"].sum()
    of_bill = over.reindex([bill.invoice.invoice_id for bill in matrix.bills]).fillna(0).to_numpy(dtype=np.int64)
    return InvoiceDataset(
        matrix=matrix,
        facts=facts_of(matrix.bills),
        audits=audits,
        truth=truth,
        period=period,
        is_labelled=(arrived + timedelta(days=config.label_after_days) < ends).to_numpy(dtype=bool),
        over_minor=of_bill,
        asks_too_much=np.array(
            [is_beyond(int(amount), bill, settings) for amount, bill in zip(of_bill, matrix.bills, strict=True)]
        )
        & (of_bill > 0),
        days=arrived.dt.tz_localize(None).to_numpy().astype("datetime64[D]").astype(np.int64),
        settings=settings,
        fingerprint=fingerprint_of(folder),
    )


def is_beyond(difference_minor: int, bill: Bill, settings: AuditSettings) -> bool:
    """Tell whether a difference on a bill is beyond the tolerance of its side."""
    owed = bill.expected.total_minor
    tolerance = settings.over if difference_minor > 0 else settings.under
    return not tolerance.allows(difference_minor, bill.total_minor if owed is None else owed)


def read_truth(folder: Path) -> pd.DataFrame:
    """Read what is known of wrong invoices.

    Raises
    ------
    TruthError
        If it is not there, or lacks a column.
    """
    path = folder / TRUTH_FILE
    try:
        truth: pd.DataFrame = pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowInvalid) as error:
        raise TruthError(path, str(error)) from error
    missing = [name for name in _NEEDED if name not in truth]
    if missing:
        raise TruthError(path, f"it lacks {', '.join(missing)}")
    for name, usual in (("kind", truth["error"]), ("is_shown", True), ("is_novel", False)):
        if name not in truth:
            truth[name] = usual
    return truth


def _periods(arrived: pd.Series, config: InvoicesConfig) -> tuple[NDArray[np.str_], pd.Series]:
    """Return the period of each invoice, and when that ends."""
    split = config.split
    far = pd.Timestamp.max.tz_localize("UTC")
    until = (split.fit_until, split.calibrate_until, split.test_until)
    ends = [far if end is None else pd.Timestamp(end).tz_convert("UTC") for end in until]
    place = np.sum([(arrived >= end).to_numpy() for end in ends], axis=0)
    names = np.array([*(period.value for period in Period), ""])
    return names[place], pd.Series(pd.DatetimeIndex([*ends, far])[place])
