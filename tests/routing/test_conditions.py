from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from routing.conditions import (
    All,
    AnyOf,
    Condition,
    Leaf,
    Not,
    all_of,
    any_of,
    known_leaf,
    leaf,
    leaves,
    negation,
    undetermined,
    wording,
)

NAMES = ("a", "b", "c", "d")


def flag(name: str) -> Leaf:
    return leaf(name, "is", (True,), lambda value: value is True, "is true")


CONDITIONS = st.recursive(
    st.sampled_from(NAMES).map(flag),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(all_of)
        | st.lists(inner, min_size=1, max_size=3).map(tuple).map(any_of)
        | inner.map(negation)
    ),
    max_leaves=8,
)
KNOWN = st.dictionaries(st.sampled_from(NAMES), st.booleans())


def by_kleene(condition: Condition, known: dict[str, Any]) -> float:
    """Kleene's strong logic by its numbers: false 0, unknown ½, true 1; and = min, or = max, not = 1 − x."""
    match condition:
        case Leaf():
            return float(known[condition.fact]) if condition.fact in known else 0.5
        case All():
            return min(by_kleene(part, known) for part in condition.parts)
        case AnyOf():
            return max(by_kleene(part, known) for part in condition.parts)
        case Not():
            return 1 - by_kleene(condition.part, known)


def completions(known: dict[str, bool]) -> list[dict[str, bool]]:
    """Every way in which the unknown facts could turn out."""
    open_names = [name for name in NAMES if name not in known]
    ways = product([False, True], repeat=len(open_names))
    return [{**known, **dict(zip(open_names, way, strict=True))} for way in ways]


class TestTest:
    @given(CONDITIONS, KNOWN)
    def test_agrees_with_kleenes_numbers(self, condition: Condition, known: dict[str, bool]) -> None:
        assert condition.test(known) is {0.0: False, 0.5: None, 1.0: True}[by_kleene(condition, known)]

    @given(CONDITIONS, KNOWN)
    def test_never_changes_its_mind_when_unknown_facts_become_known(
        self, condition: Condition, known: dict[str, bool]
    ) -> None:
        value = condition.test(known)
        if value is not None:
            assert {condition.test(way) for way in completions(known)} == {value}

    def test_always_answers_whether_a_fact_is_known(self) -> None:
        assert known_leaf("a", True).test({"a": 0}) is True
        assert known_leaf("a", True).test({}) is False
        assert known_leaf("a", False).test({}) is True


class TestWhy:
    @given(CONDITIONS, KNOWN)
    def test_names_known_facts_with_their_values_only(self, condition: Condition, known: dict[str, bool]) -> None:
        value = condition.test(known)
        if value is None:
            return
        for part in condition.why(known, value).split("; "):
            name, shown = part.split(",")[0].split(" is ")
            assert known[name] is (shown == "true")

    @given(CONDITIONS, KNOWN)
    def test_gives_reasons_that_are_enough(self, condition: Condition, known: dict[str, bool]) -> None:
        value = condition.test(known)
        if value is None:
            return
        named = {part.split(" is ")[0] for part in condition.why(known, value).split("; ")}
        assert condition.test({name: known[name] for name in named}) is value

    def test_says_what_held_and_what_did_not(self) -> None:
        late = leaf("late", "at_least", (0.5,), lambda value: value >= 0.5, "at least 0.5")
        both = all_of((late, negation(flag("a"))))
        assert both.why({"late": 0.6, "a": False}, True) == "late is 0.6, at least 0.5; a is false, not is true"
        assert both.why({"late": 0.4, "a": False}, False) == "late is 0.4, not at least 0.5"
        assert known_leaf("a", True).why({}, False) == "a is unknown"
        assert known_leaf("a", True).why({"a": 1}, True) == "a is known"


class TestUndetermined:
    @given(CONDITIONS, KNOWN)
    def test_names_what_settles_the_condition_once_known(self, condition: Condition, known: dict[str, bool]) -> None:
        names = set(undetermined(condition, known))
        assert (names == set()) == (condition.test(known) is not None)
        for way in completions(known):
            assert condition.test({**known, **{name: way[name] for name in names}}) is not None

    def test_leaves_out_parts_that_are_settled(self) -> None:
        condition = all_of((flag("a"), any_of((flag("b"), flag("c"))), negation(flag("d"))))
        assert list(undetermined(condition, {"a": True, "b": True})) == ["d"]


class TestForm:
    def test_is_shared_by_conditions_that_ask_the_same(self) -> None:
        one = all_of((flag("a"), any_of((flag("b"), flag("c")))))
        other = all_of((any_of((flag("c"), flag("b"))), flag("a")))
        assert one.form == other.form

    def test_differs_when_they_do_not(self) -> None:
        parts = (flag("a"), flag("b"))
        forms = {all_of(parts).form, any_of(parts).form, negation(flag("a")).form, known_leaf("a", True).form}
        assert len(forms) == 4

    def test_is_as_long_for_a_deep_condition_as_for_a_flat_one(self) -> None:
        deep: Condition = flag("a")
        for _ in range(12):  # with quotes in quotes it would double each time
            deep = negation(deep)
        assert len(deep.form) == len(negation(flag("a")).form)


class TestLeaves:
    def test_counts_negations(self) -> None:
        condition = negation(all_of((flag("a"), negation(flag("b")))))
        assert [(each.fact, positive) for each, positive in leaves(condition)] == [("a", False), ("b", True)]


class TestWording:
    def test_writes_a_condition_without_values(self) -> None:
        condition = any_of((all_of((flag("a"), flag("b"))), negation(flag("c"))))
        assert wording(condition) == "((a is true) and (b is true)) or (not (c is true))"
