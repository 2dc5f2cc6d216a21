from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.engine import Choice, decide
from routing.facts import Unknown
from routing.policy import Mode, Policy

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
SILENT = Unknown("the feed is silent")
TICK = timedelta(microseconds=1)
DEPARTURE_LESS_2_H = datetime(2026, 3, 2, 10, tzinfo=UTC)


def in_mode(make_policy: MakePolicy, bundle: str, **branches: str) -> Policy:
    def edit(data: dict[str, Any]) -> None:
        data["mode"] = bundle
        for branch, mode in branches.items():
            data["branches"][branch]["mode"] = mode

    return make_policy(edit)


@pytest.fixture(scope="module")
def bold(make_policy: MakePolicy) -> Policy:
    """Every branch may act by itself."""
    return in_mode(make_policy, "act_financial", split="act_financial", rebook="act_financial")


@pytest.fixture
def for_notify(facts: Facts) -> Facts:
    return {**facts, "late_probability": 0.5}


@pytest.fixture
def for_rebook(facts: Facts) -> Facts:
    return {**facts, "late_probability": 0.7}


@pytest.fixture
def for_escalate(facts: Facts) -> Facts:
    return {**facts, "late_probability": 0.5, "customer_tier": "critical", "value_at_stake_minor": 40_000}


def suggestion(choice: Choice) -> Any:
    return choice.payload["suggestion"]


class TestMode:
    """The ladder of autonomy: the bundle's mode is a ceiling for that of each branch."""

    @pytest.mark.parametrize(
        ("mode", "notify", "rebook"),
        [
            ("observe", "none", "none"),
            ("recommend", "review", "review"),
            ("act_non_financial", "notify", "review"),
            ("act_financial", "notify", "rebook"),
        ],
    )
    def test_of_the_bundle_says_how_far_every_branch_may_go(
        self, make_policy: MakePolicy, for_notify: Facts, for_rebook: Facts, now: datetime,
        mode: str, notify: str, rebook: str,
    ) -> None:  # fmt: skip
        policy = in_mode(make_policy, mode, rebook="act_financial", notify="act_financial")
        assert decide(policy, for_notify, now).branch == notify
        assert decide(policy, for_rebook, now).branch == rebook

    def test_of_a_branch_holds_it_back_while_others_act(
        self, make_policy: MakePolicy, for_notify: Facts, for_escalate: Facts, now: datetime
    ) -> None:
        policy = in_mode(make_policy, "act_financial", notify="recommend")
        assert decide(policy, for_notify, now).branch is Branch.REVIEW
        assert decide(policy, for_escalate, now).branch is Branch.ESCALATE

    def test_observe_for_one_branch_silences_it_alone(
        self, make_policy: MakePolicy, for_notify: Facts, for_escalate: Facts, now: datetime
    ) -> None:
        policy = in_mode(make_policy, "act_financial", notify="observe")
        choice = decide(policy, for_notify, now)
        assert (choice.branch, choice.recommended_branch, choice.mode) == (Branch.NONE, Branch.NOTIFY, Mode.OBSERVE)
        assert decide(policy, for_escalate, now).branch is Branch.ESCALATE

    def test_observe_for_the_bundle_stops_everything_and_records_what_would_be_done(
        self, make_policy: MakePolicy, for_escalate: Facts, now: datetime
    ) -> None:
        choice = decide(in_mode(make_policy, "observe"), for_escalate, now)
        assert (choice.branch, choice.recommended_branch, choice.payload) == (Branch.NONE, Branch.ESCALATE, {})
        assert choice.suppressed_because == "mode observe only records what would be done"

    def test_recommend_asks_a_person_with_all_the_action_needs(
        self, policy: Policy, bold: Policy, for_rebook: Facts, now: datetime
    ) -> None:
        choice = decide(policy, for_rebook, now)
        assert choice.held_because == "rebook spends money, which mode recommend leaves to a person"
        assert choice.decided_by == "another_carrier"
        assert suggestion(choice) == {"branch": "rebook", "payload": decide(bold, for_rebook, now).payload}
        assert choice.payload["question"] == "Should this shipment be sent to rebook?"

    def test_a_branch_without_money_says_that_it_acts(
        self, make_policy: MakePolicy, for_notify: Facts, now: datetime
    ) -> None:
        choice = decide(in_mode(make_policy, "recommend"), for_notify, now)
        assert choice.held_because == "notify acts, which mode recommend leaves to a person"

    def test_a_review_is_never_held_back_for_its_mode(
        self, make_policy: MakePolicy, facts: Facts, now: datetime
    ) -> None:
        choice = decide(in_mode(make_policy, "recommend"), {**facts, "late_probability": 0.3}, now)
        assert (choice.branch, choice.held_because, suggestion(choice)) == (Branch.REVIEW, None, None)


