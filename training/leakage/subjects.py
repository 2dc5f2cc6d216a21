"""What features are of: shipments, order lines and invoices, with the questions and with what builds the features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from features.ingest.checks import broken_links, broken_rows
from features.inventory.features import InventoryMatrix, build_inventory
from features.invoice import InvoiceMatrix, build_invoices
from features.settings import FeatureSettings
from features.tables import SCHEMAS, RecordTables
from training.leakage.clocks import Build
from training.leakage.questions import Group, groups_of, invoice_groups_of, line_groups_of

SHIPMENTS, LINES, INVOICES = "shipments", "order lines", "invoices"


def build_lines(tables: RecordTables, questions: pd.DataFrame, _: FeatureSettings) -> InventoryMatrix:
    """Build the features of order lines."""
    return build_inventory(tables, questions)


def build_bills(tables: RecordTables, questions: pd.DataFrame, _: FeatureSettings) -> InvoiceMatrix:
    """Build the features of invoices, each as it came in."""
    matrix = build_invoices(sound(tables))
    places = {bill.invoice.invoice_id: row for row, bill in enumerate(matrix.bills)}
    rows = [places[invoice_id] for invoice_id in questions["invoice_id"]]
    return InvoiceMatrix(matrix.values[rows], tuple(matrix.bills[row] for row in rows))


BUILDS: dict[str, Build] = {LINES: build_lines, INVOICES: build_bills}
"""What builds the features of all but shipments."""


def subjects_of(
    tables: RecordTables, settings: FeatureSettings, sample: int, rng: np.random.Generator
) -> Iterator[tuple[str, tuple[Group, ...]]]:
    """Yield what the data tell of, with about `sample` questions about it."""
    yield SHIPMENTS, groups_of(tables, settings, sample, rng)
    if len(tables.order_lines):
        yield LINES, line_groups_of(tables, sample, rng)
    if len(tables.freight_invoices):
        yield INVOICES, invoice_groups_of(tables, sample, rng)


def sound(tables: RecordTables) -> RecordTables:
    """Return the rows that make valid records: a world that was disturbed may hold others, all of them told late."""
    frames = {}
    for table in SCHEMAS:
        frame: pd.DataFrame = getattr(tables, table)
        broken = np.zeros(len(frame), dtype=bool)
        for found, _ in broken_rows(table, frame):
            broken |= found
        frames[table] = frame[~broken]
    again = True
    while again:  # a shipment without stops goes, then what was a part of it
        again = False
        for table, found, _ in broken_links(frames):
            again |= bool(found.any())
            frames[table] = frames[table][~found]
    return replace(tables, **frames)
