from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from routing.errors import Problem, Severity

FoundAfter = Callable[..., list[tuple[str, str, str]]]
ProblemsOf = Callable[[Callable[[dict[str, Any]], None]], tuple[Problem, ...]]

NOTIFY = "    when: {fact: late_probability, at_least: $notify_from}\n"
HOLD = "    when: {fact: customer_on_hold, is: true}\n"


class TestCheckReachable:
    @pytest.mark.parametrize(
        ("old", "new", "where", "message"),
        [
            pytest.param(
                NOTIFY,
                "    when: {fact: late_probability, at_least: $review_from}\n",
                "rules[0].when",
                "'at_risk' is unreachable: whenever it hits, so does 'likely_late' at rules[1], which goes before it "
                "and leads to notify. Change a condition or drop the rule.",
                id="asks the same as a stronger rule",
            ),
            pytest.param(
                NOTIFY,
                "    when: {fact: late_probability, at_least: 0.2}\n",
                "rules[0].when",
                "'at_risk' is unreachable: whenever it hits, so does 'likely_late' at rules[1], which goes before it "
                "and leads to notify. Change a condition or drop the rule.",
                id="asks for more than a stronger rule",
            ),
            pytest.param(
                NOTIFY + "    branch: notify\n",
                NOTIFY + "    branch: review\n",
                "rules[1].when",
                "'likely_late' is unreachable: whenever it hits, so does 'at_risk' at rules[0], which goes before it "
                "and leads to review. Change a condition or drop the rule.",
                id="asks for more than an earlier rule of the same branch",
            ),
            pytest.param(
                HOLD,
                "    when: {all: [{fact: delivered_or_cancelled, is: true}, {fact: customer_on_hold, is: true}]}\n",
                "guardrails[1].when",
                "'customer_on_hold' is unreachable: whenever it hits, so does 'delivered_or_cancelled' at "
                "guardrails[0], which goes before it and leads to none. Change a condition or drop the rule.",
                id="guardrail behind a wider one",
            ),
            pytest.param(
                NOTIFY,
                "    when: {all: [{fact: late_probability, at_least: $notify_from}, {fact: has_promise, is: false}]}\n",
                "rules[1].when",
                "'likely_late' is unreachable: whenever it hits, so does 'no_promise' at guardrails[2], which goes "
                "before it and leads to review. Change a condition or drop the rule.",
                id="rule behind a guardrail",
            ),
        ],
    )
    def test_a_rule_that_never_decides_is_an_error(
        self, found_after: FoundAfter, old: str, new: str, where: str, message: str
    ) -> None:
        assert (where, message) in [(place, said) for _, place, said in found_after((old, new))]

    def test_a_rule_that_asks_for_more_and_leads_further_is_reachable(self, found_after: FoundAfter) -> None:
        assert found_after((NOTIFY, NOTIFY.replace("$notify_from", "0.25000001"))) == [
            (
                "notify_from:",
                "thresholds.notify_from",
                "`notify_from` is used nowhere. Use it or drop it.",
            )
        ]


