"""Reading files: what is missing in a column changes nothing of what stands beside it, in a file of any kind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import SourceError
from features.ingest.sources import SourceFile, read_source

KINDS = [".csv", ".xlsx", ".parquet"]


def written(folder: Path, kind: str, frame: pd.DataFrame) -> SourceFile:
    path = folder / f"trips{kind}"
    if kind == ".csv":
        frame.to_csv(path, index=False)
    elif kind == ".xlsx":
        frame.to_excel(path, index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None), path)
    return SourceFile(path.name)


@pytest.mark.parametrize("kind", KINDS)
class TestMissing:
    def test_whole_numbers_stay_whole(self, tmp_path: Path, kind: str) -> None:
        frame = pd.DataFrame({"order": pd.array([1001, None, 7], "Int64"), "stop": [1, 2, 3]})
        found = read_source(tmp_path, written(tmp_path, kind, frame))
        assert found["order"].astype("string").fillna("-").tolist() == ["1001", "-", "7"]
        assert found["stop"].tolist() == [1, 2, 3]

    def test_numbers_and_flags_stay_what_they_are(self, tmp_path: Path, kind: str) -> None:
        flags = pd.array([True, None, False], "boolean")
        frame = pd.DataFrame({"weight": [5.5, None, 7.25], "direct": flags, "row": [1, 2, 3]})
        found = read_source(tmp_path, written(tmp_path, kind, frame))
        assert found["weight"].dtype == "float64"
        assert found["weight"].tolist()[::2] == [5.5, 7.25]
        assert found["direct"].tolist()[::2] == [True, False]
        assert found.isna().sum().to_dict() == {"weight": 1, "direct": 1, "row": 0}

    def test_the_empty_text_and_the_texts_that_are_named_are_missing(self, tmp_path: Path, kind: str) -> None:
        file = written(tmp_path, kind, pd.DataFrame({"code": ["a", "", "n/a"], "row": [1, 2, 3]}))
        named = SourceFile(file.file, missing=("n/a",))
        assert read_source(tmp_path, file)["code"].notna().tolist() == [True, False, True]
        assert read_source(tmp_path, named)["code"].notna().tolist() == [True, False, False]


class TestCsv:
    def test_numbers_with_a_point_keep_it(self, tmp_path: Path) -> None:
        (tmp_path / "trips.csv").write_text("code,row\n5.0,1\n,2\n6.0,3\n")
        found = read_source(tmp_path, SourceFile("trips.csv"))
        assert found["code"].astype("string").tolist()[::2] == ["5.0", "6.0"]

    def test_numbers_too_large_to_be_whole_ones_stay_texts(self, tmp_path: Path) -> None:
        (tmp_path / "trips.csv").write_text("code,row\n18446744073709551614,1\n,2\n7,3\n")
        found = read_source(tmp_path, SourceFile("trips.csv"))
        assert found["code"].notna().tolist() == [True, False, True]
        assert found["code"].tolist()[::2] == ["18446744073709551614", "7"]

    def test_one_text_far_below_makes_texts_of_all(self, tmp_path: Path) -> None:
        rest = "," * 99
        numbers = "\n".join(f"{number % 100:08d}{rest}" for number in range(10_000))
        names = ",".join(f"c{number}" for number in range(99))
        (tmp_path / "trips.csv").write_text(f"id,{names}\n{numbers}\nX1{rest}\n")
        assert read_source(tmp_path, SourceFile("trips.csv"))["id"].nunique() == 101

    @pytest.mark.parametrize("kind", [".csv", ".xlsx"])
    def test_two_columns_of_one_name_are_refused(self, tmp_path: Path, kind: str) -> None:
        file = written(tmp_path, kind, pd.DataFrame([[1, 2, 3, 4]], columns=["id", "code", "id", "id.1"]))
        with pytest.raises(SourceError, match="it has several columns of the name 'id'; give each a name of its own"):
            read_source(tmp_path, file)

    def test_columns_without_a_name_are_no_matter(self, tmp_path: Path) -> None:
        (tmp_path / "trips.csv").write_text("id,,\n1,,\n")
        assert read_source(tmp_path, SourceFile("trips.csv"))["id"].tolist() == [1]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_rows_that_a_torn_quote_would_swallow_are_not_lost(self, tmp_path: Path, end: str) -> None:
        rows = ["id,what", 'A,"12 inch pipe', "B,bolts", 'C,"3 inch pipe', "D,nuts", ""]
        (tmp_path / "trips.csv").write_bytes(end.join(rows).encode())
        with pytest.raises(SourceError, match=r"line [24]: a value in quotes goes over several lines, and its last"):
            read_source(tmp_path, SourceFile("trips.csv"))

    def test_a_text_of_several_lines_is_one_where_its_quotes_are_whole(self, tmp_path: Path) -> None:
        (tmp_path / "trips.csv").write_text('id,what\nA,"2 pallets\nof ""12 inch"" pipes"\nB,so "and" so\n')
        found = read_source(tmp_path, SourceFile("trips.csv"))
        assert found["what"].tolist()[0] == '2 pallets\nof "12 inch" pipes'

    def test_what_cannot_be_read_is_said_with_what_to_do(self, tmp_path: Path) -> None:
        for name, content, words in (
            ("trips.csv", "id\nMünster\n".encode("cp1252"), "say its `encoding` in the mapping"),
            ("trips.csv", b"", "it is empty; its first row should name the columns"),
            ("trips.xlsx", b"id,what\n", "it is no workbook .*; save it as .xlsx"),
        ):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(SourceError, match=words):
                read_source(tmp_path, SourceFile(name))
        for name in ("march.csv", "march.xlsx", "march.parquet"):
            with pytest.raises(SourceError, match="it is not there; mend `file` in the mapping"):
                read_source(tmp_path, SourceFile(name))


def test_text_that_parquet_holds_as_bytes_is_text(tmp_path: Path) -> None:
    codes = [b"D1", None, "Köln".encode(), b"K\xf6ln"]
    pq.write_table(
        pa.table({"code": codes, "fixed": pa.array(codes[:1] * 4, pa.binary(2))}), tmp_path / "trips.parquet"
    )
    found = read_source(tmp_path, SourceFile("trips.parquet", text=("fixed",)))
    assert found["code"].astype("string").fillna("-").tolist() == ["D1", "-", "Köln", "K\\xf6ln"]
    assert found["fixed"].tolist() == ["D1"] * 4
