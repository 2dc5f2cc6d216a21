from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import nextafter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from features.vocabulary import Branch
from routing.decision import GENESIS, decision_body, seal
from routing.engine import Choice, decide
from routing.errors import NaiveTimeError
from routing.evaluation import RuleOutcome
from routing.facts import Unknown
from routing.policy import Policy
from routing.recording import encode_facts

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
ROOT = Path(__file__).parents[2]
NEW_YORK = ZoneInfo("America/New_York")
UNDECIDED = Unknown("the feed is silent")


def just_below(value: float) -> float:
    return nextafter(value, 0.0)


def outcomes(choice: Choice) -> dict[str, RuleOutcome]:
    return {result.rule_id: result.outcome for result in choice.rule_results}


@pytest.fixture
def critical(facts: Facts) -> Facts:
    """A critical shipment that will more likely be late than not."""
    return {**facts, "customer_tier": "critical", "late_probability": 0.5, "value_at_stake_minor": 30_000}


class TestBands:
    @pytest.mark.parametrize(
        ("probability", "recommended"),
        [
            (0.0, "none"),
            (just_below(0.25), "none"),
            (0.25, "review"),
            (just_below(0.45), "review"),
            (0.45, "notify"),
            (just_below(0.55), "notify"),
            (0.55, "split"),
            (just_below(0.6), "split"),
            (0.6, "rebook"),
            (1.0, "rebook"),
        ],
    )
    def test_a_threshold_belongs_to_the_band_above_it(
        self, policy: Policy, facts: Facts, now: datetime, probability: float, recommended: str
    ) -> None:
        assert decide(policy, {**facts, "late_probability": probability}, now).recommended_branch == recommended

    @pytest.mark.parametrize(("stake_minor", "recommended"), [(29_999, "notify"), (30_000, "escalate")])
    def test_an_amount_at_its_threshold_is_enough(
        self, policy: Policy, critical: Facts, now: datetime, stake_minor: int, recommended: str
    ) -> None:
        choice = decide(policy, {**critical, "value_at_stake_minor": stake_minor}, now)
        assert choice.branch == choice.recommended_branch == recommended

    @pytest.mark.parametrize(("hours", "recommended"), [(4, "rebook"), (just_below(4.0), "split")])
    def test_the_last_hour_in_which_rebooking_is_of_use_still_counts(
        self, policy: Policy, facts: Facts, now: datetime, hours: float, recommended: str
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.7, "hours_to_departure": hours}, now)
        assert choice.recommended_branch == recommended

    @pytest.mark.parametrize(("late_share", "recommended"), [(just_below(0.2), "rebook"), (0.2, "split")])
    def test_below_does_not_include_its_bound(
        self, policy: Policy, facts: Facts, now: datetime, late_share: float, recommended: str
    ) -> None:
        carriers = ({"carrier_id": "ACE", "late_share": late_share, "legs": 40},)
        choice = decide(policy, {**facts, "late_probability": 0.7, "alternate_carriers": carriers}, now)
        assert choice.recommended_branch == recommended

    def test_no_rule_that_hits_leads_to_the_declared_default(self, policy: Policy, facts: Facts, now: datetime) -> None:
        choice = decide(policy, facts, now)
        assert (choice.branch, choice.recommended_branch, choice.decided_by) == ("none", "none", "default")
        assert choice.reason_staff == "Late risk is 10 %; nothing calls for action."
        assert choice.payload == {}
        assert (choice.held_because, choice.suppressed_because, choice.latest_useful_at) == (None, None, None)

    def test_the_default_may_be_a_person(self, make_policy: MakePolicy, facts: Facts, now: datetime) -> None:
        policy = make_policy(lambda data: data["default"].update(branch="review"))
        choice = decide(policy, facts, now)
        assert (choice.branch, choice.decided_by) == ("review", "default")
        assert choice.payload["suggestion"] is None


