"""Importing: every row that is offered is written, left out or rejected with a reason; none is lost, none guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.errors import MappingError, OverwritingError, SourceError
from features.ingest.importer import ImportSummary, import_files
from features.ingest.mapping import load_mapping
from features.ingest.sources import SourceFile, read_source
from features.tables import RecordTables, shipments_of

MAPPING = """\
name: consignments
version: 1
owner: data engineering
sources:
  trips: {file: FILE, missing: ["NA"]}
tables:
  - table: shipments
    source: trips
    where: kind == "trip"
    fields:
      shipment_id: number
      carrier_id: carrier
      mode: mode
      weight_kg: weight
      pieces: pieces
      value_minor: value
      currency: currency
      ship_complete: complete
      occurred_at: booked
      known_at: booked
  - table: stops
    source: trips
    fields:
      shipment_id: number
      sequence: 0
      place: origin
      kind: '"pickup"'
      timezone: zone
      planned_at: parse_time(leaves, "Europe/Amsterdam")
  - table: stops
    source: trips
    fields:
      shipment_id: number
      sequence: 1
      place: destination
      kind: '"delivery"'
      timezone: '"UTC"'
  - table: events
    source: trips
    where: present(left)
    fields:
      event_id: text(number, "-left")
      shipment_id: number
      status: status
      occurred_at: left
      known_at: left
