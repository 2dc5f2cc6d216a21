"""Bundles that choose by cost: which of them may weaken a greater risk, shown by the prices."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.cost_risk import Line
from routing.errors import Problem, Severity
from routing.policy import Policy
from tests.routing.conftest import choosing_by_cost

Edit = Callable[[dict[str, Any]], None]
ProblemsOf = Callable[[Edit], tuple[Problem, ...]]
LINES = st.builds(Line, st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.2]), st.integers(0, 10_000))


@given(one=LINES, other=LINES, share=st.floats(0.01, 1), stake=st.floats(0, 10**6), more=st.floats(1, 50))
def test_below_the_stake_it_names_a_branch_is_never_cheaper(
    one: Line, other: Line, share: float, stake: float, more: float
) -> None:
    least = one.cheaper_from(other, share)
    if least is None or stake < least * 0.999:
        value = stake / share * more
        cost, against = (line.left * stake + line.share * value + line.fixed for line in (one, other))
        assert cost >= against - 1e-3


def test_a_good_bundle_has_no_finding(by_cost: Policy) -> None:
    assert by_cost.warnings == ()


@pytest.mark.parametrize(
    ("edit", "where", "message"),
    [
        pytest.param(
            lambda data: data["strength"].__setitem__(slice(4, 6), ["rebook", "escalate"]),
            "rules[3].when",
            "escalate is offered at `late_probability` 0.5, and at 0.6 the weaker rebook joins it and costs less from "
            "a stake of 1,590.00 EUR.",
            id="the weaker leaves less lateness",
        ),
        pytest.param(
            lambda data: data["branches"]["escalate"]["cost"].update(analyst_minutes=90),
            "rules[2].when",
            "escalate is offered at `late_probability` 0.5, and at 0.55 the weaker split joins it and costs less from "
            "a stake of 0.00 EUR.",
            id="a weaker and cheaper one comes in later",
        ),
        pytest.param(
            lambda data: data["branches"]["notify"]["cost"].update(lateness_left=0.1, fixed_minor=6000),
            "rules[1].when",
            "the weaker notify costs less from",
            id="two that are offered together",
        ),
    ],
)
def test_a_weaker_branch_that_may_become_cheaper_is_an_error(
    problems_of: ProblemsOf, edit: Edit, where: str, message: str
) -> None:
    def both(data: dict[str, Any]) -> None:
        choosing_by_cost(data)
        edit(data)

    errors = [problem for problem in problems_of(both) if problem.severity is Severity.ERROR]
    assert where in [problem.where for problem in errors]
    assert any(message in problem.message for problem in errors), errors


def test_a_branch_whose_place_a_weaker_one_takes_is_an_error(problems_of: ProblemsOf) -> None:
    def bands(data: dict[str, Any]) -> None:
        choosing_by_cost(data)
        data["rules"][1]["when"] = {"fact": "late_probability", "between": [0.45, 0.9]}
        again = deepcopy(data["rules"][4]) | {"id": "again"}
        again["when"] = {"fact": "late_probability", "at_least": 0.9}
        data["rules"].append(again)

    messages = [problem.message for problem in problems_of(bands)]
    assert any("the weaker review takes its place from a stake of 0.00 EUR" in message for message in messages)


def test_what_cannot_be_looked_at_as_a_whole_must_choose_by_strength(
    problems_of: ProblemsOf, states_at_most: Callable[[int], None]
) -> None:
    states_at_most(20)
    problems = [problem for problem in problems_of(choosing_by_cost) if problem.where == "choice"]
    assert [problem.message.split(".")[0] for problem in problems] == [
        "there are too many cases to show that no greater risk gets a weaker branch"
    ]
