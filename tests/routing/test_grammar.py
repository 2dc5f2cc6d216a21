from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from routing.conditions import Condition
from routing.facts import Declaration, FactType
from routing.grammar import DEEPEST, read_condition
from routing.marks import Findings
from routing.scope import Scope, Threshold

Wrap = Callable[[object], object]

DECLARATIONS = {
    "late_probability": Declaration(name="late_probability", type=FactType.PROBABILITY, unit="probability"),
    "hours_to_promise": Declaration(name="hours_to_promise", type=FactType.HOURS, unit="hours"),
    "pieces": Declaration(name="pieces", type=FactType.NUMBER, unit="pieces"),
    "value_minor": Declaration(name="value_minor", type=FactType.MONEY_MINOR, unit="money_minor"),
    "tier": Declaration(name="tier", type=FactType.ENUMERATION, values=("standard", "critical")),
    "carrier_id": Declaration(name="carrier_id", type=FactType.TEXT),
    "departed": Declaration(name="departed", type=FactType.FLAG),
    "promised_at": Declaration(name="promised_at", type=FactType.INSTANT),
    "carriers": Declaration(
        name="carriers",
        type=FactType.LIST,
        columns={
            "who": Declaration(name="who", type=FactType.TEXT),
            "late_share": Declaration(name="late_share", type=FactType.PROBABILITY, unit="probability"),
        },
    ),
}
THRESHOLDS = {
    "notify_from": Threshold(name="notify_from", value=0.45, unit="probability", owner="o", why="w"),
    "lead_hours": Threshold(name="lead_hours", value=4, unit="hours", owner="o", why="w"),
}


@pytest.fixture
def scope() -> Scope:
    return Scope(
        declarations=DECLARATIONS,
        thresholds=THRESHOLDS,
        owners=(),
        broken=frozenset({"broken_fact", "$broken_threshold"}),
        findings=Findings(),
    )


def read(data: object, scope: Scope) -> Condition:
    condition = read_condition(data, (), scope)
    assert not scope.findings.problems
    assert condition is not None
    return condition