class TestRequires:
    @pytest.mark.parametrize(
        ("branch", "fact"),
        [
            *(("notify", fact) for fact in ("customer_id", "promised_at")),
            *(("split", fact) for fact in ("origin", "planned_departure_at")),
            *(("rebook", fact) for fact in ("carrier_id", "planned_departure_at", "value_minor", "currency")),
            ("escalate", "promised_at"),
        ],
    )
    @pytest.mark.parametrize("value", [SILENT, None, 2**70])
    def test_a_branch_without_a_fact_it_needs_goes_to_a_person_who_is_told_which(
        self, bold: Policy, for_notify: Facts, for_rebook: Facts, for_escalate: Facts, now: datetime,
        branch: str, fact: str, value: object,
    ) -> None:  # fmt: skip
        cases = {
            "notify": for_notify,
            "split": {**for_rebook, "customer_tier": "standard"},
            "rebook": for_rebook,
            "escalate": for_escalate,
        }
        choice = decide(bold, {**cases[branch], fact: value}, now)
        assert (choice.branch, choice.recommended_branch) == (Branch.REVIEW, branch)
        assert choice.decided_by == "branch_requirements"
        assert fact in choice.missing
        assert choice.held_because is not None
        assert choice.held_because.startswith(f"{branch} cannot be carried out: ")
        assert suggestion(choice) == {"branch": branch, "payload": None}
        assert choice.payload["missing"] == choice.missing

    def test_several_missing_facts_are_all_named(self, bold: Policy, for_notify: Facts, now: datetime) -> None:
        choice = decide(bold, {**for_notify, "customer_id": "", "promised_at": SILENT}, now)
        assert choice.held_because == (
            "notify cannot be carried out: customer_id is wrong: found '', expected text that is not empty; "
            "promised_at is unknown: the feed is silent"
        )

    def test_facts_that_are_only_passed_on_may_be_unknown(self, bold: Policy, for_notify: Facts, now: datetime) -> None:
        choice = decide(bold, {**for_notify, "destination": SILENT}, now)
        assert choice.branch is Branch.NOTIFY
        assert choice.payload["facts"] == {
            "customer_id": "C-7",
            "origin": "SEA",
            "destination": None,
            "promised_at": "2026-03-02T18:00:00Z",
        }

    def test_what_cannot_be_built_goes_to_a_person_with_the_reason(
        self, bold: Policy, for_rebook: Facts, now: datetime
    ) -> None:
        only_itself = ({"carrier_id": "NWX", "late_share": 0.1, "legs": 3},)
        choice = decide(bold, {**for_rebook, "alternate_carriers": only_itself}, now)
        assert choice.branch is Branch.REVIEW
        assert choice.held_because == (
            "rebook cannot be carried out: no other carrier was late on less than 20 % of its legs"
        )


class TestLatestUseful:
    @pytest.mark.parametrize(
        ("moment", "branch"),
        [
            (DEPARTURE_LESS_2_H - TICK, Branch.REBOOK),
            (DEPARTURE_LESS_2_H, Branch.REVIEW),
            (DEPARTURE_LESS_2_H + TICK, Branch.REVIEW),
        ],
    )
    def test_from_its_latest_useful_moment_on_a_branch_is_not_taken(
        self, bold: Policy, for_rebook: Facts, moment: datetime, branch: Branch
    ) -> None:
        choice = decide(bold, for_rebook, moment)
        assert choice.branch is branch
        assert choice.latest_useful_at == DEPARTURE_LESS_2_H

    def test_a_bundle_may_let_it_go_instead(self, make_policy: MakePolicy, for_notify: Facts, now: datetime) -> None:
        policy = make_policy(lambda data: data["branches"]["notify"].update(after_latest_useful="none"))
        choice = decide(policy, for_notify, now + timedelta(hours=30))
        assert (choice.branch, choice.payload) == (Branch.NONE, {})
        assert choice.suppressed_because == "the latest useful moment for notify has passed (2026-03-02T18:00:00Z)"

    def test_a_review_asked_for_too_late_is_still_a_review(self, policy: Policy, facts: Facts, now: datetime) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.3}, now + timedelta(hours=30))
        assert choice.branch is Branch.REVIEW
        assert choice.held_because == "the latest useful moment for review has passed (2026-03-02T18:00:00Z)"
        assert suggestion(choice) is None

    def test_a_review_without_a_known_moment_has_none(self, policy: Policy, facts: Facts, now: datetime) -> None:
        choice = decide(policy, {**facts, "late_probability": 0.3, "promised_at": SILENT}, now)
        assert (choice.branch, choice.latest_useful_at, choice.payload["answer_by"]) == (Branch.REVIEW, None, None)

    def test_a_branch_without_one_is_always_of_use(
        self, make_policy: MakePolicy, for_notify: Facts, now: datetime
    ) -> None:
        policy = make_policy(lambda data: data["branches"]["notify"].pop("latest_useful"))
        choice = decide(policy, for_notify, now + timedelta(days=900))
        assert (choice.branch, choice.latest_useful_at) == (Branch.NOTIFY, None)


