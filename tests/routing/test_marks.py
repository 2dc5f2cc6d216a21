from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from routing.errors import Severity
from routing.marks import DEEPEST, LONGEST, Findings, Place, dotted, read_yaml


class TestReadYaml:
    def test_reads_what_yaml_means(self) -> None:
        data, findings = read_yaml("a: [1, 2.5, yes, x]\nb:\n  c: 2026-03-01\n  d: ~\n")
        assert data == {"a": [1, 2.5, True, "x"], "b": {"c": date(2026, 3, 1), "d": None}}
        assert not findings.problems

    def test_knows_the_place_of_every_key_and_item(self) -> None:
        _, findings = read_yaml("a:\n  - b: 1\n    c: 2\n  - 3\n")
        assert findings.places == {
            (): Place(1, 1),
            ("a",): Place(1, 1),
            ("a", 0): Place(2, 5),
            ("a", 0, "b"): Place(2, 5),
            ("a", 0, "c"): Place(3, 5),
            ("a", 1): Place(4, 5),
        }

    @pytest.mark.parametrize(
        ("text", "value"), [("00", 0), ("01.5", 1.5), ("-0", 0), ("1_000", 1000), ("'010'", "010")]
    )
    def test_reads_what_a_person_reads_as_well(self, text: str, value: object) -> None:
        data, findings = read_yaml(f"a: {text}\n")
        assert (data, findings.problems) == ({"a": value}, [])

    def test_finds_a_key_given_twice_and_keeps_the_first(self) -> None:
        data, findings = read_yaml("a: 1\nb: 2\na: 3\n")
        assert data == {"a": 1, "b": 2}
        assert str(findings.problems[0]).startswith("3:1 error at a (again): 'a' is given twice.")

    @pytest.mark.parametrize(
        ("text", "start"),
        [
            ("1: x\n", "1:1 error at ?: found the key 1, expected text."),
            ("? [a]\n: x\n", "1:3 error at ?: found the key None, expected text."),
            ("a: &x [1]\nb: *x\n", "2:1 error at b: found an alias"),
            ("a: 2026-13-40\n", "1:1 error at a: '2026-13-40' cannot be read: month must be in 1..12"),
            ("a: !secret x\n", "1:1 error at a: 'x' cannot be read: could not determine a constructor"),
            ("<<: {a: 1}\n", "1:1 error at the bundle: '<<' cannot be read"),
            ("a: 010\n", "1:1 error at a: '010' is 8 in YAML. Write the number plainly"),
            ("a: 1:30\n", "1:1 error at a: '1:30' is 90 in YAML."),
            ("a: -12:30:45.5\n", "1:1 error at a: '-12:30:45.5' is -45045.5 in YAML."),
        ],
    )
    def test_finds_what_would_mislead(self, text: str, start: str) -> None:
        _, findings = read_yaml(text)
        assert str(findings.problems[0]).startswith(start)

    @pytest.mark.parametrize(
        ("text", "line", "column"), [("a: [1\nb: 2\n", 2, 2), ("a: b: c\n", 1, 5), ("a: \x00\n", 1, 1)]
    )
    def test_says_where_the_text_is_no_yaml(self, text: str, line: int, column: int) -> None:
        data, findings = read_yaml(text)
        problem = findings.problems[0]
        assert data is None
        assert "cannot be read" in problem.message
        assert (problem.line, problem.column) == (line, column)

    @pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ("{a: ", "}")])
    def test_reads_nothing_deeper_than_any_bundle(self, opens: str, closes: str) -> None:
        _, findings = read_yaml(opens * DEEPEST + closes * DEEPEST)
        assert not findings.problems
        for depth in (DEEPEST + 1, 900, 20_000):
            _, findings = read_yaml("x:\n  " + opens * depth + closes * depth if depth < 10_000 else opens * depth)
            (problem,) = findings.problems
            assert "inside 64 others" in problem.message or "cannot be read" in problem.message
            assert problem.line == (1 if depth > 10_000 else 2)

    def test_reads_no_text_that_would_take_minutes_to_check(self) -> None:
        data, findings = read_yaml("a: 1\n" + "#" * LONGEST)
        assert data is None
        assert "found 131,077 characters, expected 131,072 at most" in findings.problems[0].message

    def test_aliases_do_not_multiply(self) -> None:
        laughs = "a: &a [lol, lol]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefgh"))
        data, findings = read_yaml(laughs)
        assert len(findings.problems) == 14
        assert str(data).count("lol") == 2

    def test_reads_nothing_from_an_empty_text(self) -> None:
        data, findings = read_yaml("")
        assert data is None
        assert not findings.problems


class TestFindings:
    def test_gives_a_path_that_is_not_there_the_place_of_what_holds_it(self) -> None:
        findings = Findings({("rules", 1): Place(7, 3)})
        findings.error(("rules", 1, "owner"), "is missing")
        assert str(findings.problems[0]) == "7:3 error at rules[1].owner: is missing"

    def test_orders_problems_as_the_document_does(self) -> None:
        findings = Findings({("a",): Place(2, 1), ("b",): Place(1, 4)})
        findings.error(("a",), "second")
        findings.warning(("b",), "first")
        assert [problem.message for problem in findings.in_order()] == ["first", "second"]

    def test_stops_for_errors_only(self) -> None:
        findings = Findings()
        findings.warning((), "look")
        assert not findings.has_errors
        assert findings.problems[0].severity is Severity.WARNING
        findings.error((), "stop")
        assert findings.has_errors


class TestDotted:
    def test_writes_a_path(self) -> None:
        assert dotted(("rules", 2, "when", "all", 0)) == "rules[2].when.all[0]"
        assert dotted(()) == "the bundle"