class TestCheckRisk:
    @pytest.mark.parametrize(
        "when",
        [
            "{fact: late_probability, between: [0.45, 0.55]}",
            "{fact: late_probability, at_most: 0.55}",
            "{fact: late_probability, in: [0.5, 0.6]}",
            "{not: {fact: late_probability, above: 0.55}}",
            "{all: [{fact: departed, is: true}, {any: [{fact: late_probability, below: 0.9}]}]}",
        ],
    )
    def test_a_rule_that_a_greater_risk_escapes_is_an_error(self, found_after: FoundAfter, when: str) -> None:
        assert found_after((NOTIFY, f"    when: {when}\n")) == [
            (
                f"when: {when}",
                "rules[1].when",
                "'likely_late' may stop hitting as `late_probability` rises, so a greater risk may get a weaker branch."
                " Ask for at_least or above only: among the rules that hit, the strongest branch is taken.",
            )
        ]

    @pytest.mark.parametrize(
        "when",
        [
            "{fact: late_probability, above: $notify_from}",
            "{not: {fact: late_probability, below: $notify_from}}",
            "{all: [{fact: late_probability, at_least: $notify_from}, {fact: late_probability, known: true}]}",
        ],
    )
    def test_a_rule_that_a_greater_risk_keeps_is_let_pass(self, found_after: FoundAfter, when: str) -> None:
        assert found_after((NOTIFY, f"    when: {when}\n")) == []

    @pytest.mark.parametrize(
        "guardrail",
        [
            "    when: {fact: late_probability, at_least: 0.9}\n    branch: none\n",
            "    when: {fact: late_probability, at_least: 0.9}\n    branch: review\n",
            "    when: {fact: late_probability, below: 0.9}\n    branch: review\n",
        ],
    )
    def test_a_guardrail_that_may_weaken_a_greater_risk_is_an_error(
        self, found_after: FoundAfter, guardrail: str
    ) -> None:
        found = found_after((HOLD + "    branch: review\n", guardrail))
        assert (
            "guardrails[1].when",
            "guardrail 'customer_on_hold' may weaken the branch as `late_probability` rises. Ask for at_most or below "
            "and lead to none, or leave this fact to the rules.",
        ) in [(where, message) for _, where, message in found]

    def test_a_guardrail_may_leave_low_risk_alone(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            words = dict.fromkeys(("sentence_staff", "sentence_customer"), "Nothing to fear.")
            when = {"fact": "late_probability", "below": 0.1}
            data["guardrails"].append({"id": "calm", "owner": "process-owner", "when": when, "branch": "none", **words})

        assert problems_of(edit) == ()


class TestCheckSpending:
    @pytest.mark.parametrize(
        "part", [{"fact": "pieces", "known": False}, {"not": {"any": [{"fact": "pieces", "known": True}]}}]
    )
    def test_a_rule_that_spends_money_because_a_fact_is_unknown_is_an_error(
        self, problems_of: ProblemsOf, part: dict[str, Any]
    ) -> None:
        problems = problems_of(lambda data: data["rules"][3]["when"]["all"].append(part))
        assert [(problem.where, problem.message) for problem in problems] == [
            (
                "rules[3].when",
                "'another_carrier' spends money and may hit because `pieces` is unknown. "
                "Ask for it to be known, or lead to review.",
            )
        ]

    def test_a_rule_that_spends_money_may_ask_for_a_fact_to_be_known(self, problems_of: ProblemsOf) -> None:
        part = {"not": {"fact": "pieces", "known": False}}
        assert problems_of(lambda data: data["rules"][3]["when"]["all"].append(part)) == ()

    def test_a_rule_that_spends_none_may_hit_because_a_fact_is_unknown(self, problems_of: ProblemsOf) -> None:
        part = {"fact": "pieces", "known": False}
        assert problems_of(lambda data: data["rules"][4]["when"]["all"].append(part)) == ()


class TestCheckUse:
    def test_names_that_nobody_uses_are_a_warning(self, problems_of: ProblemsOf) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["facts"]["weight_kg"] = {"type": "number", "unit": "kg", "meaning": "gross weight"}
            data["thresholds"]["heavy"] = {"value": 30, "unit": "kg", "owner": "process-owner", "why": "two people"}

        assert [(problem.severity, problem.where, problem.message) for problem in problems_of(edit)] == [
            (Severity.WARNING, "facts.weight_kg", "`weight_kg` is used nowhere. Use it or drop it."),
            (Severity.WARNING, "thresholds.heavy", "`heavy` is used nowhere. Use it or drop it."),
        ]

    def test_a_branch_to_which_no_rule_leads_is_a_warning(self, problems_of: ProblemsOf) -> None:
        problems = problems_of(lambda data: data["rules"][4].update(branch="rebook"))
        assert [(problem.severity, problem.where, problem.message) for problem in problems] == [
            (Severity.WARNING, "branches.escalate", "no rule leads to `escalate`. Add one or drop the branch.")
        ]

    def test_nothing_is_said_on_use_while_there_are_errors(self, problems_of: ProblemsOf) -> None:
        problems = problems_of(lambda data: data["rules"][4].update(when=None))
        assert [problem.where for problem in problems] == ["rules[4].when"]