class TestReadCondition:
    @pytest.mark.parametrize(
        ("data", "known", "expected"),
        [
            ({"fact": "late_probability", "at_least": 0.6}, {"late_probability": 0.6}, True),
            ({"fact": "late_probability", "above": 0.6}, {"late_probability": 0.6}, False),
            ({"fact": "late_probability", "at_most": 0.6}, {"late_probability": 0.6}, True),
            ({"fact": "late_probability", "below": 0.6}, {"late_probability": 0.6}, False),
            ({"fact": "late_probability", "at_least": "$notify_from"}, {"late_probability": 0.45}, True),
            ({"fact": "late_probability", "at_least": "$notify_from"}, {}, None),
            ({"fact": "hours_to_promise", "between": [2, 4]}, {"hours_to_promise": 2.0}, True),
            ({"fact": "hours_to_promise", "between": [2, 4]}, {"hours_to_promise": 4}, False),
            ({"fact": "hours_to_promise", "between": [2, "$lead_hours"]}, {"hours_to_promise": 3.9}, True),
            ({"fact": "pieces", "is": 3}, {"pieces": 3.0}, True),
            ({"fact": "pieces", "in": [1, 2]}, {"pieces": 3}, False),
            ({"fact": "tier", "is": "critical"}, {"tier": "critical"}, True),
            ({"fact": "tier", "in": ["critical", "standard"]}, {"tier": "standard"}, True),
            ({"fact": "carrier_id", "is": "NWX"}, {"carrier_id": "ACE"}, False),
            ({"fact": "departed", "is": False}, {"departed": False}, True),
            ({"fact": "departed", "known": True}, {}, False),
            ({"fact": "promised_at", "below": datetime(2026, 3, 1, tzinfo=UTC)}, {}, None),
            ({"fact": "carriers", "rows_at_least": 1}, {"carriers": ()}, False),
            ({"fact": "carriers", "rows_at_least": 2}, {"carriers": ({}, {})}, True),
            (
                {"fact": "carriers", "some_row": {"fact": "late_share", "below": 0.2}},
                {"carriers": ({"who": "A", "late_share": 0.3}, {"who": "B", "late_share": 0.1})},
                True,
            ),
            (
                {
                    "fact": "carriers",
                    "some_row": {"all": [{"fact": "late_share", "below": 0.2}, {"fact": "who", "is": "A"}]},
                },
                {"carriers": ({"who": "A", "late_share": 0.3}, {"who": "B", "late_share": 0.1})},
                False,
            ),
            ({"fact": "carriers", "some_row": {"fact": "late_share", "below": 0.2}}, {}, None),
            (
                {"all": [{"fact": "departed", "is": True}, {"fact": "pieces", "at_least": 2}]},
                {"departed": False},
                False,
            ),
            ({"any": [{"fact": "departed", "is": True}, {"fact": "pieces", "at_least": 2}]}, {"departed": True}, True),
            ({"not": {"fact": "departed", "is": True}}, {"departed": True}, False),
        ],
    )
    def test_reads_every_operator(
        self, scope: Scope, data: object, known: dict[str, Any], expected: bool | None
    ) -> None:
        assert read(data, scope).test(known) is expected

    def test_names_the_threshold_in_its_words(self, scope: Scope) -> None:
        condition = read({"fact": "late_probability", "at_least": "$notify_from"}, scope)
        assert condition.why({"late_probability": 0.5}, True) == "late_probability is 0.5, at least 0.45 ($notify_from)"

    def test_remembers_what_was_used(self, scope: Scope) -> None:
        read({"not": {"fact": "carriers", "some_row": {"fact": "late_share", "below": "$notify_from"}}}, scope)
        assert scope.used_facts == {"carriers"}
        assert scope.used_thresholds == {"notify_from"}

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (None, "found nothing, expected a condition such as"),
            ("late", "found 'late', expected a condition"),
            ([], "found an empty list, expected a condition"),
            ({}, "found an empty mapping, expected a condition"),
            ({"fakt": "pieces", "is": 1}, "Did you mean 'fact'?"),
            ({"fact": "piecs", "is": 1}, "'piecs' is not a declared fact. Did you mean 'pieces'?"),
            ({"fact": "xyz", "is": 1}, "'xyz' is not a declared fact. Declared: late_probability,"),
            ({"fact": ["pieces"], "is": 1}, "found a list of 1, expected the name of a declared fact"),
            ({"fact": "pieces"}, "found nothing for `pieces`, expected exactly one operator"),
            ({"fact": "pieces", "is": 1, "below": 3}, "found is, below for `pieces`, expected exactly one operator"),
            ({"fact": "pieces", "atleast": 1}, "'atleast' is not an operator. Did you mean 'at_least'?"),
            ({"fact": "pieces", "~": 1}, "'~' is not an operator. Expected one of at_least,"),
            ({"fact": "tier", "above": "standard"}, "`above` does not fit `tier`, which is one of standard, critical."),
            ({"fact": "departed", "in": [True]}, "`in` does not fit `departed`"),
            ({"fact": "carriers", "is": 1}, "`is` does not fit `carriers`"),
            ({"fact": "pieces", "rows_at_least": 1}, "`rows_at_least` does not fit `pieces`"),
            (
                {"fact": "late_probability", "at_least": 60},
                "found 60 for `late_probability`, expected a probability from",
            ),
            ({"fact": "late_probability", "at_least": None}, "found nothing for `late_probability`"),
            ({"fact": "pieces", "is": "three"}, "found 'three' for `pieces`, expected a number"),
            ({"fact": "pieces", "is": True}, "found true for `pieces`, expected a number"),
            ({"fact": "pieces", "is": {}}, "found an empty mapping for `pieces`"),
            ({"fact": "pieces", "is": {"a": 1}}, "found a mapping for `pieces`"),
            ({"fact": "value_minor", "above": 1.5}, "found 1.5 for `value_minor`, expected a whole number"),
            ({"fact": "carrier_id", "is": 12}, "expected text that is not empty. Put it in quotes."),
            ({"fact": "tier", "is": "critcal"}, "'critcal' is not a value of `tier`. Did you mean 'critical'?"),
            ({"fact": "tier", "is": "xx"}, "'xx' is not a value of `tier`. Expected one of standard, critical."),
            ({"fact": "tier", "in": []}, "found an empty list, expected a list with at least one value"),
            ({"fact": "tier", "in": ["gold"]}, "'gold' is not a value of `tier`"),
            ({"fact": "departed", "known": "yes"}, "found 'yes', expected true or false"),
            ({"fact": "promised_at", "below": datetime(2026, 3, 1)}, "found a time without a zone"),  # noqa: DTZ001
            ({"fact": "pieces", "between": [1]}, "found a list of 1, expected [from, to]"),
            ({"fact": "pieces", "between": [1, "x"]}, "found 'x' for `pieces`"),
            ({"fact": "pieces", "between": [4, 4]}, "the interval from 4 to 4 is empty"),
            ({"fact": "carriers", "rows_at_least": 0}, "found 0, expected a whole number from 1"),
            ({"fact": "carriers", "rows_at_least": True}, "found true, expected a whole number"),
            ({"fact": "carriers", "some_row": {"fact": "lateshare", "below": 1}}, "Did you mean 'late_share'?"),
            ({"fact": "late_probability", "above": "$notfy_from"}, "Did you mean 'notify_from'?"),
            ({"fact": "late_probability", "above": "$zz"}, "is not a threshold of this bundle. Declared: notify_from,"),
            (
                {"fact": "late_probability", "above": "$lead_hours"},
                "'$lead_hours' is in hours, `late_probability` is in probability.",
            ),
            ({"fact": "tier", "is": "$lead_hours"}, "'$lead_hours' is in hours, `tier` is one of standard, critical."),
            ({"fact": "departed", "is": "$zz"}, "is not a threshold"),
            ({"all": []}, "found an empty list, expected a list with at least one condition"),
            ({"any": {"fact": "pieces"}}, "found a mapping, expected a list"),
            ({"all": [{"fact": "pieces", "is": 1}], "any": []}, "`all` stands beside any"),
            ({"not": None}, "found nothing, expected a condition"),
        ],
    )
    def test_says_what_is_wrong_and_what_to_do(self, scope: Scope, data: object, message: str) -> None:
        assert read_condition(data, (), scope) is None
        assert message in " | ".join(problem.message for problem in scope.findings.problems)

    def test_finds_the_mistakes_of_all_parts(self, scope: Scope) -> None:
        data = {"any": [{"fact": "a", "is": 1}, {"all": [{"fact": "b", "is": 1}, {"fact": "tier", "is": "c"}]}]}
        assert read_condition(data, ("rules", 0, "when"), scope) is None
        assert [problem.where for problem in scope.findings.problems] == [
            "rules[0].when.any[0].fact",
            "rules[0].when.any[1].all[0].fact",
            "rules[0].when.any[1].all[1].is",
        ]

    @pytest.mark.parametrize("wrap", [lambda inner: {"not": inner}, lambda inner: {"all": [inner]}])
    def test_finds_what_is_nested_too_deeply_where_it_begins_to_be(self, scope: Scope, wrap: Wrap) -> None:
        deep: object = {"fact": "departed", "is": True}
        for _ in range(DEEPEST):
            deep = wrap(deep)
        read(deep, scope)
        assert read_condition(wrap(deep), (), scope) is None
        (problem,) = scope.findings.problems
        assert "inside 16 others, which nobody can follow. Put the inner conditions" in problem.message
        assert problem.where.count("not") + problem.where.count("all") == DEEPEST

    @pytest.mark.parametrize(
        "data",
        [
            {"fact": "broken_fact", "at_least": 3},
            {"fact": "late_probability", "at_least": "$broken_threshold"},
        ],
    )
    def test_does_not_blame_the_use_of_what_is_declared_wrongly(self, scope: Scope, data: object) -> None:
        assert read_condition(data, (), scope) is None
        assert not scope.findings.problems


