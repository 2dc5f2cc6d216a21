"""Past decisions are decided again in the world as it would be, and what makes the difference is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import NO_CONTEXT, Context
from routing.decision import FIRST_SCHEMA, SCHEMA, decision_body
from routing.directives import Directive, DirectiveKind
from routing.engine import decide
from routing.policy import Mode, Policy
from routing.preview.comparing import Compared, compare
from routing.preview.past import PastCall, PastDecision
from routing.preview.summary import Summary
from routing.together import Waiting
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import exploring, messages, together

Facts = dict[str, Any]
Edit = Callable[[dict[str, Any]], None]
MakePolicy = Callable[[Edit], Policy]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def past(
    policy: Policy, sequence: int, facts: Facts, *, subject: str = "S-1", context: Context = NO_CONTEXT, **more: Any
) -> PastDecision:
    """Decide a case, an hour after the one before, and return it as the ledger has it."""
    at = NOON + timedelta(hours=sequence)
    choice = decide(policy, facts, at, context)
    version = {"type": "shipment", "id": subject, "version": str(sequence)}
    body = decision_body(policy, choice, subject=version, facts=facts, context=context, **more)
    return PastDecision(sequence, subject, at, json.loads(canonical_json(body)))


def compared(policy: Policy, *decisions: PastDecision, **world: Any) -> list[Compared]:
    return list(compare(policy, decisions, **world))


@pytest.fixture
def risky(facts: Facts) -> Facts:
    """A case whose customer is told."""
    return {**facts, "late_probability": 0.5, "departed": True}


def threshold(name: str, value: float) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        data["thresholds"][name]["value"] = value

    return edit


def whys(policy: Policy, *decisions: PastDecision) -> Sequence[str | None]:
    return [each.why for each in compared(policy, *decisions)]


class TestWhatMakesTheDifference:
    def test_is_nothing_under_the_same_bundle_in_both_forms_of_the_record(self, policy: Policy, risky: Facts) -> None:
        for schema in (FIRST_SCHEMA, SCHEMA):
            (same,) = compared(policy, past(policy, 1, risky, schema=schema))
            assert (same.why, same.before, same.after) == (None, same.after, same.before)

    def test_is_a_rule_that_comes_out_otherwise(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        later = make_policy(threshold("notify_from", 0.52))
        (flip,) = compared(later, past(policy, 1, risky))
        assert (str(flip.before), str(flip.after)) == ("notify", "review")
        assert flip.why == "rule likely_late: hit → no_hit"

    def test_is_a_rule_that_was_not_there(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        def renamed(data: dict[str, Any]) -> None:
            data["rules"][1]["id"] = "will_be_late"

        assert whys(make_policy(renamed), past(policy, 1, risky)) == [None], "what happens is the same"

        def renamed_and_later(data: dict[str, Any]) -> None:
            renamed(data)
            threshold("notify_from", 0.52)(data)

        assert whys(policy, past(make_policy(renamed_and_later), 1, risky)) == ["rule likely_late: absent → hit"]

    def test_is_the_mode(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        careful = make_policy(lambda data: data.update(mode="recommend"))
        (flip,) = compared(careful, past(policy, 1, risky))
        assert (str(flip.after), flip.why) == ("review (notify)", "mode: act_non_financial → recommend")

    def test_is_the_choice_by_cost(self, make_policy: MakePolicy, by_cost: Policy, facts: Facts) -> None:
        def strongest(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            data["choice"] = "strongest"

        case = {**facts, "late_probability": 0.7}
        (flip,) = compared(make_policy(strongest), past(by_cost, 1, case))
        assert flip.why == f"choice among the same hits: {flip.before} → {flip.after}"

    def test_is_a_budget(self, make_policy: MakePolicy, policy: Policy, risky: Facts) -> None:
        def few(data: dict[str, Any]) -> None:
            told = {"unit": "messages", "owner": "customer-service", "why": "what customers bear"}
            data["capacity"] = {"messages": {"amount": 1, "per_hours": 3, **told}}
            data["branches"]["notify"]["uses"] = {"messages": 1}

        cases = [past(policy, number, risky, subject=f"S-{number}") for number in (1, 2, 4)]
        passed = "notify is passed over: too little is left of a budget, or it is forbidden"
        assert whys(make_policy(few), *cases) == [None, passed, None]
        few_past = [
            past(make_policy(few), 1, risky),
            past(make_policy(few), 2, risky, subject="S-2", context=Context(capacity={"messages": 0})),
        ]
        assert whys(policy, *few_past) == [None, "notify is not passed over any more"]
        assert whys(make_policy(few), *few_past) == [None, None]

    def test_is_chance(self, make_policy: MakePolicy, policy: Policy, risky: Facts) -> None:
        chancy, other = make_policy(exploring(0.5)), make_policy(exploring(0.5, salt="autumn"))
        names = [f"S-{number}" for number in range(24)]
        without = [past(policy, number, risky, subject=name) for number, name in enumerate(names, 1)]
        drawn = [
            past(chancy, number, risky, subject=name, context=Context(subject_id=name))
            for number, name in enumerate(names, 1)
        ]
        assert set(whys(chancy, *without)) == {
            None,
            "chance takes none instead of notify",
            "chance takes review instead of notify",
        }
        assert set(whys(policy, *drawn)) == {
            None,
            "chance does not take none instead of notify any more",
            "chance does not take review instead of notify any more",
        }
        assert set(whys(chancy, *drawn)) == {None}
        later = make_policy(lambda data: (exploring(0.5)(data), threshold("notify_from", 0.52)(data)))
        assert "rule likely_late: hit → no_hit" in whys(later, *without)
        summary = Summary(other)
        for each in compared(other, *drawn):
            summary.add(each)
        counted = summary.as_json()["drawn_by_chance"]
        taken = sum(each.body["branch"] != "notify" for each in drawn)
        assert (summary.drawn_before, summary.drawn_after > 5) == (taken, True)
        assert counted == {"before": taken, "after": summary.drawn_after}

    def test_is_a_rest(self, make_policy: MakePolicy, policy: Policy, risky: Facts) -> None:
        def quiet(data: dict[str, Any]) -> None:
            data["branches"]["notify"]["cool_down"] = {"hours": 2, "per": "customer_id"}

        cases = [past(policy, number, risky, subject=f"S-{number}") for number in (1, 2, 3)]
        assert whys(make_policy(quiet), *cases) == [None, "notify is held back", None]

    def test_is_an_earlier_decision_about_the_same_subject(
        self, policy: Policy, make_policy: MakePolicy, risky: Facts
    ) -> None:
        first = past(policy, 1, {**risky, "late_probability": 0.47})
        second = past(policy, 2, {**risky, "strongest_branch_taken": "notify"})
        assert second.body["branch"] == "none"
        later = make_policy(threshold("notify_from", 0.48))
        flips = compared(later, first, second)
        assert [str(each.after) for each in flips] == ["review", "notify"]
        assert [each.why for each in flips] == [
            "rule likely_late: hit → no_hit",
            "an earlier decision about the same subject comes out otherwise",
        ]


class TestTheWorld:
    def test_holds_what_was_ordered(self, policy: Policy, risky: Facts) -> None:
        until = NOON + timedelta(days=1)
        stop = Directive(
            id="dir-1", kind=DirectiveKind.LIMIT, owner="a", reason="b", since=NOON, until=until, mode=Mode.OBSERVE
        )
        (same,) = compared(policy, past(policy, 1, risky, context=Context(directives=(stop,))))
        assert (same.why, same.choice.applied) == (None, ("dir-1",))

    def test_holds_what_people_let_out_of_what_they_would_have_been_asked(
        self, policy: Policy, make_policy: MakePolicy, risky: Facts
    ) -> None:
        careful = make_policy(lambda data: data.update(mode="recommend"))
        first, second = past(careful, 1, risky), past(careful, 2, {**risky, "strongest_branch_taken": "escalate"})
        name = first.body["decision_id"]
        call = PastCall(name, "S-1", Branch.ESCALATE, first.decided_at, 1, risky, "b" * 64)
        asked = compared(careful, first, second, calls_of_people=[call])
        assert [each.why for each in asked] == [None, None]

        not_asked = compared(policy, first, second, calls_of_people=[call])
        assert [str(each.after) for each in not_asked] == ["notify", "none"]
        assert "notify was taken or suggested before" in str(not_asked[1].choice.suppressed_because)

    def test_holds_calls_of_before(self, make_policy: MakePolicy, policy: Policy, risky: Facts) -> None:
        def quiet(data: dict[str, Any]) -> None:
            data["branches"]["notify"]["cool_down"] = {"hours": 2, "per": "customer_id"}

        before = [PastCall("dec_0", "S-0", Branch.NOTIFY, NOON, 0, risky, "b" * 64)]
        (held,) = compared(make_policy(quiet), past(policy, 1, risky), earlier_calls=before)
        assert str(held.after) == "none"

    def test_holds_calls_of_before_for_the_bundle_they_were_decided_under(
        self, make_policy: MakePolicy, risky: Facts
    ) -> None:
        policy = make_policy(messages(1, per=["bundle", "carrier_id"]))
        again = past(policy, 1, risky)

        def left(bundle: str, **changed: str) -> float:
            call = PastCall("dec_0", "S-0", Branch.NOTIFY, NOON, 0, {**risky, **changed}, bundle)
            (found,) = compared(policy, again, earlier_calls=[call])
            return 0.0 if found.choice.passed_over else 1.0

        assert (left(policy.digest), left("b" * 64), left(policy.digest, carrier_id="ACE")) == (0.0, 1.0, 1.0)

    def test_lets_what_people_let_out_of_what_it_has_decided_again_count_as_its_own(
        self, make_policy: MakePolicy, policy: Policy, risky: Facts
    ) -> None:
        limited = make_policy(messages(1, per=["bundle"]))
        asked, later = past(policy, 1, {**risky, "late_probability": 0.3}), past(policy, 2, risky, subject="S-2")
        name = asked.body["decision_id"]
        call = PastCall(name, "S-1", Branch.NOTIFY, asked.decided_at, 1, risky, policy.digest)
        flips = compared(limited, asked, later, calls_of_people=[call])
        assert [str(each.after) for each in flips] == ["review", "review"]
        elsewhere = replace(call, decision_id="dec_0")
        assert [str(each.after) for each in compared(limited, asked, later, calls_of_people=[elsewhere])] == [
            "review",
            "notify",
        ]

    def test_holds_calls_of_branches_that_are_no_more(
        self, make_policy: MakePolicy, policy: Policy, risky: Facts
    ) -> None:
        def without_split(data: dict[str, Any]) -> None:
            data["rules"] = [rule for rule in data["rules"] if rule["branch"] != "split"]
            del data["branches"]["split"]
            for name in ("split_from", "origin_open_below"):
                del data["thresholds"][name]

        before = [PastCall("dec_0", "S-0", Branch.SPLIT, NOON, 0, risky, "b" * 64)]
        assert whys(make_policy(without_split), past(policy, 1, risky)) == [None]
        (same,) = compared(make_policy(without_split), past(policy, 1, risky), earlier_calls=before)
        assert same.why is None


class TestSummary:
    def test_counts_flips_money_messages_and_minutes(
        self, policy: Policy, make_policy: MakePolicy, risky: Facts
    ) -> None:
        later = make_policy(threshold("notify_from", 0.52))
        unpriced = {**risky, "value_minor": None, "value_at_stake_minor": None}
        cases = [past(policy, number, case, subject=f"S-{number}") for number, case in enumerate([risky, unpriced], 1)]
        summary = Summary(later)
        for each in compared(later, *cases):
            summary.add(each)
        told: Any = summary.as_json()
        assert (told["decisions"], told["flipped"]) == (2, 2)
        assert told["flips"] == [{"before": "notify", "after": "review", "count": 2}]
        assert told["messages"] == {"before": 2, "after": 0}
        assert told["analyst_minutes"] == {"before": 0, "after": 12}
        stake = round(0.5 * 2_000_000 * 0.06)
        assert told["expected_cost_of_flips_minor"] == {
            "before": round(0.7 * stake + 10),
            "after": round(0.8 * stake + 6 * 90),
            "currency": "EUR",
            "unpriced": 1,
        }
        assert (told["absent_facts"], told["passed_over"]) == ({}, {})

    def test_counts_what_is_passed_over_and_what_the_record_does_not_hold(
        self, make_policy: MakePolicy, policy: Policy, risky: Facts
    ) -> None:
        def few(data: dict[str, Any]) -> None:
            told = {"unit": "messages", "owner": "customer-service", "why": "what customers bear"}
            data["capacity"] = {"messages": {"amount": 1, "per_hours": 3, **told}}
            data["branches"]["notify"]["uses"] = {"messages": 1}
            data["facts"]["has_papers"] = {"type": "flag", "meaning": "all papers are there"}
            data["branches"]["notify"]["payload"].append("has_papers")

        summary = Summary(make_policy(few))
        for each in compared(make_policy(few), past(policy, 1, risky), past(policy, 2, risky, subject="S-2")):
            summary.add(each)
        told: Any = summary.as_json()
        assert (told["passed_over"], told["absent_facts"]) == ({"notify": 1}, {"has_papers": 2})


class TestOneMessageForSeveral:
    """Past decisions are an hour apart, so a message waits for two."""

    def previewed(self, policy: Policy, *decisions: PastDecision) -> Summary:
        summary = Summary(policy)
        for each in compared(policy, *decisions):
            summary.add(each)
        return summary

    def test_is_counted_once(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        grouping = make_policy(together("customer_id", "origin", minutes=120))
        decisions = [past(policy, number, risky, subject=f"S-{number}") for number in (1, 2, 3)]
        summary = self.previewed(grouping, *decisions)
        assert (summary.messages_before, summary.messages_after, summary.flipped) == (3, 2, 0)

    def test_takes_from_a_budget_once(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        def edit(data: dict[str, Any]) -> None:
            together("customer_id", "origin", minutes=120)(data)
            messages(1)(data)

        decisions = [past(policy, number, risky, subject=f"S-{number}") for number in (1, 2, 3)]
        summary = self.previewed(make_policy(edit), *decisions)
        assert summary.after == {Branch.NOTIFY: 2, Branch.REVIEW: 1}

    def test_what_was_not_told_yet_counts_for_nothing(
        self, policy: Policy, make_policy: MakePolicy, risky: Facts
    ) -> None:
        grouping = make_policy(together("customer_id", "origin", minutes=120))
        again = {**risky, "strongest_branch_taken": "notify"}
        decisions = [past(policy, 1, risky), past(policy, 2, again), past(policy, 3, again)]
        assert [str(each.after) for each in compared(grouping, *decisions)] == ["notify", "notify", "none"]
        assert self.previewed(grouping, *decisions).messages_after == 1

    def test_of_which_nobody_is_left_does_not_go_out(
        self, policy: Policy, make_policy: MakePolicy, risky: Facts
    ) -> None:
        grouping = make_policy(together("customer_id", "origin", minutes=120))
        calm = {**risky, "late_probability": 0.1}
        nobody = [past(policy, 1, risky), past(policy, 2, calm)]
        assert self.previewed(grouping, *nobody).messages_after == 0
        assert self.previewed(grouping, *nobody).messages_before == 1
        later = [*nobody, past(policy, 3, risky, subject="S-2")]
        assert self.previewed(grouping, *later).messages_after == 1
        too_late = [past(policy, 1, risky), past(policy, 4, calm)]
        assert self.previewed(grouping, *too_late).messages_after == 1

    def test_is_counted_before_as_it_is_after(self, make_policy: MakePolicy, risky: Facts) -> None:
        grouping, by = make_policy(together("customer_id", "origin", minutes=120)), {"customer_id": "C-7"}
        waits = Waiting("call_m", NOON + timedelta(hours=3))
        decisions = [
            past(grouping, 1, risky),
            past(grouping, 2, risky, subject="S-2", context=Context(waiting={Branch.NOTIFY: waits})),
            past(grouping, 4, risky, subject="S-3"),
        ]
        assert by.items() <= decisions[1].body["together"]["by"].items()
        summary = self.previewed(grouping, *decisions)
        assert (summary.messages_before, summary.messages_after, summary.flipped) == (2, 2, 0)

    def test_in_shadow_counts_as_if_it_waited(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        """What a bundle in shadow would say is joined by nothing: each of its records opens a message."""
        grouping = make_policy(together("customer_id", "origin", minutes=120))
        decisions = [past(policy, number, risky, subject=f"S-{number}") for number in (1, 2, 3)]
        summary = Summary(grouping)
        for each, decision in zip(compared(grouping, *decisions), decisions, strict=True):
            alone = decide(grouping, each.facts, decision.decided_at)
            summary.add(each._replace(choice=alone, context=None))
        assert (summary.messages_before, summary.messages_after) == (3, 2)

    def test_is_not_filled_by_what_is_decided_anew(self, policy: Policy, make_policy: MakePolicy, risky: Facts) -> None:
        grouping = make_policy(together("customer_id", "origin", minutes=600, at_most=2))
        again = {**risky, "strongest_branch_taken": "notify"}
        decisions = [past(policy, 1, risky), past(policy, 2, again), past(policy, 3, risky, subject="S-2")]
        assert self.previewed(grouping, *decisions).messages_after == 1
        assert self.previewed(grouping, *decisions, past(policy, 4, risky, subject="S-3")).messages_after == 2
