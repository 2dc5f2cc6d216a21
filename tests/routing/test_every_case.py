"""The search over all cases, against trying every combination of samples one by one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch
from routing.conditions import Condition, all_of, any_of, known_leaf, leaf, negation
from routing.evaluation import RuleOutcome, pick
from routing.every_case import Rules, TooManyCasesError, questions_of, satisfiable, search
from routing.facts import Declaration, FactType
from routing.policy import Choosing, Policy, Rule
from routing.risk import rows_along
from routing.samples import samples_of
from routing.wording import Sentence
from tests.drawn import drawn

DECLARATIONS = {
    "risk": Declaration(name="risk", type=FactType.PROBABILITY),
    "flag": Declaration(name="flag", type=FactType.FLAG),
    "tier": Declaration(name="tier", type=FactType.ENUMERATION, values=("low", "high")),
    "pieces": Declaration(name="pieces", type=FactType.NUMBER, unit="pieces"),
}
STRENGTH = {branch: rank for rank, branch in enumerate(Branch)}
WORDS = Sentence((("Words.", None),))


def at_least(fact: str, bound: float) -> Condition:
    return leaf(fact, "at_least", (bound,), lambda value: bool(value >= bound), f"at least {bound}")


def below(fact: str, bound: float) -> Condition:
    return leaf(fact, "below", (bound,), lambda value: bool(value < bound), f"below {bound}")


def equals(fact: str, value: object) -> Condition:
    return leaf(fact, "is", (value,), lambda given: bool(given == value), f"is {value}")


LEAVES = st.one_of(
    st.builds(at_least, st.just("risk"), st.sampled_from([0.0, 0.3, 0.6, 1.0])),
    st.builds(below, st.just("risk"), st.sampled_from([0.3, 0.6])),
    st.builds(equals, st.just("flag"), st.booleans()),
    st.builds(equals, st.just("tier"), st.sampled_from(["low", "high"])),
    st.builds(at_least, st.just("pieces"), st.sampled_from([2, 5])),
    st.builds(known_leaf, st.sampled_from(["flag", "pieces"]), st.booleans()),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(negation),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(all_of),
        st.lists(inner, min_size=1, max_size=3).map(tuple).map(any_of),
    ),
    max_leaves=5,
)
RULES = st.lists(st.tuples(CONDITIONS, st.sampled_from(list(Branch))), max_size=3)


def rules_of(prefix: str, written: list[tuple[Condition, Branch]]) -> list[Rule]:
    return [
        Rule(
            id=f"{prefix}{number}",
            owner="me",
            when=when,
            branch=branch,
            sentence_staff=WORDS,
            sentence_customer=WORDS,
        )
        for number, (when, branch) in enumerate(written)
    ]


class Bundle:
    """As much of a policy as `pick` looks at."""

    def __init__(self, explored: Rules) -> None:
        self.guardrails, self.rules, self.strength = explored.guardrails, explored.rules, explored.strength
        self.choosing = Choosing.STRONGEST
        self.default = type("Default", (), {"branch": Branch.NONE})
        self.on_unknown = type("Unknown", (), {"branch": Branch.REVIEW})


def decided(explored: Rules, facts: dict[str, Any]) -> tuple[str, Branch]:
    """Decide one case the slow way: evaluate every rule and let the engine's own `pick` combine them."""
    known = {name: value for name, value in facts.items() if value is not None}
    words = {True: RuleOutcome.HIT, False: RuleOutcome.NO_HIT, None: RuleOutcome.UNKNOWN}
    outcomes = [[words[rule.when.test(known)] for rule in group] for group in (explored.guardrails, explored.rules)]
    bundle: Any = Bundle(explored)
    picked = pick(bundle, outcomes[0], outcomes[1])
    return picked.decided_by, picked.branch


def every_combination(explored: Rules) -> list[dict[str, Any]]:
    asked = questions_of([rule.when for rule in (*explored.guardrails, *explored.rules)])
    axes = [[sample.value for sample in samples_of(DECLARATIONS[fact], leaves)] for fact, leaves in asked.items()]
    return [dict(zip(asked, values, strict=True)) for values in product(*axes)]


