"""A mapping file is read whole: every mistake at once, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import MappingError
from features.ingest.mapping import load_mapping

ROOT = Path(__file__).parents[3]
GOOD = """\
name: orders
version: 3
owner: data engineering
sources:
  orders: {file: orders.csv, missing: ["NA", "-"]}
derive:
  orders:
    booked: parse_time(booked_at, "UTC")
tables:
  - table: weather
    source: orders
    where: present(booked)
    fields:
      place: city
      occurred_at: booked
      known_at: booked
"""


def load(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_mapping(path)
    return list(refused.value.problems)


class TestLoadMapping:
    def test_reads_a_good_one(self, tmp_path: Path) -> None:
        path = tmp_path / "mapping.yaml"
        path.write_text(GOOD, encoding="utf-8")
        mapping = load_mapping(path)
        assert (mapping.name, mapping.version, mapping.owner) == ("orders", "3", "data engineering")
        assert mapping.sources["orders"].missing == ("NA", "-")
        (rule,) = mapping.tables
        assert (rule.table, rule.source, set(rule.fields)) == (
            "weather",
            "orders",
            {"place", "occurred_at", "known_at"},
        )
        assert rule.where is not None

    @pytest.mark.parametrize("path", sorted((ROOT / "data_samples" / "mappings").glob("*.yaml")), ids=lambda p: p.stem)
    def test_reads_every_mapping_that_ships(self, path: Path) -> None:
        assert load_mapping(path).owner

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("owner: data engineering\n", "", "line 1: 'owner' is missing"),
            ("name: orders", "nme: orders", "line 1: 'nme' is unknown; expected name, version"),
            ("file: orders.csv, ", "", "line 5: source 'orders' needs a 'file'"),
            ("orders.csv", "orders.txt", "line 5: 'orders.txt' is none of .csv, .parquet, .xlsx"),
            ("orders.csv", "../orders.csv", "line 5: '../orders.csv' leaves the source folder"),
            ("orders.csv", "/etc/orders.csv", "line 5: '/etc/orders.csv' leaves the source folder"),
            ('["NA", "-"]', "NA", "line 5: 'missing' must be a list of texts"),
            (
                '"-"]',
                '"-"], separator: "||"',
                "line 5: 'separator' is one character, such as ';' or a tab, and was found",
            ),
            ('"-"]', '"-"], point: ";"', "line 5: 'point' is '.' or ',', and was found to be ';'"),
            (
                "missing:",
                "mising:",
                "line 5: 'mising' is unknown; expected file, sheet, missing,",
            ),
            (
                "  orders:\n    booked",
                "  order:\n    booked",
                "line 7: source 'order' is unknown; declared are orders.",
            ),
            ("missing:", "separator: 5, missing:", "line 5: 'separator' must be a text"),
            ("missing:", "sheet: a, missing:", "line 5: 'sheet' is for .xlsx files"),
            ("orders.csv,", "orders.xlsx, separator: ;,", "line 5: 'separator' is for .csv files"),
            ("parse_time(booked_at", "parse_tim(booked_at", "line 8: in 'parse_tim("),
            ("table: weather", "table: wether", "line 10: table 'wether' is unknown; expected one of shipments,"),
            ("    source: orders", "    source: odrers", "line 10: source 'odrers' is unknown"),
            ("where: present(booked)", "where: present(", "line 12: 'present(' is not an expression"),
            ("place: city", "plaice: city", "line 14: table 'weather' has no field 'plaice'. Did you mean 'place'?"),
            ("      known_at: booked\n", "", "line 13: table 'weather' needs the field(s) known_at"),
            ("where: present", "when: present", "line 12: 'when' is unknown; expected table, source, where, fields"),
            ("place: city", "place: lookup('cities', city, 'a', 'b')", "line 14: source 'cities' is unknown"),
        ],
    )
    def test_says_where_and_what_is_wrong(self, tmp_path: Path, old: str, new: str, problem: str) -> None:
        problems = load(tmp_path, GOOD.replace(old, new, 1))
        assert any(problem in found for found in problems), problems

    @pytest.mark.parametrize(
        ("stack", "problem"),
        [
            ("orders: {of: orders, over: {n: [a]}, columns: {x: 'x_{}'}}", "'orders' is a source already"),
            ("s: {of: ordrs, over: {n: [a]}, columns: {x: 'x_{}'}}", "source 'ordrs' is unknown"),
            ("s: {of: orders, over: [a], columns: {x: 'x_{}'}}", "'over' must map one new column"),
            ("s: {of: orders, over: {n: [a]}, columns: {x: 'x'}}", "'x' must have one {} for the word in it"),
            ("s: {of: orders, over: {n: [a]}, columns: {x: '{0.a}{}'}}", "must have one {} for the word in it"),
            ("s: {of: orders, over: {n: [a]}, columns: {}}", "'columns' must be a mapping"),
            ("s: {form: orders, over: {n: [a]}, columns: {x: 'x_{}'}}", "'form' is unknown; expected of, keep"),
            ("s: 5", "stack 's' needs 'of', 'over' and 'columns'"),
        ],
    )
    def test_says_what_is_wrong_with_a_stack(self, tmp_path: Path, stack: str, problem: str) -> None:
        problems = load(tmp_path, GOOD.replace("derive:", f"stack:\n  {stack}\nderive:"))
        assert any(problem in found and found.startswith("line 7: ") for found in problems), problems

    def test_reports_all_problems_at_once(self, tmp_path: Path) -> None:
        text = GOOD.replace("owner: data engineering\n", "").replace("place: city", "plaice: numbr(city)")
        problems = load(tmp_path, text)
        assert len(problems) == 4
        assert [problem.split(":")[0] for problem in problems] == ["line 1", "line 13", "line 13", "line 12"]

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("- a list\n", "it must be a mapping with name"),
            ("", "it must be a mapping with name"),
            ("name: [unclosed\n", "it is not YAML"),
            (GOOD.replace("tables:", "tables: []\nrest:"), "'tables' must be a list with at least one table"),
            (GOOD.split("tables:")[0] + "tables:\n  - weather\n", "a table needs 'table', 'source' and 'fields'"),
            (GOOD.replace("  orders:\n    booked", "  - booked"), "'derive' must map a source to its new columns"),
            (GOOD.replace("  orders: {file", "  {}\nrest: {file"), "'sources' must be a mapping"),
        ],
    )
    def test_refuses_what_has_another_form(self, tmp_path: Path, text: str, problem: str) -> None:
        assert any(problem in found for found in load(tmp_path, text))

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(MappingError, match="it cannot be read: No such file"):
            load_mapping(tmp_path / "nowhere.yaml")
