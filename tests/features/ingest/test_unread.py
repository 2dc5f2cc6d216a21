"""What a function cannot read: its row is rejected with what was found, unless the mapping does without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import MappingError
from features.ingest.functions import functions
from features.ingest.importer import Prepared, prepare
from features.ingest.mapping import load_mapping
from features.ingest.unread import READERS

MAPPING = """\
name: pallets
version: 1
owner: data engineering
sources:
  pallets: {file: pallets.csv, POINT}
DERIVE
tables:
  - table: handling_units
    source: SOURCE
    where: WHERE
    fields:
      handling_unit_id: id
      kind: '"pallet"'
      weight_kg: WEIGHT
      occurred_at: AT
      known_at: AT
"""
CSV = "id,w,unit,on,group\nA,12 kg,kg,2026-03-02,1\nB,5,kg,2026-03-02,1\nC,,kg,2026-03-02,2\nD,7,stone,2.3.2026,2\n"


def made(
    folder: Path,
    weight: str,
    at: str = '"2026-03-02T10:00Z"',
    *,
    where: str = "True",
    derive: str = "",
    source: str = "pallets",
    csv: str = CSV,
    point: str = 'point: "."',
) -> Prepared:
    (folder / "pallets.csv").write_text(csv)
    text = MAPPING.replace("WEIGHT", weight).replace("AT", f"'{at}'").replace("WHERE", where).replace("DERIVE", derive)
    (folder / "pallets.yaml").write_text(text.replace("SOURCE", source).replace("POINT", point))
    return prepare(load_mapping(folder / "pallets.yaml"), folder)


def weights(prepared: Prepared) -> dict[str, float]:
    kept = prepared.kept.handling_units
    return dict(zip(kept["handling_unit_id"], kept["weight_kg"].fillna(-1), strict=True))


def rejected(prepared: Prepared) -> list[object]:
    return [reject["row"] for reject in prepared.rejects]


class TestUnread:
    @pytest.mark.parametrize(
        "weight",
        ["number(w)", "2 * number(w) + 1", "pounds_to_kg(w)", "rounded(w)", "convert(w, 'kg', 'kg')", "--number(w)"],
    )
    def test_its_row_is_rejected_and_those_with_nothing_in_it_are_not(self, tmp_path: Path, weight: str) -> None:
        prepared = made(tmp_path, f'"{weight}"')
        assert rejected(prepared) == [1]
        assert list(weights(prepared)) == ["B", "C", "D"]
        assert weights(prepared)["C"] == -1

    def test_the_reason_says_what_was_found_and_expected_and_what_to_do(self, tmp_path: Path) -> None:
        prepared = made(tmp_path, "number(w)")
        (reject,), (counted,) = prepared.rejects, prepared.summary.rejects
        words = (
            "'weight_kg' cannot be read: number() expects a number, with the decimal point of its source; mend it, "
            "list its text under 'missing' of"
        )
        assert str(reject["reason"]).startswith(words)
        assert str(reject["reason"]).endswith("; found '12 kg'")
        assert f"{counted}; found '12 kg'" == f"handling_units: {reject['reason']}"
        assert reject["content"] == '{"id": "A", "w": "12 kg", "unit": "kg", "on": "2026-03-02", "group": 1}'

    def test_a_time_that_is_none_and_a_unit_that_is_not_known_are_named(self, tmp_path: Path) -> None:
        prepared = made(tmp_path, "convert(number(w), unit, 'kg')", 'parse_time(on, "UTC")')
        assert rejected(prepared) == [1, 4]
        assert str(prepared.rejects[1]["reason"]).endswith("found '7, stone'")
        assert rejected(made(tmp_path, "None", 'parse_time(on, "UTC")')) == [4]
        assert rejected(made(tmp_path, "None", 'parse_time_as(on, "%Y-%m-%d", "UTC")')) == [4]
        assert rejected(made(tmp_path, "None", 'parse_time_as(on, "%Y-%m-%d", unit)')) == [1, 2, 3, 4]

    @pytest.mark.parametrize(
        ("weight", "where"),
        [
            ("if_readable(number(w))", "True"),
            ("first_of(number(w), 0)", "True"),
            ("if_else(present(number(w)), number(w), 1)", "True"),
            ("number(w)", 'id != "A"'),
            ("number(w)", "present(number(w))"),
            ("number(w)", "number(w) > 0"),
        ],
    )
    def test_a_mapping_may_do_without(self, tmp_path: Path, weight: str, where: str) -> None:
        assert rejected(made(tmp_path, weight, where=f"'{where}'")) == []

    def test_texts_that_are_declared_to_mean_nothing_are_not_unread(self, tmp_path: Path) -> None:
        assert rejected(made(tmp_path, "number(w)", point='missing: ["12 kg"]')) == []
        assert rejected(made(tmp_path, "number(w)", csv=CSV.replace("12 kg", " "))) == []

    def test_it_is_known_of_a_derived_column_and_of_what_is_looked_up(self, tmp_path: Path) -> None:
        derive = "derive:\n  pallets:\n    weight: number(w)\n    twice: weight * 2"
        assert rejected(made(tmp_path, "twice", derive=derive)) == [1]
        asked = made(tmp_path, 'lookup("pallets", group, "group", "twice")', derive=derive)
        assert rejected(asked) == [1, 2]
        assert weights(asked) == {"C": -1, "D": -1}

    def test_it_is_known_of_stacked_columns(self, tmp_path: Path) -> None:
        csv = "key,a,b\n1,x,2\n2,3,y\n"
        derive = (
            "stack:\n  both:\n    of: pallets\n    keep: [key]\n    over: {which: [a, b]}\n    columns: {w: 'n_{}'}\n"
            "derive:\n  pallets:\n    n_a: number(a)\n    n_b: number(b)\n  both:\n    id: text(key, which)"
        )
        prepared = made(tmp_path, "w", derive=derive, source="both", csv=csv)
        assert rejected(prepared) == [1, 4]
        assert weights(prepared) == {"1b": 2, "2a": 3}

    @pytest.mark.parametrize("name", ["group_sum", "group_least", "group_greatest"])
    def test_a_group_with_something_unread_has_no_sum_and_no_extremes(self, tmp_path: Path, name: str) -> None:
        prepared = made(tmp_path, f"{name}(number(w), group)")
        assert rejected(prepared) == [1, 2]
        assert weights(prepared) == {"C": 7, "D": 7}

    def test_a_constant_that_cannot_be_read_is_a_fault_of_the_mapping(self, tmp_path: Path) -> None:
        with pytest.raises(MappingError, match="'soon' cannot be read: parse_time\\(\\) expects a time of ISO 8601"):
            made(tmp_path, "None", 'parse_time("soon", "UTC")')

    def test_money_is_read_with_the_point_of_its_source(self, tmp_path: Path) -> None:
        csv = 'id,w\nA,"1.043,20 €"\nB,"12,50"\nC,5 €\n'
        weight = "money_minor(w, 'EUR')"
        assert weights(made(tmp_path, f'"{weight}"', csv=csv, point='point: ","')) == {"A": 104320, "B": 1250, "C": 500}
        assert rejected(made(tmp_path, f'"{weight}"', csv=csv)) == [1, 2]

    @pytest.mark.parametrize("weight", ["w", "number(w)", "rounded(w, 3)", "convert(w, 'kg', 'kg')"])
    def test_so_is_a_number_where_pandas_leaves_its_column_a_text(self, tmp_path: Path, weight: str) -> None:
        csv = "id;w\nA;1.234\nB;2.345.678,25\nC;850\nD;1 000,5\n"
        point = 'point: ",", separator: ";"'
        found = {"A": 1234, "B": 2345678.25, "C": 850, "D": 1000.5}
        assert weights(made(tmp_path, f'"{weight}"', csv=csv, point=point)) == found
        assert rejected(made(tmp_path, f'"{weight}"', csv="id;w\nA;1.234\nB;12.5\nC;,\n", point=point)) == [2, 3]

    def test_every_function_that_is_said_to_read_is_one(self) -> None:
        assert set(READERS) < set(functions())