"""
ROW: dict[str, object] = {
    "kind": "trip",
    "number": "S1",
    "carrier": "RHEI",
    "mode": "road_ltl",
    "weight": "12.5",
    "pieces": "3",
    "value": "1000",
    "currency": "EUR",
    "complete": "true",
    "booked": "2026-03-01T12:00:00Z",
    "origin": "NLRTM",
    "destination": "DEHAM",
    "zone": "Europe/Amsterdam",
    "leaves": "2026-03-02 12:00",
    "left": "2026-03-02T12:10:00+01:00",
    "status": "departed",
}


def run(tmp_path: Path, *rows: Mapping[str, object], mapping: str = MAPPING, file: str = "trips.csv") -> ImportSummary:
    frame = pd.DataFrame(list(rows))
    if file.endswith(".csv"):
        frame.to_csv(tmp_path / file, index=False)
    elif file.endswith(".xlsx"):
        frame.to_excel(tmp_path / file, index=False, sheet_name="Trips 2026")
    else:
        frame.to_parquet(tmp_path / file)
    (tmp_path / "mapping.yaml").write_text(mapping.replace("FILE", file))
    return import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")


def rejects(tmp_path: Path) -> list[dict[str, object]]:
    return pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()


def check_nothing_is_lost(summary: ImportSummary, tmp_path: Path) -> None:
    tables = RecordTables.read(tmp_path / "out")
    for name, counted in summary.tables.items():
        assert counted.offered == counted.written + counted.left_out + counted.rejected
        assert counted.written == len(getattr(tables, name))
    assert sum(summary.rejects.values()) == len(rejects(tmp_path))


class TestImportFiles:
    def test_a_row_becomes_a_record(self, tmp_path: Path) -> None:
        summary = run(tmp_path, ROW)
        check_nothing_is_lost(summary, tmp_path)
        assert summary.rejects == {}
        (shipment,) = shipments_of(RecordTables.read(tmp_path / "out"))
        assert (shipment.weight_kg, shipment.pieces, shipment.value_minor, shipment.ship_complete) == (
            12.5,
            3,
            1000,
            True,
        )
        assert shipment.planned_departure_at is not None
        assert shipment.planned_departure_at.isoformat() == "2026-03-02T11:00:00+00:00"
        assert shipment.promised_at is None

    def test_csv_and_parquet_give_the_same_tables(self, tmp_path: Path) -> None:
        rows = [ROW, ROW | {"number": "S2", "weight": "NA", "left": None}]
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        run(tmp_path / "a", *rows)
        typed = [
            {**row, "weight": 12.5 if row["weight"] == "12.5" else None, "pieces": 3, "value": 1000} for row in rows
        ]
        run(tmp_path / "b", *typed, file="trips.parquet")
        for name in RecordTables.__slots__:
            one, other = (getattr(RecordTables.read(tmp_path / folder / "out"), name) for folder in "ab")
            pd.testing.assert_frame_equal(one, other)

    def test_excel_gives_the_same_tables_as_csv(self, tmp_path: Path) -> None:
        rows = [ROW, ROW | {"number": "S2", "weight": "NA", "left": None}]
        for folder in ("csv", "xlsx"):
            (tmp_path / folder).mkdir()
            run(tmp_path / folder, *rows, file=f"trips.{folder}")
        for name in RecordTables.__slots__:
            one, other = (getattr(RecordTables.read(tmp_path / folder / "out"), name) for folder in ("csv", "xlsx"))
            pd.testing.assert_frame_equal(one, other)

    def test_a_sheet_that_is_not_there_and_a_file_that_is_no_excel_are_named(self, tmp_path: Path) -> None:
        mapping = MAPPING.replace("file: FILE", "file: FILE, sheet: Trips 2025")
        with pytest.raises(SourceError, match=r"trips\.xlsx cannot be read: Worksheet named 'Trips 2025' not found"):
            run(tmp_path, ROW, mapping=mapping, file="trips.xlsx")
        run(tmp_path, ROW, mapping=mapping.replace("2025", "2026"), file="trips.xlsx")
        (tmp_path / "trips.xlsx").write_text("no workbook")
        with pytest.raises(SourceError, match=r"trips\.xlsx cannot be read"):
            import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")

    @pytest.mark.parametrize("file", ["trips.csv", "trips.xlsx", "trips.parquet"])
    def test_a_column_of_text_keeps_its_leading_zeros(self, tmp_path: Path, file: str) -> None:
        mapping = MAPPING.replace("file: FILE", "file: FILE, text: [number]")
        run(tmp_path, ROW | {"number": "0012"}, mapping=mapping, file=file)
        assert RecordTables.read(tmp_path / "out").shipments["shipment_id"].tolist() == ["0012"]

    def test_a_column_of_text_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"it has no column 'numero' to read as text\. Found: kind, number"):
            run(tmp_path, ROW, mapping=MAPPING.replace("file: FILE", "file: FILE, text: [numero]"))

    @pytest.mark.parametrize("kind", [".CSV", ".XLSX", ".Parquet"])
    def test_the_kind_of_a_file_may_be_written_large(self, tmp_path: Path, kind: str) -> None:
        frame = pd.DataFrame([ROW])
        writers = {".CSV": frame.to_csv, ".XLSX": frame.to_excel, ".Parquet": frame.to_parquet}
        writers[kind](tmp_path / f"trips{kind.lower()}", index=False)
        (tmp_path / f"trips{kind.lower()}").rename(tmp_path / f"trips{kind}")
        (tmp_path / "mapping.yaml").write_text(MAPPING.replace("FILE", f"trips{kind}"))
        summary = import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")
        assert summary.tables["shipments"].written == 1

    def test_a_csv_file_may_be_written_in_another_way(self, tmp_path: Path) -> None:
        mapping = MAPPING.replace("file: FILE", 'file: FILE, separator: ";", point: ",", encoding: latin-1')
        run(tmp_path, ROW)
        frame = pd.DataFrame([ROW | {"weight": 12.5, "origin": "Münster"}])
        frame.to_csv(tmp_path / "trips.csv", sep=";", decimal=",", encoding="latin-1", index=False)
        (tmp_path / "mapping.yaml").write_text(mapping.replace("FILE", "trips.csv"))
        import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")
        (shipment,) = shipments_of(RecordTables.read(tmp_path / "out"))
        assert (shipment.weight_kg, shipment.origin) == (12.5, "Münster")

    @pytest.mark.parametrize("rest", ["7", "7,8"])
    @pytest.mark.parametrize("numbers", [("S1", "S2"), ("0", "1"), ("17", "19")])
    def test_rows_with_more_values_than_columns_are_refused_and_not_moved(
        self, tmp_path: Path, rest: str, numbers: tuple[str, str]
    ) -> None:
        one, other = numbers
        (tmp_path / "trips.csv").write_text(f"number,weight\n{one},12.5,{rest}\n{other},7,{rest}\n")
        with pytest.raises(SourceError, match=r"its rows have more values than its first row names columns"):
            read_source(tmp_path, SourceFile("trips.csv"))

    def test_nothing_is_lost_where_only_separators_stand_behind_the_last_column(self, tmp_path: Path) -> None:
        (tmp_path / "trips.csv").write_text("number,weight\n17,12.5,\n19,7,\n")
        found = read_source(tmp_path, SourceFile("trips.csv"))
        assert found.to_dict("list") == {"number": [17, 19], "weight": [12.5, 7.0]}

    def test_columns_side_by_side_become_rows(self, tmp_path: Path) -> None:
        mapping = (
            "name: wide\nversion: 1\nowner: us\nsources:\n  wide: {file: FILE}\n"
            "stack:\n  stages:\n    of: wide\n    keep: [id]\n    over: {stage: [a, b]}\n"
            '    columns: {at: "{}_at", place: "{}_place"}\n'
            "derive:\n  wide:\n    id: text('S', number)\n  stages:\n    key: text(id, '-', stage)\n"
            "tables:\n  - table: events\n    source: stages\n    where: present(at)\n    fields:\n"
            "      event_id: key\n      shipment_id: id\n      status: '\"departed\"'\n      place: place\n"
            "      occurred_at: at\n      known_at: at\n"
        )
        noon, one = "2026-03-02T12:00Z", "2026-03-02T13:00Z"
        rows = (
            {"number": 1, "a_at": noon, "a_place": "X", "b_at": one, "b_place": "Y"},
            {"number": 2, "a_at": one, "a_place": "Z", "b_at": None, "b_place": None},
        )
        summary = run(tmp_path, *rows, mapping=mapping)
        check_nothing_is_lost(summary, tmp_path)
        events = RecordTables.read(tmp_path / "out").events
        assert events[["event_id", "place"]].to_numpy().tolist() == [["S1-a", "X"], ["S1-b", "Y"], ["S2-a", "Z"]]
        with pytest.raises(MappingError, match=r"stack\.stages: source 'wide' has no column 'c_at'\. Did you mean"):
            run(tmp_path, *rows, mapping=mapping.replace("[a, b]", "[a, c]"))
        with pytest.raises(MappingError, match="stack 'stages' is made after the sources"):
            run(tmp_path, *rows, mapping=mapping.replace("text('S', number)", "lookup('stages', number, 'id', 'at')"))

    def test_the_same_import_twice_gives_the_same_bytes(self, tmp_path: Path) -> None:
        run(tmp_path, ROW, ROW)
        first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
        run(tmp_path, ROW, ROW)
        assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first

    @pytest.mark.parametrize("name", ["shipments", "orders", "rejects"])
    def test_no_table_takes_the_place_of_a_source(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "mapping.yaml").write_text(MAPPING.replace("FILE", f"{name}.parquet"))
        pd.DataFrame([ROW]).to_parquet(tmp_path / f"{name}.parquet")
        sent = (tmp_path / f"{name}.parquet").read_bytes()
        with pytest.raises(OverwritingError, match="it would take the place of what was sent"):
            import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "x" / "..")
        assert (tmp_path / f"{name}.parquet").read_bytes() == sent

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"carrier": ""}, "shipments: 'carrier_id' is missing"),
            ({"mode": "mule"}, "shipments: 'mode' is none of air, road_ftl"),
            ({"weight": "heavy"}, "shipments: 'weight_kg' is no finite number"),
            ({"weight": "inf"}, "shipments: 'weight_kg' is no finite number"),
            ({"weight": "-1"}, "shipments: 'weight_kg' is below 0"),
            ({"pieces": "2.5"}, "shipments: 'pieces' is no whole number"),
            ({"pieces": "0"}, "shipments: 'pieces' is below 1"),
            ({"currency": ""}, "shipments: 'value_minor' has no currency"),
            ({"complete": "perhaps"}, "shipments: 'ship_complete' is neither true nor false"),
            ({"booked": "2026-03-01T12:00:00"}, "shipments: 'occurred_at' is no time with a zone; write parse_time("),
            ({"booked": "yesterday"}, "shipments: 'occurred_at' is no time with a zone"),
            ({"zone": "Mars/Olympus"}, "stops: 'timezone' is no IANA time zone"),
            ({"zone": " "}, "stops: 'timezone' is missing"),
            ({"status": "vanished"}, "events: 'status' is none of"),
            ({"left": "2026-03-02 12:10"}, "events: 'occurred_at' is no time with a zone"),
        ],
    )
    def test_a_bad_row_is_kept_with_its_number_and_reason(
        self, tmp_path: Path, change: dict[str, object], reason: str
    ) -> None:
        summary = run(tmp_path, ROW, ROW | {"number": "S2"} | change)
        check_nothing_is_lost(summary, tmp_path)
        table, _, why = reason.partition(": ")
        found = [reject for reject in rejects(tmp_path) if reject["table"] == table]
        assert {reject["row"] for reject in found} == {2}
        assert str(found[0]["reason"]).startswith(why)
        kept = json.loads(str(found[0]["content"]))
        assert kept["number"] == "S2"
        assert [shipment.shipment_id for shipment in shipments_of(RecordTables.read(tmp_path / "out"))] == ["S1"] or (
            table == "events"
        )

    def test_a_row_that_repeats_another_is_rejected_and_the_first_is_kept(self, tmp_path: Path) -> None:
        summary = run(tmp_path, ROW, ROW | {"carrier": "VELO"})
        check_nothing_is_lost(summary, tmp_path)
        (shipment,) = shipments_of(RecordTables.read(tmp_path / "out"))
        assert shipment.carrier_id == "RHEI"
        assert summary.rejects["shipments: another row has the same shipment_id, known_at"] == 1

    def test_what_hangs_on_a_rejected_row_goes_with_it(self, tmp_path: Path) -> None:
        summary = run(tmp_path, ROW, ROW | {"number": "S2", "origin": ""})
        check_nothing_is_lost(summary, tmp_path)
        assert summary.rejects == {
            "stops: 'place' is missing": 1,
            "shipments: the shipment has fewer than two stops": 1,
            "stops: its shipment is not in the data": 1,
        }

    def test_what_the_mapping_leaves_out_is_counted(self, tmp_path: Path) -> None:
        summary = run(tmp_path, ROW, ROW | {"number": "S2", "kind": "test"})
        check_nothing_is_lost(summary, tmp_path)
        assert (summary.tables["shipments"].left_out, summary.tables["shipments"].written) == (1, 1)
        assert summary.rows_read == {"trips": 2}

    def test_a_header_with_a_byte_order_mark_is_read(self, tmp_path: Path) -> None:
        run(tmp_path, ROW)
        path = tmp_path / "trips.csv"
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        summary = import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")
        assert summary.tables["shipments"].written == 1

    def test_says_how_far_it_is(self, tmp_path: Path) -> None:
        run(tmp_path, ROW)
        steps: list[tuple[str, int, int]] = []
        mapping = load_mapping(tmp_path / "mapping.yaml")
        import_files(mapping, tmp_path, tmp_path / "out", lambda *step: steps.append(step))
        assert steps[0] == ("reading trips.csv", 0, 6)
        assert steps[-1] == ("done", 6, 6)
        assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "mapping.yaml").write_text(MAPPING.replace("FILE", "trips.csv"))
        with pytest.raises(SourceError, match=r"trips\.csv cannot be read"):
            import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")

    def test_a_column_that_is_not_there_is_named_with_what_was_found(self, tmp_path: Path) -> None:
        with pytest.raises(MappingError, match=r"source 'trips' has no column 'carrier'\. Did you mean 'carriers'\?"):
            run(tmp_path, {("carriers" if name == "carrier" else name): value for name, value in ROW.items()})

    def test_a_lookup_of_a_column_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        mapping = MAPPING.replace("carrier_id: carrier", "carrier_id: lookup('trips', number, 'numbr', 'carrier')")
        with pytest.raises(MappingError, match="has no column 'numbr'"):
            run(tmp_path, ROW, mapping=mapping)

    def test_an_expression_that_fails_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(MappingError, match=r"shipments\.weight_kg: 'carrier - 1' cannot be evaluated"):
            run(tmp_path, ROW, mapping=MAPPING.replace("weight_kg: weight", "weight_kg: carrier - 1"))

    def test_all_that_is_wrong_with_expressions_is_told_at_once_with_its_line(self, tmp_path: Path) -> None:
        mapping = MAPPING.replace("carrier_id: carrier", "carrier_id: carier").replace(
            "pieces: pieces", "pieces: a + b"
        )
        mapping = mapping.replace("weight_kg: weight", "weight_kg: carrier - 1")
        with pytest.raises(MappingError) as refused:
            run(tmp_path, ROW, mapping=mapping)
        lines = {text: number for number, text in enumerate(mapping.splitlines(), 1)}
        expected = [
            f"line {lines['      carrier_id: carier']}: shipments.carrier_id: source 'trips' has no column 'carier'",
            f"line {lines['      weight_kg: carrier - 1']}: shipments.weight_kg: 'carrier - 1' cannot be evaluated",
            f"line {lines['      pieces: a + b']}: shipments.pieces: source 'trips' has no column 'a'",
            f"line {lines['      pieces: a + b']}: shipments.pieces: source 'trips' has no column 'b'",
        ]
        assert len(refused.value.problems) == len(expected)
        assert all(found.startswith(text) for found, text in zip(refused.value.problems, expected, strict=True))

    def test_a_derived_column_that_fails_is_told_once_and_not_what_follows_from_it(self, tmp_path: Path) -> None:
        derive = "derive:\n  trips:\n    one: carier\n    two: text(one, 'x')\n    three: b\n"
        mapping = MAPPING[: MAPPING.index("tables:")] + derive + MAPPING[MAPPING.index("tables:") :]
        with pytest.raises(MappingError) as refused:
            run(tmp_path, ROW, mapping=mapping)
        assert [problem.split("'")[3] for problem in refused.value.problems] == ["carier", "b"]

    @pytest.mark.parametrize("where", ["carrier", "pieces", "value"])
    def test_a_condition_that_is_neither_true_nor_false_is_named(self, tmp_path: Path, where: str) -> None:
        mapping = MAPPING.replace("where: present(left)", f"where: {where}")
        line = mapping.splitlines().index(f"    where: {where}") + 1
        with pytest.raises(
            MappingError, match=f"line {line}: events.where: '{where}' cannot be evaluated: a condition is"
        ):
            run(tmp_path, ROW, mapping=mapping)

    def test_a_row_whose_condition_cannot_be_judged_is_left_out(self, tmp_path: Path) -> None:
        mapping = MAPPING.replace("where: present(left)", "where: number(pieces) > 2")
        summary = run(tmp_path, ROW, ROW | {"number": "S2", "pieces": ""}, mapping=mapping)
        assert (summary.tables["events"].written, summary.tables["events"].left_out) == (1, 1)

    def test_a_source_without_rows_gives_empty_tables(self, tmp_path: Path) -> None:
        run(tmp_path, ROW)
        header = (tmp_path / "trips.csv").read_text().splitlines()[0]
        (tmp_path / "trips.csv").write_text(header + "\n")
        summary = import_files(load_mapping(tmp_path / "mapping.yaml"), tmp_path, tmp_path / "out")
        check_nothing_is_lost(summary, tmp_path)
        assert summary.tables["shipments"].offered == 0
