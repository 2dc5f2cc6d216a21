from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.conditions import Condition, Leaf, leaves
from routing.facts import Declaration, FactType
from routing.grammar import read_condition
from routing.marks import Findings
from routing.ranges import empty_range, implies, turn
from routing.scope import Scope

DECLARATIONS = {
    "risk": Declaration(name="risk", type=FactType.NUMBER, unit="points"),
    "pieces": Declaration(name="pieces", type=FactType.NUMBER, unit="pieces"),
    "tier": Declaration(name="tier", type=FactType.ENUMERATION, values=("low", "middle", "high")),
    "carriers": Declaration(name="carriers", type=FactType.LIST, columns={}),
}
LEVELS = (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4)
CASES = [
    {name: value for name, value in (("risk", risk), ("pieces", pieces)) if value is not None}
    for risk in (None, *LEVELS)
    for pieces in (None, *LEVELS)
]

_BOUND = st.integers(1, 3)
_FACT = st.sampled_from(["risk", "pieces"])
_LEAVES = (
    st.tuples(_FACT, st.sampled_from(["at_least", "above", "at_most", "below", "is"]), _BOUND)
    | st.tuples(_FACT, st.just("between"), st.sampled_from([[1, 2], [1, 3], [2, 3]]))
    | st.tuples(_FACT, st.just("in"), st.sampled_from([[1], [1, 2], [3, 2]]))
    | st.tuples(_FACT, st.just("known"), st.booleans())
).map(lambda leaf: {"fact": leaf[0], leaf[1]: leaf[2]})
CONDITIONS = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"any": parts})
        | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"all": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=4,
)


def read(data: object) -> Condition:
    scope = Scope(declarations=DECLARATIONS, thresholds={}, owners=(), broken=frozenset(), findings=Findings())
    condition = read_condition(data, (), scope)
    assert condition is not None
    return condition


def risk(**question: Any) -> dict[str, Any]:
    return {"fact": "risk", **question}


class TestImplies:
    @given(CONDITIONS, CONDITIONS)
    def test_is_never_wrong(self, one: object, other: object) -> None:
        narrow, wide = read(one), read(other)
        if implies(narrow, wide):
            assert all(wide.test(case) is True for case in CASES if narrow.test(case) is True)

    def test_is_exact_for_two_questions_about_values(self) -> None:
        asked: list[dict[str, Any]] = [
            {word: bound} for word in ("at_least", "above", "at_most", "below", "is") for bound in (1, 2, 3)
        ]
        asked += [{"between": bounds} for bounds in ([1, 2], [1, 3], [2, 3])]
        asked += [{"in": members} for members in ([1], [1, 2], [3, 2])]
        questions = [read(risk(**words)) for words in asked]
        levels = [{"risk": level} for level in LEVELS]
        for one, other in product(questions, repeat=2):
            by_trying = all(other.test(level) for level in levels if one.test(level))
            assert implies(one, other) is by_trying, (one.form, other.form)

    @given(CONDITIONS)
    def test_holds_of_a_condition_and_itself(self, data: object) -> None:
        assert implies(read(data), read(data))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (risk(at_least=3), risk(at_least=3)),
            (risk(at_least=3), risk(at_least=2)),
            (risk(above=2), risk(at_least=2)),
            (risk(below=2), risk(at_most=2)),
            (risk(between=[1, 2]), risk(below=2)),
            (risk(between=[1, 2]), risk(between=[0, 4])),
            (risk(**{"is": 2}), risk(between=[1, 3])),
            (risk(**{"in": [1, 2]}), risk(at_most=2)),
            (risk(**{"in": [1, 2]}), risk(**{"in": [2, 1, 3]})),
            ({"fact": "carriers", "rows_at_least": 3}, {"fact": "carriers", "rows_at_least": 2}),
            ({"all": [risk(at_least=3), {"fact": "tier", "is": "high"}]}, risk(at_least=2)),
            ({"all": [risk(at_least=3), {"fact": "tier", "is": "high"}]}, {"all": [risk(at_least=2)]}),
            (risk(at_least=3), {"any": [{"fact": "tier", "is": "high"}, risk(at_least=2)]}),
            ({"any": [risk(at_least=3), risk(**{"is": 2})]}, risk(at_least=2)),
            ({"not": risk(at_least=2)}, {"not": risk(at_least=3)}),
        ],
    )
    def test_is_proven_by_bounds(self, one: object, other: object) -> None:
        assert implies(read(one), read(other))

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (risk(at_least=2), risk(at_least=3)),
            (risk(at_least=2), risk(above=2)),
            (risk(at_most=2), risk(below=2)),
            (risk(at_most=2), risk(at_least=1)),
            (risk(at_least=2), risk(**{"in": [2, 3]})),
            (risk(at_least=2), {"fact": "pieces", "at_least": 2}),
            (risk(at_least=2), risk(known=True)),
            (risk(at_least=2), {"all": [risk(at_least=2), {"fact": "tier", "is": "high"}]}),
            ({"not": risk(at_least=3)}, {"not": risk(at_least=2)}),
            ({"not": risk(at_least=3)}, risk(below=3)),
        ],
    )
    def test_is_not_claimed_without_proof(self, one: object, other: object) -> None:
        assert not implies(read(one), read(other))


class TestTurn:
    @pytest.mark.parametrize(
        ("question", "positive", "expected"),
        [
            (risk(at_least=2), True, "rises"),
            (risk(above=2), True, "rises"),
            (risk(at_most=2), True, "falls"),
            (risk(below=2), True, "falls"),
            (risk(below=2), False, "rises"),
            (risk(at_least=2), False, "falls"),
            (risk(between=[1, 2]), True, None),
            (risk(**{"is": 2}), True, None),
            (risk(**{"in": [2]}), False, None),
        ],
    )
    def test_follows_the_open_side(self, question: object, positive: bool, expected: str | None) -> None:
        part = read(question)
        assert isinstance(part, Leaf)
        assert turn(part, positive=positive) == expected

    @given(CONDITIONS)
    def test_a_condition_that_only_rises_stays_true_as_the_fact_does(self, data: object) -> None:
        condition = read(data)
        asked = [(part, positive) for part, positive in leaves(condition) if part.fact == "risk"]
        if not all(part.operator == "known" or turn(part, positive=positive) == "rises" for part, positive in asked):
            return
        for pieces in LEVELS:
            answers = [condition.test({"risk": level, "pieces": pieces}) for level in LEVELS]
            assert answers == sorted(answers, key=bool)


class TestEmptyRange:
    def test_names_the_fact_and_its_bounds(self) -> None:
        parts = (read(risk(at_least=3)), read({"fact": "pieces", "is": 1}), read(risk(below=2)))
        assert empty_range(parts) == ("risk", 3, 2)

    @given(st.lists(_LEAVES, min_size=1, max_size=3))
    def test_is_never_wrong(self, data: list[object]) -> None:
        condition = read({"all": data}) if empty_range(tuple(read(item) for item in data)) else None
        if condition is not None:
            assert not any(condition.test(case) for case in CASES)
