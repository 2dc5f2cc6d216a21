"""How well rules name what is wrong: recall and precision by class, beside a rule of thumb."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.invoice import INVOICE_NAMES
from features.invoice_vocabulary import Discrepancy
from models.audit.findings import OPEN_QUESTIONS
from training.invoices.dataset import InvoiceDataset, is_beyond

Pair = tuple[int, str]
"""Row of an invoice and the class of an error."""

_THUMB = (
    ("line_haul_over_minor", Discrepancy.RATE_MISMATCH),
    ("fuel_over_minor", Discrepancy.FUEL_INDEX_WEEK),
    ("accessorial_over_minor", Discrepancy.ACCESSORIAL_NOT_EVIDENCED),
    ("tax_over_minor", Discrepancy.TAX),
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is wrong in the rows that are judged.

    Attributes
    ----------
    provable
        Errors that the records show, beyond the tolerance.
    any
        All of them: naming one that the records do not show is no false alarm.
    tolerated
        How many that the records show are within the tolerance.
    """

    provable: frozenset[Pair]
    any: frozenset[Pair]
    tolerated: int


def truth_of(dataset: InvoiceDataset, rows: NDArray[np.bool_]) -> Truth:
    """Return what is wrong in some rows."""
    row_of = {bill.invoice.invoice_id: row for row, bill in enumerate(dataset.matrix.bills)}
    settings = dataset.settings
    provable, every, tolerated = set(), set(), 0
    columns = (dataset.truth[name].tolist() for name in ("invoice_id", "error", "overcharge_minor", "is_shown"))
    for invoice_id, error, overcharge, is_shown in zip(*columns, strict=True):
        row = row_of.get(invoice_id)
        if row is None or not rows[row]:
            continue
        pair = (row, str(error))
        every.add(pair)
        if is_shown and (error in OPEN_QUESTIONS or is_beyond(overcharge, dataset.matrix.bills[row], settings)):
            provable.add(pair)
        tolerated += bool(is_shown) and pair not in provable
    return Truth(frozenset(provable), frozenset(every), tolerated)


def found_by_rules(dataset: InvoiceDataset, rows: NDArray[np.bool_]) -> frozenset[Pair]:
    """Return what the rules find in some rows."""
    return frozenset(
        (row, finding.label.value)
        for row, audit in enumerate(dataset.audits)
        if rows[row]
        for finding in audit.findings
    )


def claims(found: frozenset[Pair]) -> frozenset[Pair]:
    """Return the findings that ask the carrier for something: all but undercharges."""
    return frozenset(pair for pair in found if pair[1] != Discrepancy.UNDERCHARGE)


def found_by_thumb(dataset: InvoiceDataset, rows: NDArray[np.bool_]) -> frozenset[Pair]:
    """Return what a rule of thumb finds: the class that goes with the component that is too high by most.

    A bill for a shipment and amount that were billed before is a repeat; one whose total alone is off is a wrong rate.
    """
    values = dataset.matrix.values

    def of(name: str) -> NDArray[np.float64]:
        return np.nan_to_num(values[:, INVOICE_NAMES.index(name)])

    parts = np.stack([of(name) for name, _ in _THUMB], axis=1)
    again, total = of("same_shipment_amount_before") > 0, of("total_over_minor")
    least = dataset.settings.over.amount_minor
    found: set[Pair] = set()
    for row in np.flatnonzero(rows).tolist():
        if again[row]:
            found.add((row, Discrepancy.DUPLICATE_INVOICE.value))
        elif parts[row].max() > least:
            found.add((row, _THUMB[int(parts[row].argmax())][1].value))
        elif total[row] > least:
            found.add((row, Discrepancy.TOTAL_NOT_SUM.value))
    return frozenset(found)


def judged(truth: Truth, found: frozenset[Pair], days: NDArray[np.int64], rng: np.random.Generator) -> dict[str, Any]:
    """Return recall and precision over all classes, with 95 % intervals under resampling of whole days."""
    hits = truth.provable & found
    false = found - truth.any
    recall = _share(hits, truth.provable, days, rng)
    precision = _share(found - false, found, days, rng)
    return {
        "recall": recall[0],
        "recall_interval_95": recall[1],
        "precision": precision[0],
        "precision_interval_95": precision[1],
        "errors": len(truth.provable),
        "findings": len(found),
        "false_alarms": len(false),
    }


def by_class(truth: Truth, found: frozenset[Pair]) -> dict[str, dict[str, float | int | None]]:
    """Return recall and precision of each class that occurs."""
    classes: dict[str, dict[str, int]] = defaultdict(
        lambda: {"errors": 0, "found": 0, "findings": 0, "false_alarms": 0}
    )
    for row, label in truth.provable:
        classes[label]["errors"] += 1
        classes[label]["found"] += (row, label) in found
    for row, label in found:
        classes[label]["findings"] += 1
        classes[label]["false_alarms"] += (row, label) not in truth.any
    return {label: _with_shares(counts) for label, counts in sorted(classes.items())}


def _with_shares(counts: Mapping[str, int]) -> dict[str, float | int | None]:
    errors, findings = counts["errors"], counts["findings"]
    return {
        **counts,
        "recall": counts["found"] / errors if errors else None,
        "precision": 1 - counts["false_alarms"] / findings if findings else None,
    }


def _share(
    part: frozenset[Pair],
    whole: frozenset[Pair],
    days: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = 500,
) -> tuple[float | None, list[float] | None]:
    """Return a share and its interval; None where there is nothing to judge."""
    if not whole:
        return None, None
    low, high = np.percentile(_resampled(list(part), list(whole), days, rng, resamples), [2.5, 97.5])
    return len(part) / len(whole), [float(low), float(high)]


def _resampled(
    part: Sequence[Pair], whole: Sequence[Pair], days: NDArray[np.int64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    _, day_of = np.unique(days, return_inverse=True)
    n = int(day_of.max()) + 1
    inside, all_ = (np.bincount([day_of[row] for row, _ in pairs], minlength=n) for pairs in (part, whole))
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    base = drawn @ all_
    return np.asarray((drawn @ inside)[base > 0] / base[base > 0], dtype=np.float64)
