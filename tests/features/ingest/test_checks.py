"""The checks of whole columns against the records themselves: what passes makes a record, what breaks makes none."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from features.fields import Record
from features.ingest.checks import DEFAULTS, UNIQUE, broken_links, broken_rows
from features.tables import RECORDS, SHAPES, RecordTables, frame_of

WRONG: dict[str, list[Any]] = {
    "string": ["?", "x" * 201, "Mars/Olympus", "euro"],
    "int64": [-1, 0, 2 * 10**13],
    "double": [-0.5, 0.0, 1e-7, 2e13],
    "bool": [],
}


def row_of(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.model_dump().items() if not isinstance(value, tuple)}


def reasons(table: str, row: dict[str, Any]) -> list[str]:
    return [reason for broken, reason in broken_rows(table, frame_of(table, [row])) if broken.any()]


class TestBrokenRows:
    @pytest.mark.parametrize("table", list(RECORDS))
    def test_a_row_breaks_a_check_exactly_if_it_makes_no_record(self, filled: dict[str, Record], table: str) -> None:
        record = filled[table]
        assert reasons(table, row_of(record)) == []
        for shape in SHAPES[table]:
            changes = [*WRONG.get(str(shape.kind), []), None, shape.default, getattr(record, shape.name)]
            if str(shape.kind).startswith("timestamp"):
                changes += [record.occurred_at, record.known_at]
            for value in changes:
                told = value if value is not None else DEFAULTS[table].get(shape.name)  # as the importer fills it
                row = row_of(record) | {shape.name: told}
                given = {name: found for name, found in row.items() if found is not None}
                parts = {name: getattr(record, name) for name in record.model_fields_set if name not in row}
                try:
                    type(record).model_validate(given | parts)
                    valid = True
                except ValidationError:
                    valid = False
                assert (reasons(table, row) == []) == valid, (shape.name, value, reasons(table, row))

    def test_a_rate_that_holds_for_no_weight_is_told_what_to_mend(self, filled: dict[str, Record]) -> None:
        row = row_of(filled["carrier_rates"])
        found = "'weight_until_kg' is below 'weight_from_kg', so it holds for no weight: mend one of them"
        assert reasons("carrier_rates", row | {"weight_until_kg": 99.9}) == [found]
        assert reasons("carrier_rates", row | {"weight_until_kg": 100.0}) == []  # itself included: a tariff by weight

    def test_the_key_of_every_table_is_made_of_its_fields(self) -> None:
        assert set(UNIQUE) == set(SHAPES)
        for table, key in UNIQUE.items():
            assert set(key) <= {shape.name for shape in SHAPES[table]}

    def test_a_record_may_come_in_several_states(self, filled: dict[str, Record]) -> None:
        order = filled["orders"]
        later = order.model_copy(update={"known_at": order.known_at + pd.Timedelta(hours=1)})
        tables = RecordTables.from_records([order, later, order])
        found = [reason for broken, reason in broken_rows("orders", tables.orders) if broken.any()]
        assert found == ["another row has the same order_id, known_at"]


class TestBrokenLinks:
    def broken(self, tables: RecordTables) -> dict[str, str]:
        frames = {table: getattr(tables, table) for table in SHAPES}
        return {table: reason for table, broken, reason in broken_links(frames) if broken.any()}

    def test_what_belongs_together_passes(self, filled: dict[str, Record]) -> None:
        assert self.broken(RecordTables.from_records(filled.values())) == {}

    def test_a_part_without_its_record_is_found(self, filled: dict[str, Record]) -> None:
        tables = RecordTables.from_records(filled.values())
        heads = {"shipments", "packages", "orders", "freight_invoices", "tenders"}
        alone = RecordTables(
            **{table: frame_of(table, []) if table in heads else getattr(tables, table) for table in SHAPES}
        )
        assert self.broken(alone) == {
            "stops": "its shipment is not in the data",
            "references": "its subject is not in the data",
            "contents": "its package is not in the data",
            "order_lines": "its order is not in the data",
            "invoice_lines": "its invoice is not in the data",
        }

    def test_a_reference_belongs_to_its_own_subject(self, filled: dict[str, Record]) -> None:
        tables = RecordTables.from_records([filled["shipments"]])
        stray = tables.references.assign(subject="invoice")
        frames = {table: getattr(tables, table) for table in SHAPES} | {"references": stray}
        broken = {table: rows.sum() for table, rows, _ in broken_links(frames) if rows.any()}
        assert broken == {"references": 2}

    def test_an_event_or_an_invoice_may_come_without_its_shipment(self, filled: dict[str, Record]) -> None:
        assert self.broken(RecordTables.from_records([filled["events"], filled["freight_invoices"]])) == {}