@given(guardrails=RULES, rules=RULES)
@drawn(80)
def test_the_search_finds_exactly_the_endings_that_trying_everything_finds(
    guardrails: list[tuple[Condition, Branch]], rules: list[tuple[Condition, Branch]]
) -> None:
    explored = Rules(rules_of("g", guardrails), rules_of("r", rules), DECLARATIONS, STRENGTH)
    everything = {decided(explored, facts) for facts in every_combination(explored)}
    found = {(ending.decided_by, ending.branch) for row in search(explored, "risk") for _, ending in row.endings}
    assert found == everything


@given(guardrails=RULES, rules=RULES)
@drawn(80)
def test_a_row_is_what_the_engine_decides_along_the_risk(
    guardrails: list[tuple[Condition, Branch]], rules: list[tuple[Condition, Branch]]
) -> None:
    explored = Rules(rules_of("g", guardrails), rules_of("r", rules), DECLARATIONS, STRENGTH)
    for row in search(explored, "risk"):
        for value, ending in row.endings:
            assert decided(explored, {**row.others, "risk": value}) == (ending.decided_by, ending.branch)


@given(guardrails=RULES, rules=RULES)
@drawn(80)
def test_a_fall_of_the_branch_is_in_a_row_if_there_is_one_anywhere(
    guardrails: list[tuple[Condition, Branch]], rules: list[tuple[Condition, Branch]]
) -> None:
    explored = Rules(rules_of("g", guardrails), rules_of("r", rules), DECLARATIONS, STRENGTH)
    lines: dict[tuple[Any, ...], list[tuple[float, int]]] = {}
    for facts in every_combination(explored):
        if facts.get("risk") is not None:
            others = tuple(value for name, value in facts.items() if name != "risk")
            lines.setdefault(others, []).append((facts["risk"], STRENGTH[decided(explored, facts)[1]]))
    slow = [[rank for _, rank in sorted(line)] for line in lines.values()]
    rows = search(explored, "risk")
    quick = [[STRENGTH[ending.branch] for value, ending in row.endings if value is not None] for row in rows]
    assert falls(quick) is falls(slow)


def falls(lines: list[list[int]]) -> bool:
    return any(after < before for line in lines for before, after in pairwise(line))


@given(condition=CONDITIONS)
@drawn(80)
def test_a_condition_is_satisfiable_if_and_only_if_a_combination_satisfies_it(condition: Condition) -> None:
    asked = questions_of([condition])
    axes = [[sample.value for sample in samples_of(DECLARATIONS[fact], leaves)] for fact, leaves in asked.items()]
    cases = [{k: v for k, v in zip(asked, values, strict=True) if v is not None} for values in product(*axes)]
    found = satisfiable(condition, DECLARATIONS)
    assert (found is not None) is any(condition.test(case) is True for case in cases)
    if found is not None:
        assert condition.test(found) is True


def test_all_branches_offered_are_kept_if_asked_for() -> None:
    explored = Rules(
        [],
        rules_of("r", [(at_least("risk", 0.3), Branch.REVIEW), (at_least("risk", 0.6), Branch.NOTIFY)]),
        DECLARATIONS,
        STRENGTH,
    )
    (row,) = search(explored, "risk", keep_all=True)
    offered = [ending.offered for _, ending in row.endings]
    assert offered == [(), ((Branch.REVIEW, "r0"),), ((Branch.REVIEW, "r0"), (Branch.NOTIFY, "r1")), ()]


def test_a_search_that_grows_too_large_is_given_up(policy: Policy, states_at_most: Callable[[int], None]) -> None:
    explored = Rules(policy.guardrails, policy.rules, policy.facts, policy.strength)
    states_at_most(10)
    assert rows_along(explored, "late_probability") is None
    states_at_most(0)
    with pytest.raises(TooManyCasesError):
        satisfiable(policy.rules[0].when, policy.facts)
