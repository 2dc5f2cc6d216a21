"""What is ordered for a while: read and written, and what each kind does to a decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import NO_CONTEXT, Context, Past
from routing.decision import decision_body
from routing.directives import Directive, DirectiveKind, shape_mistakes
from routing.engine import Choice, decide
from routing.evaluation import RuleOutcome
from routing.policy import Mode, Policy
from routing.replay import replay
from tests.routing.conftest import choosing_by_cost

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECT = {"type": "shipment", "id": "SHP-1", "version": "1"}


def directive(kind: str, **changes: Any) -> Directive:
    given: dict[str, Any] = {
        "id": f"dir-{kind}",
        "owner": "transport-operations",
        "reason": "strike at the hub",
        "since": NOW - timedelta(hours=1),
        "until": NOW + timedelta(days=2),
        **changes,
    }
    return Directive(kind=DirectiveKind(kind), **given)


EXCLUDE = directive("exclude", rows_of="alternate_carriers", column="carrier_id", value="BEE")
SUPPRESS = directive("suppress", where={"customer_id": "C-7"})
SNOOZE = directive("snooze", rule="likely_late")
LIMIT = directive("limit", mode=Mode.RECOMMEND, until=None)


def decided(policy: Policy, facts: Facts, *directives: Directive, now: datetime = NOW, **context: Any) -> Choice:
    """Decide, and see that what is sealed is decided again to the same bytes."""
    given = Context(directives=directives, **context)
    choice = decide(policy, facts, now, given)
    body = canonical_json(decision_body(policy, choice, subject=SUBJECT, facts=facts, context=given))
    assert replay(body, policy).differences == ()
    assert json.loads(body)["applied"] == list(choice.applied)
    return choice


class TestExclude:
    def test_excluded_rows_are_not_there(self, make_policy: MakePolicy, facts: Facts) -> None:
        risky = {**facts, "late_probability": 0.7}
        policy = make_policy(choosing_by_cost)
        choice = decide(policy, risky, NOW, Context(directives=(EXCLUDE,)))
        assert choice.applied == ("dir-exclude",)
        strongest = make_policy(lambda data: (choosing_by_cost(data), data.update(choice="strongest"))[0])
        carriers: Any = decided(strongest, risky, EXCLUDE).payload["carriers"]
        assert [row["carrier_id"] for row in carriers] == ["ACE"]

    def test_a_rule_that_needs_such_a_row_does_not_hit(self, policy: Policy, facts: Facts) -> None:
        other = directive("exclude", id="dir-2", rows_of="alternate_carriers", column="carrier_id", value="ACE")
        choice = decided(policy, {**facts, "late_probability": 0.7}, EXCLUDE, other)
        assert (choice.recommended_branch, choice.applied) == (Branch.SPLIT, ("dir-exclude", "dir-2"))

    def test_what_stands_already_stays_for_the_others_to_be_held_against(
        self, make_policy: MakePolicy, facts: Facts
    ) -> None:
        strongest = make_policy(lambda data: (choosing_by_cost(data), data.update(choice="strongest"))[0])
        priced = [("NWX", 50_000, 20_000), ("ACE", 40_000, 30_000), ("BEE", 90_000, 80_000)]
        options = tuple(
            {
                "carrier_id": carrier,
                "is_current": carrier == "NWX",
                "expected_cost_minor": cost,
                "rate_minor": rate,
                "late_probability": 0.2,
                "accepted_share": 0.9,
            }
            for carrier, cost, rate in priced
        )
        order = directive("exclude", rows_of="rebook_options", column="carrier_id", value="NWX")
        carriers: Any = decided(
            strongest, {**facts, "late_probability": 0.7, "rebook_options": options}, order
        ).payload["carriers"]
        assert [(row["carrier_id"], "rate_limit_minor" in row) for row in carriers] == [("ACE", True)]

    @pytest.mark.parametrize(
        "changes", [{"where": {"customer_id": "C-8"}}, {"value": "NOBODY"}, {"rows_of": "customer_id"}]
    )
    def test_what_takes_nothing_out_is_not_applied(self, policy: Policy, facts: Facts, changes: Facts) -> None:
        given = {"rows_of": "alternate_carriers", "column": "carrier_id", "value": "BEE", **changes}
        assert decided(policy, {**facts, "late_probability": 0.7}, directive("exclude", **given)).applied == ()


class TestSuppress:
    def test_such_cases_are_silent_and_counted(self, policy: Policy, facts: Facts) -> None:
        choice = decided(policy, {**facts, "late_probability": 0.5}, SUPPRESS)
        assert (choice.recommended_branch, choice.branch, choice.applied) == ("notify", "none", ("dir-suppress",))
        assert choice.suppressed_because == (
            "such cases are suppressed; transport-operations ordered it until 2026-03-03T12:00:00Z: strike at the hub"
        )

    def test_nothing_is_silenced_where_nothing_would_be_done(self, policy: Policy, facts: Facts) -> None:
        assert decided(policy, facts, SUPPRESS).applied == ()

    def test_where_it_cannot_be_told_nothing_is_silenced(self, policy: Policy, facts: Facts) -> None:
        choice = decided(policy, {**facts, "late_probability": 0.5, "customer_id": None}, SUPPRESS)
        assert choice.suppressed_because is None


class TestSnooze:
    def test_a_snoozed_rule_is_recorded_as_such_and_does_not_count(self, policy: Policy, facts: Facts) -> None:
        choice = decided(policy, {**facts, "late_probability": 0.5}, SNOOZE)
        result = next(result for result in choice.rule_results if result.rule_id == "likely_late")
        assert result.outcome is RuleOutcome.SNOOZED
        assert result.why.endswith("; snoozed: " + SNOOZE.because)
        assert (choice.recommended_branch, choice.applied) == (Branch.REVIEW, ("dir-snooze",))

    def test_a_rule_that_does_not_hit_stays_as_it_is(self, policy: Policy, facts: Facts) -> None:
        choice = decided(policy, facts, SNOOZE)
        assert {result.outcome for result in choice.rule_results} == {RuleOutcome.NO_HIT}

    def test_a_guardrail_cannot_be_snoozed(self, policy: Policy, facts: Facts) -> None:
        held = {**facts, "late_probability": 0.5, "customer_on_hold": True}
        choice = decided(policy, held, directive("snooze", rule="customer_on_hold"))
        assert choice.decided_by == "customer_on_hold"


class TestLimit:
    def test_a_limit_on_all_leaves_everything_to_a_person(self, policy: Policy, facts: Facts) -> None:
        choice = decided(policy, {**facts, "late_probability": 0.5}, LIMIT)
        assert (choice.branch, choice.mode, choice.applied) == (Branch.REVIEW, Mode.RECOMMEND, ("dir-limit",))
        assert choice.held_because == "notify acts, which mode recommend leaves to a person"

    def test_observe_stops_everything(self, policy: Policy, facts: Facts) -> None:
        stop = directive("limit", mode=Mode.OBSERVE, until=None)
        for risk in (0.3, 0.5, 0.7):
            choice = decided(policy, {**facts, "late_probability": risk}, stop)
            assert (choice.branch, choice.payload) == (Branch.NONE, {})

    def test_a_limit_never_raises(self, policy: Policy, facts: Facts) -> None:
        wide = directive("limit", mode=Mode.ACT_FINANCIAL)
        choice = decided(policy, {**facts, "late_probability": 0.7}, wide)
        assert (choice.mode, choice.applied) == (Mode.RECOMMEND, ())

    def test_the_tightest_of_several_counts_and_only_for_its_branch_and_cases(
        self, policy: Policy, facts: Facts
    ) -> None:
        orders = (
            directive("limit", id="a", mode=Mode.OBSERVE, branch=Branch.REBOOK),
            directive("limit", id="b", mode=Mode.OBSERVE, where={"carrier_id": "ACE"}),
            directive("limit", id="c", mode=Mode.RECOMMEND, branch=Branch.NOTIFY),
        )
        choice = decided(policy, {**facts, "late_probability": 0.5}, *orders)
        assert (choice.mode, choice.applied) == (Mode.RECOMMEND, ("c",))


class TestSegments:
    @pytest.mark.parametrize(
        ("tier", "mode"),
        [("critical", Mode.RECOMMEND), ("standard", Mode.ACT_NON_FINANCIAL), (None, Mode.RECOMMEND)],
    )
    def test_a_case_has_the_mode_of_its_segment_and_the_careful_one_where_that_cannot_be_told(
        self, make_policy: MakePolicy, facts: Facts, tier: str | None, mode: Mode
    ) -> None:
        def careful(data: dict[str, Any]) -> None:
            segments = [{"where": {"customer_tier": "critical"}, "mode": "recommend"}]
            data["branches"]["notify"]["segments"] = segments

        known = {**facts, "late_probability": 0.5, "customer_tier": tier, "ship_complete": True, "departed": True}
        assert decided(make_policy(careful), known).mode is mode

    def test_an_unknown_segment_before_the_one_that_fits_still_counts(
        self, make_policy: MakePolicy, facts: Facts
    ) -> None:
        def two(data: dict[str, Any]) -> None:
            segments = [
                {"where": {"customer_tier": "critical"}, "mode": "observe"},
                {"where": {"customer_id": "C-7"}, "mode": "act_non_financial"},
            ]
            data["branches"]["notify"]["segments"] = segments

        case = {**facts, "late_probability": 0.5, "departed": True}
        assert decided(make_policy(two), case).mode is Mode.ACT_NON_FINANCIAL
        assert decided(make_policy(two), {**case, "customer_tier": None}).mode is Mode.OBSERVE


class TestHistory:
    def test_a_rule_that_must_be_confirmed_waits_for_it(self, make_policy: MakePolicy, facts: Facts) -> None:
        def twice(data: dict[str, Any]) -> None:
            data["rules"][1]["confirm"] = {"times": 2, "within_hours": 6}

        policy = make_policy(twice)
        case = {**facts, "late_probability": 0.5}
        first = decided(policy, case)
        result = next(result for result in first.rule_results if result.rule_id == "likely_late")
        assert (result.outcome, first.recommended_branch) == (RuleOutcome.SNOOZED, Branch.REVIEW)
        assert result.why.endswith("; hit 1 of 2 times within 6 hours that it must")
        earlier = Past(at=NOW - timedelta(hours=6), branch=Branch.NONE, hits=("likely_late",))
        assert decided(policy, case, history=(earlier,)).recommended_branch is Branch.NOTIFY
        stale = Past(at=NOW - timedelta(hours=6, seconds=1), branch=Branch.NONE, hits=("likely_late",))
        other = Past(at=NOW - timedelta(hours=1), branch=Branch.NONE, hits=("at_risk",))
        assert decided(policy, case, history=(stale, other)).recommended_branch is Branch.REVIEW

    def test_a_rule_that_hit_holds_on_down_to_its_release(self, make_policy: MakePolicy, facts: Facts) -> None:
        def sticky(data: dict[str, Any]) -> None:
            data["thresholds"]["notify_from"]["release"] = 0.4

        policy = make_policy(sticky)
        hit = Past(at=NOW - timedelta(hours=1), branch=Branch.NOTIFY, hits=("at_risk", "likely_late"))
        missed = Past(at=NOW - timedelta(minutes=5), branch=Branch.NONE, hits=("at_risk",))
        for risk, history, branch in [
            (0.42, (), "review"),
            (0.42, (hit,), "notify"),
            (0.4, (hit,), "notify"),
            (0.399, (hit,), "review"),
            (0.42, (hit, missed), "review"),
        ]:
            choice = decided(policy, {**facts, "late_probability": risk}, history=history)
            assert choice.recommended_branch == branch, (risk, history)

    @pytest.mark.parametrize(
        ("hours", "outcome", "why"),
        [
            (None, RuleOutcome.UNKNOWN, "hours_to_departure is unknown"),
            ("soon", RuleOutcome.ERROR, "hours_to_departure is wrong: found 'soon'"),
        ],
    )
    def test_a_rule_that_would_hold_on_names_what_it_lacks(
        self, make_policy: MakePolicy, facts: Facts, hours: object, outcome: RuleOutcome, why: str
    ) -> None:
        def sticky(data: dict[str, Any]) -> None:
            data["thresholds"]["rebook_from"]["release"] = 0.55

        hit = Past(at=NOW - timedelta(hours=1), branch=Branch.REBOOK, hits=("at_risk", "another_carrier"))
        case = {**facts, "late_probability": 0.58, "hours_to_departure": hours}
        choice = decided(make_policy(sticky), case, history=(hit,))
        (result,) = [result for result in choice.rule_results if result.rule_id == "another_carrier"]
        assert result.outcome is outcome
        assert why in result.why
        assert choice.missing == {"hours_to_departure": result.why}
        assert any(note.startswith("another_carrier (rebook) could not be determined: hours") for note in choice.notes)

    def test_a_guardrail_that_hit_holds_on_too(self, make_policy: MakePolicy, facts: Facts) -> None:
        def sticky(data: dict[str, Any]) -> None:
            threshold = {"unit": "hours", "owner": "transport-operations", "why": "no time is left to act"}
            data["thresholds"]["too_late"] = {"value": 2, "release": 3, **threshold}
            data["guardrails"][1]["when"] = {"fact": "hours_to_departure", "below": "$too_late"}

        policy = make_policy(sticky)
        hit = Past(at=NOW - timedelta(hours=1), branch=Branch.REVIEW, hits=("customer_on_hold",))
        for hours, history, held in [(2.5, (), False), (2.5, (hit,), True), (3.0, (hit,), False)]:
            choice = decided(policy, {**facts, "hours_to_departure": hours}, history=history)
            assert (choice.decided_by == "customer_on_hold") is held, (hours, history)

    def test_a_branch_rests_after_it_was_taken_for_the_same_customer(
        self, make_policy: MakePolicy, facts: Facts
    ) -> None:
        def rests(data: dict[str, Any]) -> None:
            data["branches"]["notify"]["cool_down"] = {"hours": 4, "per": "customer_id"}

        policy = make_policy(rests)
        case = {**facts, "late_probability": 0.5}
        for hours, branch in [(3.9, Branch.NONE), (4.0, Branch.NOTIFY)]:
            choice = decided(policy, case, last_taken={Branch.NOTIFY: NOW - timedelta(hours=hours)})
            assert choice.branch is branch
        assert decided(policy, case, last_taken={Branch.REBOOK: NOW}).branch is Branch.NOTIFY
        resting = decided(policy, case, last_taken={Branch.NOTIFY: NOW})
        assert resting.suppressed_because == (
            "notify was taken at 2026-03-01T12:00:00Z for the same customer_id and rests for 4 hours"
        )


class TestShape:
    @pytest.mark.parametrize("given", [EXCLUDE, SUPPRESS, SNOOZE, LIMIT, directive("forbid", branch=Branch.REBOOK)])
    def test_what_is_complete_is_written_and_read_back(self, given: Directive) -> None:
        assert shape_mistakes(given) == []
        assert Directive.from_json(json.loads(canonical_json(given.as_json()))) == given

    @pytest.mark.parametrize(
        ("given", "mistake"),
        [
            (directive("forbid"), "`branch` is missing for forbid. Give it."),
            (directive("suppress"), "`where` is missing for suppress. Give it."),
            (directive("snooze", rule="a", until=None), "`until` is missing for snooze. Give it."),
            (
                directive("limit", mode=Mode.OBSERVE, rule="a"),
                "`rule` has no meaning for limit, which takes mode, until, where, branch. Leave it out.",
            ),
            (directive("snooze", rule="a", reason=" "), "found no owner or no reason. Say who orders it and why."),
            (
                directive("snooze", rule="a", until=NOW - timedelta(hours=1)),
                "it ends at 2026-03-01T11:00:00Z, before it begins. Give a later end.",
            ),
            (
                directive("forbid", branch=Branch.REVIEW),
                "review acts on nothing and cannot be forbidden. Name another branch.",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, given: Directive, mistake: str) -> None:
        assert shape_mistakes(given) == [mistake]

    def test_it_is_in_force_from_its_beginning_until_just_before_its_end(self) -> None:
        assert [EXCLUDE.in_force(at) for at in (EXCLUDE.since, EXCLUDE.until or NOW)] == [True, False]
        assert not EXCLUDE.in_force(EXCLUDE.since - timedelta(seconds=1))
        assert LIMIT.in_force(NOW + timedelta(days=9999))
        assert LIMIT.because.startswith("transport-operations ordered it until it is lifted")


class TestContext:
    def test_nothing_is_written_of_what_is_empty(self) -> None:
        assert NO_CONTEXT.as_json() == {}
        assert Context.from_json({}) == NO_CONTEXT

    def test_is_written_and_read_back(self) -> None:
        context = Context(
            capacity={"slots": 0.5},
            directives=(EXCLUDE, LIMIT),
            history=(Past(at=NOW, branch=Branch.NONE, hits=("a",)),),
            last_taken={Branch.NOTIFY: NOW},
        )
        assert Context.from_json(json.loads(canonical_json(context.as_json()))) == context