class TestCheckRanges:
    @pytest.mark.parametrize(
        "parts",
        [
            [{"fact": "pieces", "at_least": 5}, {"fact": "pieces", "below": 5}],
            [{"fact": "pieces", "above": 5}, {"fact": "pieces", "at_most": 5}],
            [{"fact": "pieces", "between": [1, 3]}, {"fact": "pieces", "is": 3}],
            [{"fact": "pieces", "at_least": 1}, {"fact": "pieces", "at_least": 9}, {"fact": "pieces", "at_most": 4}],
            [{"fact": "tier", "is": "critical"}, {"fact": "tier", "is": "standard"}],
        ],
    )
    def test_finds_bounds_that_leave_nothing(self, scope: Scope, parts: list[object]) -> None:
        read_condition({"all": parts}, (), scope)
        assert "this can never hold" in scope.findings.problems[0].message

    @pytest.mark.parametrize(
        "parts",
        [
            [{"fact": "pieces", "at_least": 5}, {"fact": "pieces", "at_most": 5}],
            [{"fact": "pieces", "between": [1, 3]}, {"fact": "pieces", "is": 1}, {"fact": "pieces", "at_most": 9}],
            [{"fact": "pieces", "above": 5}, {"fact": "hours_to_promise", "below": 5}],
            [{"fact": "pieces", "above": 5}, {"not": {"fact": "pieces", "above": 6}}],
            [{"fact": "tier", "in": ["critical"]}, {"fact": "tier", "is": "critical"}],
        ],
    )
    def test_lets_bounds_pass_that_leave_something(self, scope: Scope, parts: list[object]) -> None:
        read({"all": parts}, scope)
