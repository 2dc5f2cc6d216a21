"""Cells of a workbook without a value that can be read are no missing ones: their rows are rejected, and say why."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.styles import Font

from features.ingest.importer import Prepared, prepare
from features.ingest.mapping import load_mapping
from features.ingest.workbook import unread_cells

MAPPING = """\
name: pallets
version: 1
owner: data engineering
sources:
  pallets: {file: pallets.xlsx, sheet: Pallets, missing: ["#NULL!"]}
tables:
  - table: handling_units
    source: pallets
    fields:
      handling_unit_id: id
      kind: '"pallet"'
      weight_kg: WEIGHT
      occurred_at: '"2026-03-02T10:00Z"'
      known_at: '"2026-03-02T10:00Z"'
"""
ROWS = [
    ["id", "w", 2026],
    ["A", 1, 5],
    ["B", "=B2*2", 6],
    ["C", "#N/A", 7],
    ["D", None, 8],
    ["E", None, 9],
    ["F", "#NULL!", 1],
]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    made = Workbook()
    made.active.append(["another sheet"])
    sheet = made.create_sheet("Pallets")
    for row in ROWS:
        sheet.append(row)
    sheet.merge_cells("B2:B2")
    sheet.merge_cells("B4:B5")
    sheet.merge_cells("B6:C6")
    sheet["E9"].font = Font(bold=True)  # a cell that shows nothing
    sheet.merge_cells("E9:F9")
    made.save(tmp_path / "pallets.xlsx")
    return tmp_path / "pallets.xlsx"


def made(book: Path, weight: str) -> Prepared:
    (book.parent / "mapping.yaml").write_text(MAPPING.replace("WEIGHT", weight))
    return prepare(load_mapping(book.parent / "mapping.yaml"), book.parent)


class TestUnreadCells:
    def test_are_errors_formulas_never_reckoned_and_what_a_merged_cell_covers(self, book: Path) -> None:
        found = unread_cells(book, "Pallets")
        assert found == {(2, 1): "=B2*2", (3, 1): "#N/A", (4, 1): "merged with B4", (6, 1): "#NULL!"}
        assert unread_cells(book, None) == {}

    def test_a_cell_merged_with_all_of_the_sheet_takes_no_longer(self, tmp_path: Path) -> None:
        made = Workbook()
        made.active["A1"], made.active["A2"], made.active["B2"] = "id", "A", None
        made.save(tmp_path / "small.xlsx")
        with ZipFile(tmp_path / "small.xlsx") as small, ZipFile(tmp_path / "large.xlsx", "w") as large:
            for name in small.namelist():
                merged = b'</sheetData><mergeCells><mergeCell ref="A2:XFD1048576"/></mergeCells>'
                large.writestr(name, small.read(name).replace(b"</sheetData>", merged))
        assert unread_cells(tmp_path / "large.xlsx", None) == {}

    def test_their_rows_are_rejected_with_what_stands_there(self, book: Path) -> None:
        prepared = made(book, "number(w)")
        assert prepared.kept.handling_units["handling_unit_id"].tolist() == ["A", "E", "F"]
        told = {reject["row"]: str(reject["reason"]) for reject in prepared.rejects}
        assert told[2].startswith("'weight_kg' cannot be read: its cell in the workbook holds no value; mend it")
        assert [told[row].rpartition("; found ")[2] for row in (2, 3, 4)] == ["'=B2*2'", "'#N/A'", "'merged with B4'"]

    def test_a_mapping_may_do_without_and_what_it_does_not_ask_for_is_no_matter(self, book: Path) -> None:
        assert made(book, "if_readable(w)").rejects == []
        assert made(book, "None").rejects == []
        named = made(book, 'column("2026")')
        assert named.kept.handling_units["weight_kg"].fillna(0).tolist() == [5, 6, 7, 8, 0, 1]