class TestDoubt:
    def test_it_is_not_certain_what_was_done_before(self, bold: Policy, for_rebook: Facts, now: datetime) -> None:
        choice = decide(bold, {**for_rebook, "strongest_branch_taken": SILENT}, now)
        assert (choice.branch, choice.decided_by) == (Branch.REVIEW, "unknown")
        assert choice.held_because == (
            "it is not certain what was done before (strongest_branch_taken is unknown: the feed is silent)"
        )

    def test_money_waits_for_a_stronger_rule_that_is_undetermined(
        self, bold: Policy, for_rebook: Facts, now: datetime
    ) -> None:
        case = {**for_rebook, "customer_tier": "critical", "value_at_stake_minor": SILENT}
        choice = decide(bold, case, now)
        assert (choice.branch, choice.recommended_branch) == (Branch.REVIEW, Branch.REBOOK)
        assert choice.held_because == (
            "rebook spends money and rule critical_at_stake for escalate could not be determined "
            "(value_at_stake_minor is unknown: the feed is silent)"
        )

    def test_a_message_does_not_wait_for_it_but_notes_it(self, bold: Policy, for_notify: Facts, now: datetime) -> None:
        case = {**for_notify, "customer_tier": "critical", "value_at_stake_minor": SILENT}
        choice = decide(bold, case, now)
        assert (choice.branch, choice.held_because) == (Branch.NOTIFY, None)
        assert [note.split()[0] for note in choice.notes] == ["critical_at_stake"]

    def test_a_weaker_rule_that_is_undetermined_holds_nothing_up(
        self, bold: Policy, for_rebook: Facts, now: datetime
    ) -> None:
        choice = decide(bold, {**for_rebook, "ship_complete": SILENT}, now)
        assert (choice.branch, choice.notes) == (Branch.REBOOK, ())


class TestOrderOfReasons:
    def test_what_was_done_before_counts_more_than_that_it_is_too_late(
        self, bold: Policy, for_notify: Facts, now: datetime
    ) -> None:
        again = {**for_notify, "strongest_branch_taken": "notify"}
        assert decide(bold, again, now + timedelta(days=9)).branch is Branch.NONE

    def test_that_it_is_too_late_counts_more_than_a_missing_fact(
        self, bold: Policy, for_notify: Facts, now: datetime
    ) -> None:
        choice = decide(bold, {**for_notify, "customer_id": SILENT}, now + timedelta(days=9))
        assert choice.held_because is not None
        assert "latest useful moment" in choice.held_because


class TestWords:
    def test_staff_read_why_and_customers_read_nothing_of_what_was_held_back(
        self, policy: Policy, for_rebook: Facts, now: datetime
    ) -> None:
        choice = decide(policy, for_rebook, now)
        assert choice.reason_staff == (
            "Late risk with carrier NWX is 70 % and it leaves in 24.0 hours; another carrier does better on this lane. "
            "Held for review: rebook spends money, which mode recommend leaves to a person."
        )
        assert choice.reason_customer == "We are checking your shipment."
        assert choice.payload["because"] == choice.reason_staff

    def test_a_customer_is_told_of_an_action_only_when_it_is_taken(
        self, bold: Policy, for_rebook: Facts, now: datetime
    ) -> None:
        assert decide(bold, for_rebook, now).reason_customer == (
            "Your shipment to ORD will travel with another carrier, so that it arrives in time."
        )
        again = decide(bold, {**for_rebook, "strongest_branch_taken": "rebook"}, now)
        assert again.reason_customer == "Your shipment is on its way as planned."

    def test_an_unknown_fact_reads_unknown(self, policy: Policy, facts: Facts, now: datetime) -> None:
        choice = decide(policy, {**facts, "carrier_known": False, "carrier_id": SILENT}, now)
        assert choice.reason_staff == "Carrier unknown has no history here; the risk cannot be told."