class TestCombination:
    def test_the_strongest_branch_wins_whatever_the_order_of_the_rules(
        self, make_policy: MakePolicy, critical: Facts, now: datetime
    ) -> None:
        policy = make_policy(lambda data: data["rules"].reverse())
        assert decide(policy, critical, now).recommended_branch == "escalate"

    def test_of_two_rules_for_one_branch_the_first_that_hits_decides(
        self, make_policy: MakePolicy, facts: Facts, now: datetime
    ) -> None:
        def also_for_dear_goods(data: dict[str, Any]) -> None:
            rule: dict[str, Any] = {"id": "dear", "owner": "transport-operations", "branch": "review"}
            rule |= {"when": {"fact": "value_minor", "at_least": 1_000_000}}
            data["rules"].insert(0, rule | {"sentence_staff": "Dear.", "sentence_customer": "We look."})

        choice = decide(make_policy(also_for_dear_goods), {**facts, "late_probability": 0.3}, now)
        assert (choice.decided_by, choice.reason_staff) == ("dear", "Dear.")

    def test_a_guardrail_comes_before_every_rule(self, policy: Policy, critical: Facts, now: datetime) -> None:
        choice = decide(policy, {**critical, "customer_on_hold": True}, now)
        assert (choice.branch, choice.decided_by) == ("review", "customer_on_hold")
        assert outcomes(choice)["critical_at_stake"] is RuleOutcome.HIT

    def test_the_first_of_two_guardrails_that_hit_decides(self, policy: Policy, facts: Facts, now: datetime) -> None:
        choice = decide(policy, {**facts, "delivered_or_cancelled": True, "customer_on_hold": True}, now)
        assert (choice.branch, choice.decided_by) == ("none", "delivered_or_cancelled")

    @pytest.mark.parametrize(
        ("fact", "value", "decided_by"),
        [("has_promise", False, "no_promise"), ("carrier_known", False, "carrier_unknown")],
    )
    def test_what_the_model_cannot_judge_goes_to_a_person(
        self, policy: Policy, facts: Facts, now: datetime, fact: str, value: bool, decided_by: str
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.9, fact: value}, now)
        assert (choice.branch, choice.decided_by) == ("review", decided_by)

    def test_every_guardrail_and_rule_is_recorded_in_the_order_of_the_document(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.47}, now)
        ids = [rule.id for rule in (*policy.guardrails, *policy.rules)]
        assert [result.rule_id for result in choice.rule_results] == ids
        assert [name for name, outcome in outcomes(choice).items() if outcome is RuleOutcome.HIT] == [
            "at_risk",
            "likely_late",
        ]

    def test_a_result_says_which_value_settled_it(self, policy: Policy, facts: Facts, now: datetime) -> None:
        why = {result.rule_id: result.why for result in decide(policy, {**facts, "departed": True}, now).rule_results}
        assert why["at_risk"] == "late_probability is 0.1, not at least 0.25 ($review_from)"
        assert why["customer_on_hold"] == "customer_on_hold is false, not is true"

    def test_a_result_tells_of_the_facts_it_was_decided_by_whatever_becomes_of_them(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        choice = decide(policy, facts, now)
        before = choice.rule_results
        facts.update(late_probability=0.9, departed=True)
        assert choice.rule_results == before


class TestUnknown:
    @pytest.mark.parametrize("value", [UNDECIDED, None, float("nan"), 1.5, "0.9", True])
    def test_a_risk_nobody_knows_goes_to_a_person(
        self, policy: Policy, facts: Facts, now: datetime, value: object
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": value}, now)
        assert (choice.branch, choice.recommended_branch, choice.decided_by) == ("review", "review", "unknown")
        assert "late_probability" in choice.missing
        assert choice.payload["missing"] == choice.missing

    def test_a_wrong_fact_makes_an_error_and_an_absent_one_an_unknown(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        wrong = decide(policy, {**facts, "late_probability": 1.5}, now)
        assert outcomes(wrong)["at_risk"] is RuleOutcome.ERROR
        assert wrong.missing["late_probability"] == (
            "late_probability is wrong: found 1.5, expected a probability from 0 to 1"
        )
        absent = decide(policy, {**facts, "late_probability": UNDECIDED}, now)
        assert outcomes(absent)["at_risk"] is RuleOutcome.UNKNOWN
        assert absent.missing["late_probability"] == "late_probability is unknown: the feed is silent"

    def test_no_fact_at_all_goes_to_a_person(self, policy: Policy, now: datetime) -> None:
        choice = decide(policy, {}, now)
        assert (choice.branch, choice.decided_by) == ("review", "unknown")

    def test_an_unknown_fact_that_settles_nothing_is_no_obstacle(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        choice = decide(policy, {**facts, "pieces": UNDECIDED, "customer_tier": UNDECIDED}, now)
        assert (choice.branch, choice.decided_by, choice.missing, choice.notes) == ("none", "default", {}, ())

    def test_an_undetermined_rule_without_any_hit_is_never_taken_for_a_no(
        self, make_policy: MakePolicy, facts: Facts, now: datetime
    ) -> None:
        def only_escalate(data: dict[str, Any]) -> None:
            data["rules"] = [rule for rule in data["rules"] if rule["id"] == "critical_at_stake"]

        known = {**facts, "late_probability": 0.9, "customer_tier": "critical"}
        choice = decide(make_policy(only_escalate), {**known, "value_at_stake_minor": UNDECIDED}, now)
        assert (choice.branch, choice.decided_by) == ("review", "unknown")
        assert choice.notes == (
            "critical_at_stake (escalate) could not be determined: value_at_stake_minor is unknown: the feed is silent",
        )

    def test_a_guardrail_that_cannot_be_determined_keeps_every_action_back(
        self, policy: Policy, critical: Facts, now: datetime
    ) -> None:
        choice = decide(policy, {**critical, "customer_on_hold": UNDECIDED}, now)
        assert (choice.branch, choice.recommended_branch, choice.decided_by) == ("review", "escalate", "unknown")
        assert choice.held_because is not None
        assert choice.held_because.startswith("guardrail customer_on_hold could not be determined")

    def test_an_amount_in_another_currency_goes_to_a_person(
        self, policy: Policy, critical: Facts, now: datetime
    ) -> None:
        choice = decide(policy, {**critical, "late_probability": 0.3, "currency": "USD"}, now)
        assert choice.branch == "review"
        critical_choice = decide(policy, {**critical, "currency": "USD"}, now)
        assert critical_choice.recommended_branch == "notify"
        assert critical_choice.missing["value_at_stake_minor"] == (
            "value_at_stake_minor is unknown: the amount is in USD, the policy counts in EUR"
        )
        assert "critical_at_stake (escalate) could not be determined" in critical_choice.notes[0]


class TestTime:
    def test_a_time_without_a_zone_is_refused(self, policy: Policy, facts: Facts) -> None:
        with pytest.raises(NaiveTimeError, match="without a zone"):
            decide(policy, facts, datetime(2026, 3, 1, 12))  # noqa: DTZ001

    def test_the_moment_of_the_decision_is_the_one_given_in_utc(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        choice = decide(policy, facts, now.astimezone(NEW_YORK))
        assert choice.decided_at == now
        assert choice.decided_at.tzinfo is UTC

    def test_two_hours_before_are_two_hours_also_where_the_clocks_were_changed(
        self, policy: Policy, facts: Facts
    ) -> None:
        departure = datetime(2026, 3, 8, 3, 30, tzinfo=NEW_YORK)  # clocks went from 2:00 to 3:00 half an hour ago
        timed = {**facts, "late_probability": 0.7, "planned_departure_at": departure}
        choice = decide(policy, timed, datetime(2026, 3, 7, tzinfo=UTC))
        assert choice.latest_useful_at == datetime(2026, 3, 8, 5, 30, tzinfo=UTC)

    def test_the_zone_a_time_is_written_in_changes_nothing(self, policy: Policy, facts: Facts, now: datetime) -> None:
        elsewhere = {
            name: value.astimezone(NEW_YORK) if isinstance(value, datetime) else value for name, value in facts.items()
        }
        risky = {"late_probability": 0.7}
        assert decide(policy, elsewhere | risky, now.astimezone(NEW_YORK)) == decide(policy, facts | risky, now)


RECORD = """
import json, sys
from datetime import datetime
from pathlib import Path
from routing.decision import GENESIS, decision_body, seal
from routing.engine import decide
from routing.loader import load_policy
from routing.recording import decode_facts
heavy = {"numpy", "pandas", "sklearn", "httpx", "sqlalchemy", "fastapi"} & sys.modules.keys()
assert not heavy, heavy
given = json.load(sys.stdin)
facts, now = decode_facts(given["facts"]), datetime.fromisoformat(given["now"])
policy = load_policy(Path("routing/policies/late_shipments.yaml"))
body = decision_body(policy, decide(policy, facts, now), subject=given["subject"], facts=facts)
print(seal(body, sequence=1, previous_hash=GENESIS).hash)
"""


class TestPurity:
    def test_equal_input_gives_an_equal_choice_and_leaves_the_input_as_it_was(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        before = json.dumps(facts, default=str)
        first = decide(policy, {**facts, "late_probability": 0.7}, now)
        assert decide(policy, {**facts, "late_probability": 0.7}, now) == first
        assert json.dumps(facts, default=str) == before

    def test_the_order_of_the_facts_changes_no_byte_of_the_record(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        def text(given: Facts) -> str:
            subject = {"type": "shipment", "id": "SHP-1", "version": "1"}
            body = decision_body(policy, decide(policy, given, now), subject=subject, facts=given)
            return seal(body, sequence=1, previous_hash=GENESIS).body

        assert text(dict(reversed(facts.items()))) == text(facts)

    def test_another_process_seals_the_same_record_without_frames_web_or_database(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        risky = {**facts, "late_probability": 0.7}
        subject = {"type": "shipment", "id": "SHP-1", "version": "1"}
        body = decision_body(policy, decide(policy, risky, now), subject=subject, facts=risky)
        given = json.dumps({"facts": encode_facts(risky), "now": now.isoformat(), "subject": subject})
        said = subprocess.run(
            [sys.executable, "-c", RECORD],
            input=given,
            env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr
        assert said.stdout.strip() == seal(body, sequence=1, previous_hash=GENESIS).hash


class TestNewSignals:
    """What was done before, or is with a person, neither repeats nor swallows what comes after."""

    @pytest.mark.parametrize("taken", ["none", "review", "notify", "split"])
    def test_stronger_evidence_goes_on_to_the_stronger_branch(
        self, policy: Policy, facts: Facts, now: datetime, taken: str
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.7, "strongest_branch_taken": taken}, now)
        assert (choice.recommended_branch, choice.branch) == ("rebook", "review")
        assert choice.payload["suggestion"] is not None

    @pytest.mark.parametrize("taken", ["notify", "split", "rebook", "escalate"])
    def test_what_is_as_strong_is_not_done_twice_and_says_why(
        self, policy: Policy, facts: Facts, now: datetime, taken: str
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.5, "strongest_branch_taken": taken}, now)
        assert (choice.branch, choice.recommended_branch, choice.payload) == (Branch.NONE, "notify", {})
        assert choice.suppressed_because == (
            f"{taken} was taken or suggested before, which is as strong as notify or stronger"
        )
        assert choice.reason_staff.endswith(f"Nothing is done: {choice.suppressed_because}.")

    def test_a_shipment_months_past_its_promise_starts_nothing(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.5}, now + timedelta(days=90))
        assert (choice.recommended_branch, choice.branch) == ("notify", "review")
        assert choice.held_because == "the latest useful moment for notify has passed (2026-03-02T18:00:00Z)"
