"""Expressions: a small safe part of Python, and nothing else of it."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.ingest.expressions import Place, evaluate, parse

FRAME = pd.DataFrame({"a": [1.0, 2.0, None], "b": [10, 20, 30], "city": ["Rotterdam", "", "Hamburg"]})
FRAME["Unit price"] = [1.5, 2.5, 3.5]
FRAME["whole"] = pd.Series([1, 2, None], dtype="Int64")
PLACES = pd.DataFrame(
    {
        "code": ["Rotterdam", "Hamburg", "Rotterdam"],
        "rank": [20, 30, 20],
        "zone": ["Europe/Amsterdam", "Europe/Berlin", "?"],
    }
)


def value(text: str) -> object:
    expression, problems = parse(text)
    assert expression is not None, problems
    found, _ = evaluate(expression, Place("trips", {"trips": FRAME, "places": PLACES}, {}))
    return found.astype(object).where(found.notna(), None).tolist() if isinstance(found, pd.Series) else found


class TestEvaluate:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("b", [10, 20, 30]),
            ('"air"', "air"),
            ("None", None),
            ("a + b * 2 - 1", [20.0, 41.0, None]),
            ("b / 4 % 2", [0.5, 1.0, 1.5]),
            ("-b", [-10, -20, -30]),
            ("b >= 20", [False, True, True]),
            ("b != 20 and b < 30", [True, False, False]),
            ("b == 10 or b > 20", [True, False, True]),
            ("not b == 10", [False, True, True]),
            ("not True", False),
            ('if_else(city == "", None, city)', ["Rotterdam", None, "Hamburg"]),
            ('translate(city, {"Hamburg": "DEHAM"}, "?")', ["?", "?", "DEHAM"]),
            ('lookup("places", city, "code", "zone")', ["Europe/Amsterdam", None, "Europe/Berlin"]),
            ('lookup("places", city, "code", "code")', ["Rotterdam", None, "Hamburg"]),
            ('lookup("places", [city, b], ["code", "rank"], "zone")', [None, None, "Europe/Berlin"]),
            ('lookup("places", "Hamburg", "code", "zone")', ["Europe/Berlin"] * 3),
            ('lookup("places", if_else(a > 9, city, None), "code", "zone")', [None, None, None]),
            ('column("Unit price") * 2', [3.0, 5.0, 7.0]),
        ],
    )
    def test_is_evaluated_on_whole_columns(self, text: str, expected: object) -> None:
        assert value(text) == expected

    @pytest.mark.parametrize("text", ["city + city", "city * 2", "b + '1'", "city < city"])
    def test_text_is_not_reckoned_with(self, text: str) -> None:
        with pytest.raises(TypeError, match="needs numbers or instants and found the text"):
            value(text)

    @pytest.mark.parametrize("text", ["not b", "b and a > 1", "a > 1 or city", "if_else(b, 1, 2)"])
    def test_what_is_neither_true_nor_false_is_no_condition(self, text: str) -> None:
        with pytest.raises(TypeError, match=r"a condition is true or false and was found to be '(10|Rotterdam)'"):
            value(text)

    def test_one_and_nought_are_conditions(self) -> None:
        assert value("not b / 10 - 1 == 0 and not whole - 1") == [False, False, None]

    @pytest.mark.parametrize("text", ["a", "number(a)", "whole"])
    def test_with_what_is_missing_no_comparison_holds_but_not_equal(self, text: str) -> None:
        assert value(f"{text} == 1") == [True, False, False]
        assert value(f"{text} != 1") == [False, True, True]
        assert value(f"not {text} > 1") == [True, False, True]

    def test_what_is_looked_up_stays_whole_where_some_are_not_found(self) -> None:
        assert value('text(lookup("places", city, "code", "rank"))') == ["20", None, "30"]

    def test_a_number_is_not_looked_up_among_texts(self) -> None:
        with pytest.raises(TypeError, match="the key 'code' is a number on one side and text on the other"):
            value('lookup("places", b, "code", "zone")')


class TestParse:
    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a +", "is not an expression"),
            ("a ** 2", "'a ** 2' is not allowed"),
            ("a.values", "'a.values' is not allowed"),
            ("a[0]", "is not allowed"),
            ("[x for x in a]", "is not allowed"),
            ("lambda: 1", "is not allowed"),
            ("1 < b < 3", "is not allowed"),
            ("__import__('os')", "function '__import__' is unknown"),
            ("open('/etc/passwd')", "function 'open' is unknown"),
            ("numbr(a)", "function 'numbr' is unknown. Did you mean 'number'?"),
            ("number(column=a)", "is not allowed"),
            ("{a: 1}", "a dictionary may hold constants only"),
            ("lookup(places, a)", "lookup is written lookup("),
            ('lookup("places", [a, b], ["code"], "zone")', "lookup is written lookup("),
            ('lookup("places", [a], [1], "zone")', "lookup is written lookup("),
            ("column(a)", 'column is written column("name")'),
            ("[a, b]", "'[a, b]' is not allowed"),
            ("b'x'", "is not allowed"),
            ("(" * 250 + "a" + ")" * 250, "is not an expression"),
        ],
    )
    def test_says_what_is_wrong(self, text: str, problem: str) -> None:
        expression, problems = parse(text)
        assert expression is None
        assert problem in problems[0]

    def test_all_problems_are_found_at_once(self) -> None:
        assert len(parse("numbr(a) + txt(b) + c.d")[1]) == 3

    def test_an_expression_nested_too_deeply_is_refused(self) -> None:
        expression, problems = parse("-" * 3000 + "a")
        assert expression is None
        assert len(problems) == 1

    def test_names_the_columns_and_the_sources_it_needs(self) -> None:
        expression, _ = parse('text(a, lookup("places", city, "code", "zone"))')
        assert expression is not None
        assert expression.columns == {"a", "city"}
        assert expression.lookups == {("places", "code", "zone")}

    @given(st.text(max_size=40))
    def test_no_text_breaks_it(self, text: str) -> None:
        expression, problems = parse(text)
        assert (expression is None) == bool(problems)
