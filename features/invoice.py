"""Invoice features at the moment of decision, which is when the invoice came in.

Four families: the bill beside what is owed (`features.billing`), beside the invoices before it that it may repeat
(`features.duplicates`), beside others without any contract (`features.likeness`), and, declared here, the carrier's
billing habits as they were known by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import billing, duplicates, likeness
from features.billing import Bill
from features.bills import bills_of
from features.contracts import Contracts
from features.declaration import Feature
from features.duplicates import Ledger
from features.history import WINDOWS
from features.instants import micros
from features.invoice_records import FreightInvoice
from features.progress import Progress
from features.tables import RecordTables
from features.timeline import Ints, Timeline

OVER_AFTER_MINOR = 100
"""A past bill counts as too high when it is more than this above what is owed: less is rounding."""
HABIT_WINDOWS = ("28d", "90d")
Habit = tuple[int, int, int, int]
"""Whether a bill was too high (0 or 1), by how much, whether that is known, and what it came to."""
_STREAMS = {"carrier": "of this carrier", "carrier_lane": "of this carrier on this lane"}
_KINDS = (
    ("invoices", "invoices", "invoices {}"),
    ("over_share", "share", "share billed too high of the invoices {} that could be re-rated"),
    ("over_mean_minor", "minor units", "mean of what was too much in the invoices {} that were too high"),
    ("in_doubt_share", "share", "share of the invoices {} that could not be re-rated"),
    ("spend_minor", "minor units", "sum of the invoices {}"),
)
HABITS = tuple(
    Feature(
        f"{stream}_{kind}_{window}",
        unit,
        f"{words.format(whose)} in the last {window.replace('d', ' days')}",
        "freight_invoices, invoice_lines, contracts, shipments, events",
        "freight audit",
        window,
    )
    for stream, whose in _STREAMS.items()
    for window in HABIT_WINDOWS
    for kind, unit, words in _KINDS
)
"""Past invoices are judged as they were when they came in; one that came in the same instant is not past."""

INVOICE_FEATURES = billing.FEATURES + duplicates.FEATURES + HABITS + likeness.FEATURES
INVOICE_NAMES = tuple(feature.name for feature in INVOICE_FEATURES)


@dataclass(frozen=True, slots=True)
class InvoiceMatrix:
    """Features of n invoices, in the order of their table.

    Attributes
    ----------
    values
        float64 [n, len(INVOICE_FEATURES)], NaN where something is not known.
    bills
        The invoices with what was known of each, and with what is owed, clause by clause.
    """

    values: NDArray[np.float64]
    bills: tuple[Bill, ...]
    names: tuple[str, ...] = INVOICE_NAMES


def build_invoices(tables: RecordTables, progress: Progress | None = None) -> InvoiceMatrix:
    """Build the features of each invoice, from what was known when it came in and from nothing else."""
    contracts = Contracts.of_tables(tables)
    bills = tuple(bills_of(tables, contracts, progress=progress))
    own = np.array([billing.values(bill, contracts) for bill in bills]).reshape(len(bills), len(billing.FEATURES))
    return InvoiceMatrix(np.concatenate([own, _repeats(bills), _habits(bills), likeness.values(bills)], axis=1), bills)


def _repeats(bills: Sequence[Bill]) -> NDArray[np.float64]:
    ledger = Ledger()
    for bill in bills:
        ledger.take(bill.invoice)
    return np.array([ledger.values(bill.invoice) for bill in bills]).reshape(len(bills), len(duplicates.FEATURES))


def _habits(bills: Sequence[Bill]) -> NDArray[np.float64]:
    """Return count, share and mean too high, share in doubt and spend, by stream and window."""
    arrived: Ints = np.array([micros(bill.cutoff) for bill in bills], dtype=np.int64)
    facts: Ints = np.array([habit_facts(bill) for bill in bills], dtype=np.int64).reshape(len(bills), 4)
    windows = [WINDOWS[window] for window in HABIT_WINDOWS]
    columns = []
    for lane in (False, True):
        # Amounts of two currencies do not add up: the currency is a part of every key.
        keys = pd.factorize(pd.Series([habit_key(bill.invoice, lane=lane) for bill in bills], dtype=object))[0]
        # Known an instant after the arrival: an invoice is judged once it is there, so it is no past of itself.
        timeline = Timeline(keys, arrived, arrived + 1, windows, tuple(facts.T))
        answers = timeline.at(keys, arrived).astype(np.float64)
        count, over, too_much, rated, spend = (answers[:, :, place] for place in range(5))
        for window in range(len(windows)):
            columns += [
                count[:, window],
                _share(over, rated)[:, window],
                _share(too_much, over)[:, window],
                _share(count - rated, count)[:, window],
                spend[:, window],
            ]
    return np.stack(columns, axis=1)


def habit_facts(bill: Bill) -> Habit:
    """Return whether a bill is too high (0 or 1), by how much, whether that is known, and what it comes to."""
    over = bill.over_minor
    too_high = over is not None and over > OVER_AFTER_MINOR
    return int(too_high), over if too_high and over is not None else 0, int(over is not None), bill.total_minor


def habit_key(invoice: FreightInvoice, *, lane: bool) -> str:
    """Return whose habits an invoice shows: its carrier's, or its carrier's on its lane, in one currency."""
    parts: list[object] = [invoice.carrier_id, invoice.currency]
    if lane:
        parts += [invoice.origin, invoice.destination]
    return "\x1f".join(map(str, parts))


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
