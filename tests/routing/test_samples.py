from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from routing.conditions import Condition, leaf
from routing.facts import Declaration, FactType
from routing.samples import samples_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asks(operator: str, *bounds: Any, inner: Condition | None = None) -> Any:
    tests: dict[str, Any] = {
        "at_least": lambda value: value >= bounds[0],
        "above": lambda value: value > bounds[0],
        "is": lambda value: value == bounds[0],
        "in": lambda value: value in bounds,
        "rows_at_least": lambda value: len(value) >= bounds[0],
        "some_row": lambda value: any(inner is not None and inner.test(row) for row in value),
    }
    return leaf("x", operator, bounds, tests[operator], operator, inner=inner)


class TestSamplesOf:
    @pytest.mark.parametrize(
        ("kind", "questions", "values"),
        [
            (FactType.PROBABILITY, [asks("at_least", 0.5)], [0.0, 0.5, None]),
            (FactType.PROBABILITY, [asks("above", 0.5)], [0.0, 0.75, None]),
            (FactType.PROBABILITY, [asks("is", 0.5)], [0.0, 0.5, 0.75, None]),
            (FactType.NUMBER, [asks("at_least", 2), asks("above", 2)], [1, 2, 2.5, None]),
            (FactType.MONEY_MINOR, [asks("above", 2), asks("at_least", 3)], [1, 3, None]),
            (FactType.HOURS, [], [-1, None]),
            (FactType.INSTANT, [asks("at_least", NOON)], [NOON - timedelta(hours=1), NOON, None]),
            (FactType.FLAG, [asks("is", True)], [False, True, None]),
            (FactType.TEXT, [asks("in", "a", "b"), asks("is", "b")], ["a", "b", "anotherab", None]),
            (FactType.ENUMERATION, [asks("is", "p")], ["o", "p", None]),
        ],
    )
    def test_there_is_one_for_each_way_to_answer(self, kind: FactType, questions: list[Any], values: list[Any]) -> None:
        declaration = Declaration(name="x", type=kind, values=("o", "p", "q"))
        assert [sample.value for sample in samples_of(declaration, questions)] == values

    def test_the_unknown_answers_nothing(self) -> None:
        *_, unknown = samples_of(Declaration(name="x", type=FactType.FLAG), [asks("is", True)])
        assert (unknown.value, unknown.answers) == (None, (None,))

    def test_lists_are_of_every_length_and_mixture_asked_for(self) -> None:
        columns = {
            "share": Declaration(name="share", type=FactType.PROBABILITY),
            "who": Declaration(name="who", type=FactType.TEXT),
        }
        low = leaf("share", "below", (0.2,), lambda value: bool(value < 0.2), "below 0.2")
        high = leaf("share", "at_least", (0.8,), lambda value: bool(value >= 0.8), "at least 0.8")
        questions = [asks("rows_at_least", 3), asks("some_row", "low", inner=low), asks("some_row", "high", inner=high)]
        samples = samples_of(Declaration(name="x", type=FactType.LIST, columns=columns), questions)
        assert {sample.answers for sample in samples} == {
            (None, None, None),
            (False, False, False),
            *product((False, True), repeat=3),
        }
        assert len(samples) == len({sample.answers for sample in samples})
