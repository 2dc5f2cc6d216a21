from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.evaluation import RuleOutcome, RuleResult, Trace, evaluate, open_facts, pick
from routing.facts import ReadFacts, Unknown
from routing.policy import Policy, Rule

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
SILENT = Unknown("the feed is silent")


def rule(policy: Policy, name: str) -> Rule:
    return next(each for each in (*policy.guardrails, *policy.rules) if each.id == name)


def outcomes_of(rules: tuple[Rule, ...], **outcomes: RuleOutcome) -> list[RuleOutcome]:
    """Outcomes as if each rule had come out as told; `no_hit` where nothing is said."""
    return [outcomes.get(each.id, RuleOutcome.NO_HIT) for each in rules]


def result(rule: Rule, read: ReadFacts) -> RuleResult:
    """The result of one rule alone."""
    (told,) = Trace((), (rule,), tuple(evaluate([rule], read)), read, frozenset(), {}).results()
    return told


class TestEvaluate:
    @pytest.mark.parametrize(
        ("changes", "outcome", "why"),
        [
            (
                {"late_probability": 0.3},
                RuleOutcome.HIT,
                "late_probability is 0.3, at least 0.25 ($review_from)",
            ),
            (
                {"late_probability": 0.1},
                RuleOutcome.NO_HIT,
                "late_probability is 0.1, not at least 0.25 ($review_from)",
            ),
            ({"late_probability": SILENT}, RuleOutcome.UNKNOWN, "late_probability is unknown: the feed is silent"),
            (
                {"late_probability": 2},
                RuleOutcome.ERROR,
                "late_probability is wrong: found 2, expected a probability from 0 to 1",
            ),
        ],
    )
    def test_says_what_became_of_a_rule_and_why(
        self, policy: Policy, facts: Facts, changes: Mapping[str, object], outcome: RuleOutcome, why: str
    ) -> None:
        found = result(rule(policy, "at_risk"), policy.reader.read({**facts, **changes}))
        assert found == RuleResult("at_risk", Branch.REVIEW, outcome, why)

    def test_one_wrong_fact_among_unknown_ones_makes_an_error(self, policy: Policy, facts: Facts) -> None:
        given = {**facts, "late_probability": SILENT, "customer_tier": "critical", "value_at_stake_minor": 1.5}
        found = result(rule(policy, "critical_at_stake"), policy.reader.read(given))
        assert found.outcome is RuleOutcome.ERROR
        assert found.why == (
            "late_probability is unknown: the feed is silent; "
            "value_at_stake_minor is wrong: found 1.5, expected a whole number of minor units"
        )

    def test_one_part_that_does_not_hold_settles_a_rule_whatever_is_unknown(self, policy: Policy, facts: Facts) -> None:
        given = {**facts, "late_probability": SILENT, "departed": True}
        found = result(rule(policy, "another_carrier"), policy.reader.read(given))
        assert (found.outcome, found.why) == (RuleOutcome.NO_HIT, "departed is true, not is false")


class TestOpenFacts:
    def test_names_each_fact_once_though_it_is_asked_for_twice(self, make_policy: MakePolicy, facts: Facts) -> None:
        def ask_twice(data: dict[str, Any]) -> None:
            bounds = [{"fact": "pieces", "at_least": 2}, {"fact": "pieces", "at_most": 9}]
            data["rules"][0]["when"] = {"all": [*bounds, {"fact": "departed", "is": False}]}

        policy = make_policy(ask_twice)
        read = policy.reader.read({**facts, "pieces": SILENT, "departed": SILENT})
        assert open_facts(policy.rules[0], read) == ["pieces", "departed"]

    def test_names_nothing_when_a_rule_is_settled(self, policy: Policy, facts: Facts, now: datetime) -> None:
        assert open_facts(rule(policy, "at_risk"), policy.reader.read(facts)) == []


class TestPick:
    def test_takes_the_default_when_nothing_hits(self, policy: Policy) -> None:
        picked = pick(policy, outcomes_of(policy.guardrails), outcomes_of(policy.rules))
        assert (picked.branch, picked.decided_by, picked.words) == (Branch.NONE, "default", policy.default)

    @pytest.mark.parametrize("outcome", [RuleOutcome.UNKNOWN, RuleOutcome.ERROR])
    def test_takes_on_unknown_when_nothing_hits_and_something_is_undetermined(
        self, policy: Policy, outcome: RuleOutcome
    ) -> None:
        picked = pick(policy, outcomes_of(policy.guardrails), outcomes_of(policy.rules, likely_late=outcome))
        assert (picked.branch, picked.decided_by, picked.words) == (Branch.REVIEW, "unknown", policy.on_unknown)
        assert [each.id for each in picked.open_rules] == ["likely_late"]

    def test_an_undetermined_guardrail_alone_is_enough_for_on_unknown(self, policy: Policy) -> None:
        picked = pick(policy, outcomes_of(policy.guardrails, no_promise=RuleOutcome.UNKNOWN), outcomes_of(policy.rules))
        assert picked.decided_by == "unknown"
        assert [each.id for each in picked.open_guardrails] == ["no_promise"]

    def test_takes_the_strongest_of_the_rules_that_hit(self, policy: Policy) -> None:
        hits = dict.fromkeys(("at_risk", "another_carrier", "likely_late"), RuleOutcome.HIT)
        picked = pick(policy, outcomes_of(policy.guardrails), outcomes_of(policy.rules, **hits))
        assert (picked.branch, picked.decided_by) == (Branch.REBOOK, "another_carrier")

    def test_notes_only_the_undetermined_rules_that_are_stronger(self, policy: Policy) -> None:
        outcomes = {
            "likely_late": RuleOutcome.UNKNOWN,
            "split_from_another_place": RuleOutcome.HIT,
            "another_carrier": RuleOutcome.ERROR,
            "critical_at_stake": RuleOutcome.UNKNOWN,
        }
        picked = pick(policy, outcomes_of(policy.guardrails), outcomes_of(policy.rules, **outcomes))
        assert [each.id for each in picked.open_rules] == ["another_carrier", "critical_at_stake"]

    def test_an_undetermined_rule_for_the_same_branch_would_change_nothing(self, make_policy: MakePolicy) -> None:
        def with_another_for_rebook(data: dict[str, Any]) -> None:
            data["rules"].append(
                {**data["rules"][3], "id": "dear", "when": {"fact": "value_minor", "above": 5_000_000}}
            )

        policy = make_policy(with_another_for_rebook)
        outcomes = {"another_carrier": RuleOutcome.HIT, "dear": RuleOutcome.UNKNOWN}
        picked = pick(policy, outcomes_of(policy.guardrails), outcomes_of(policy.rules, **outcomes))
        assert (picked.decided_by, list(picked.open_rules)) == ("another_carrier", [])

    def test_a_guardrail_that_hits_leaves_nothing_open(self, policy: Policy) -> None:
        guardrails = outcomes_of(
            policy.guardrails, delivered_or_cancelled=RuleOutcome.UNKNOWN, customer_on_hold=RuleOutcome.HIT
        )
        picked = pick(policy, guardrails, outcomes_of(policy.rules, critical_at_stake=RuleOutcome.HIT))
        assert (picked.branch, picked.decided_by) == (Branch.REVIEW, "customer_on_hold")
        assert list(picked.open_guardrails) == list(picked.open_rules) == []
