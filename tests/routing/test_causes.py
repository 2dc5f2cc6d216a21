"""The common-cause detector, and what a cause does to a decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Branch, SubjectType
from routing.canonical import canonical_json
from routing.causes import Counts, Verdict, Watch, cause_id_of, findings_of, judge
from routing.context import Context
from routing.decision import decision_body
from routing.directives import Directive, DirectiveKind
from routing.engine import Choice, decide
from routing.playbooks import Playbook
from routing.policy import Mode, Policy
from routing.replay import replay

Facts = dict[str, Any]
MakePolicy = Callable[[Callable[[dict[str, Any]], None]], Policy]
CAUSE = "cause_" + "0" * 32
NAMES = {"playbook": "carrier_outage", "key": "NWX"}


@pytest.fixture
def playbook(policy: Policy) -> Playbook:
    """25 of at least a fifth within two hours declare it; of 20 fewer than a tenth within half an hour end it."""
    return policy.playbooks["carrier_outage"]


@pytest.fixture
def silent(facts: Facts) -> Facts:
    """A likely late shipment on its way of which nothing was heard for a day."""
    return {**facts, "departed": True, "carrier_hours_silent": 24.0, "late_probability": 0.5}


def counted(shown: int, seen: int) -> Watch:
    return Watch(**NAMES, counts=Counts(shown=shown, seen=seen))


def standing(now: datetime, shown: int = 30, seen: int = 30) -> Watch:
    return counted(shown, seen)._replace(cause_id=CAUSE, since=now - timedelta(hours=1))


def under(policy: Policy, facts: Facts, now: datetime, *watches: Watch, **context: Any) -> Choice:
    """Decide, after seeing that what is sealed is decided again to the same bytes."""
    given = Context(watches=watches, **context)
    choice = decide(policy, facts, now, given)
    subject = {"type": "shipment", "id": "S", "version": "1"}
    text = canonical_json(decision_body(policy, choice, subject=subject, facts=facts, context=given))
    assert replay(text, policy).body == text
    assert ("cause" in json.loads(text)) is (choice.cause is not None)
    return choice


class TestJudge:
    @pytest.mark.parametrize(
        ("shown", "seen", "verdict"),
        [(24, 24, "quiet"), (25, 25, "declared"), (25, 125, "declared"), (25, 126, "quiet"), (0, 0, "quiet")],
    )
    def test_declares_by_number_and_share(
        self, playbook: Playbook, now: datetime, shown: int, seen: int, verdict: str
    ) -> None:
        assert judge(playbook, counted(0, 0), Counts(shown=shown, seen=seen), now) == verdict

    @pytest.mark.parametrize(
        ("shown", "seen", "verdict"),
        [(1, 20, "over"), (2, 20, "stands"), (0, 19, "stands"), (25, 25, "stands"), (0, 20, "over")],
    )
    def test_ends_by_a_smaller_share_of_enough(
        self, playbook: Playbook, now: datetime, shown: int, seen: int, verdict: str
    ) -> None:
        assert judge(playbook, standing(now), Counts(shown=shown, seen=seen), now) == verdict

    def test_what_is_held_is_enough_if_it_is_all(self, playbook: Playbook, now: datetime) -> None:
        counts = Counts(shown=0, seen=3)
        assert judge(playbook, standing(now), counts, now, held=3) is Verdict.OVER
        assert judge(playbook, standing(now), counts, now, held=4) is Verdict.STANDS
        assert judge(playbook, standing(now), Counts(), now, held=0) is Verdict.OVER, "nothing is left to show it"

    def test_rests_after_a_person_ended_the_last_one(self, playbook: Playbook, now: datetime) -> None:
        enough = Counts(shown=30, seen=30)
        resting = counted(0, 0)._replace(rests_until=now + timedelta(seconds=1))
        assert judge(playbook, resting, enough, now) is Verdict.QUIET
        assert judge(playbook, resting, enough, now + timedelta(seconds=1)) is Verdict.DECLARED

    @given(shown=st.integers(0, 60), others=st.integers(0, 250))
    def test_is_never_over_by_the_counts_that_declare_it(self, policy: Policy, shown: int, others: int) -> None:
        playbook, now = policy.playbooks["carrier_outage"], datetime.fromisoformat("2026-03-01T12:00:00Z")
        counts = Counts(shown=shown, seen=shown + others)
        if judge(playbook, counted(0, 0), counts, now) is Verdict.DECLARED:
            assert judge(playbook, standing(now), counts, now) is Verdict.STANDS


class TestFindings:
    def test_a_case_is_counted_with_the_others(self, policy: Policy, silent: Facts, now: datetime) -> None:
        known = policy.reader.read(silent).known
        found = {each.playbook.name: each for each in findings_of(policy.playbooks, [counted(24, 30)], known, now)}
        outage = found["carrier_outage"]
        assert (outage.verdict, outage.counts) == (Verdict.DECLARED, Counts(shown=25, seen=31))
        assert outage.cause_id == cause_id_of("carrier_outage", "NWX", now)
        assert outage.because == "carrier_outage of NWX is declared: 25 of 31 cases show it within 120 minutes"
        assert (found["warehouse_downtime"].key, found["warehouse_downtime"].shows) == ("SEA", False)

    @pytest.mark.parametrize(("hours", "shows"), [(24.0, True), (1.0, False), (None, None)])
    def test_a_scope_of_which_nothing_is_known_is_one_of_which_nobody_was_seen(
        self, policy: Policy, silent: Facts, now: datetime, hours: float | None, shows: bool | None
    ) -> None:
        known = policy.reader.read({**silent, "carrier_hours_silent": hours}).known
        found = findings_of(policy.playbooks, [], known, now)
        assert found == findings_of(policy.playbooks, [counted(0, 0)], known, now)
        assert (found[0].shows, found[0].counts) == (shows, Counts(int(shows is True), int(shows is not None)))

    def test_one_that_does_not_show_it_declares_nothing(self, policy: Policy, facts: Facts, now: datetime) -> None:
        known = policy.reader.read(facts).known
        assert findings_of(policy.playbooks, [counted(40, 40)], known, now)[0].verdict is Verdict.QUIET

    def test_one_that_cannot_be_told_is_not_counted(self, policy: Policy, silent: Facts, now: datetime) -> None:
        del silent["carrier_hours_silent"]
        (outage, _) = findings_of(policy.playbooks, [counted(24, 30)], policy.reader.read(silent).known, now)
        assert (outage.shows, outage.counts) == (None, Counts(shown=24, seen=30))

    def test_a_case_without_a_scope_belongs_to_none(self, policy: Policy, silent: Facts, now: datetime) -> None:
        del silent["carrier_id"]
        known = policy.reader.read(silent).known
        assert [each.playbook.name for each in findings_of(policy.playbooks, [], known, now)] == ["warehouse_downtime"]

    def test_a_scope_of_several_facts_is_named_by_all(self, make_policy: MakePolicy, facts: Facts) -> None:
        policy = make_policy(lambda data: data["playbooks"]["carrier_outage"].update(watches=["origin", "destination"]))
        assert policy.playbooks["carrier_outage"].key_of(policy.reader.read(facts).known) == "SEA → ORD"


class TestHolding:
    def test_a_branch_that_it_suspends_is_held(self, policy: Policy, silent: Facts, now: datetime) -> None:
        choice = under(policy, silent, now, standing(now))
        assert (choice.branch, choice.recommended_branch, choice.payload) == (Branch.NONE, Branch.NOTIFY, {})
        assert choice.cause is not None
        assert choice.cause.cause_id == CAUSE
        assert choice.suppressed_because is not None
        assert choice.suppressed_because.endswith(f"carrier_outage of NWX stands since 2026-03-01T11:00:00Z ({CAUSE})")

    def test_what_would_go_to_a_person_is_held_too(self, policy: Policy, silent: Facts, now: datetime) -> None:
        del silent["late_probability"]
        choice = under(policy, silent, now, standing(now))
        assert (choice.branch, choice.recommended_branch, choice.decided_by) == (Branch.NONE, Branch.REVIEW, "unknown")
        assert choice.cause is not None

    def test_a_branch_that_it_does_not_suspend_goes_on(
        self, make_policy: MakePolicy, silent: Facts, now: datetime
    ) -> None:
        policy = make_policy(lambda data: data["playbooks"]["carrier_outage"].update(suspends=["review", "split"]))
        choice = under(policy, silent, now, standing(now))
        assert (choice.branch, choice.cause) == (Branch.NOTIFY, None)

    def test_a_guardrail_goes_before_it(self, policy: Policy, silent: Facts, now: datetime) -> None:
        choice = under(policy, {**silent, "customer_on_hold": True}, now, standing(now))
        assert (choice.branch, choice.cause) == (Branch.REVIEW, None)

    def test_what_comes_to_nothing_anyway_is_not_held(self, policy: Policy, silent: Facts, now: datetime) -> None:
        for changes in ({"late_probability": 0.1}, {"strongest_branch_taken": "notify"}):
            choice = under(policy, silent | changes, now, standing(now))
            assert (choice.branch, choice.cause) == (Branch.NONE, None)

    def test_where_only_what_shows_it_is_held_the_others_go_on(
        self, make_policy: MakePolicy, silent: Facts, now: datetime
    ) -> None:
        policy = make_policy(lambda data: data["playbooks"]["carrier_outage"].update(holds="showing"))
        assert under(policy, silent, now, standing(now)).cause is not None
        heard = {**silent, "carrier_hours_silent": 1.0}
        for other in (heard, {name: value for name, value in silent.items() if name != "carrier_hours_silent"}):
            choice = under(policy, other, now, standing(now))
            assert (choice.branch, choice.cause) == (Branch.NOTIFY, None)

    def test_what_is_over_holds_nothing(self, policy: Policy, silent: Facts, now: datetime) -> None:
        choice = under(policy, {**silent, "carrier_hours_silent": 1.0}, now, standing(now, shown=2, seen=30))
        assert (choice.branch, choice.cause) == (Branch.NOTIFY, None)
        assert choice.notes == ("carrier_outage of NWX is over: 2 of 31 cases show it within 30 minutes",)

    def test_a_watch_of_a_playbook_that_is_no_more_is_passed_over(
        self, policy: Policy, silent: Facts, now: datetime
    ) -> None:
        other = standing(now)._replace(playbook="strike")
        assert under(policy, silent, now, other).branch is Branch.NOTIFY


class TestParent:
    def test_its_owner_is_called_with_the_runbook(self, policy: Policy, silent: Facts, now: datetime) -> None:
        choice = under(policy, silent, now, counted(24, 24))
        (parent,) = choice.parents
        assert choice.cause is parent.finding
        assert parent.answer_by == now + timedelta(minutes=30)
        assert parent.payload is not None
        assert parent.payload["to"] == {"owner": "duty-manager", "channel": "pager:duty-manager"}
        assert parent.payload["runbook"] == list(policy.playbooks["carrier_outage"].runbook)
        assert str(parent.payload["because"]).startswith("Carrier NWX has gone silent;")

    def test_is_no_way_around_a_directive(self, policy: Policy, silent: Facts, now: datetime) -> None:
        order = {"id": "d", "owner": "duty-manager", "reason": "drill", "since": now}
        until = now + timedelta(hours=1)
        forbid = Directive(kind=DirectiveKind.FORBID, branch=Branch.ESCALATE, until=until, **order)
        limit = Directive(kind=DirectiveKind.LIMIT, mode=Mode.RECOMMEND, **order)
        for directive, why in ((forbid, "is forbidden"), (limit, "mode recommend leaves")):
            (parent,) = under(policy, silent, now, counted(24, 24), directives=(directive,)).parents
            assert (parent.payload, parent.uses) == (None, {})
            assert why in str(parent.not_called_because)

    def test_is_no_way_around_a_budget(self, by_cost: Policy, silent: Facts, now: datetime) -> None:
        (parent,) = under(by_cost, silent, now, counted(24, 24), capacity={"calls": 0.0, "slots": 2.0}).parents
        assert parent.payload is None
        assert parent.not_called_because == "escalate uses 1 calls of calls, of which 0 are left"
        (parent,) = under(by_cost, silent, now, counted(24, 24)).parents
        assert parent.uses == {"calls": 1.0}

    def test_a_review_calls_nobody(self, make_policy: MakePolicy, silent: Facts, now: datetime) -> None:
        to = {"branch": "review", "to": "process-owner", "sla_minutes": 60}
        policy = make_policy(lambda data: data["playbooks"]["carrier_outage"].update(parent=to))
        (parent,) = under(policy, silent, now, counted(24, 24)).parents
        assert (parent.to, parent.payload, parent.not_called_because) == ("process-owner", None, None)


def test_causes_of_playbooks_of_one_name_on_other_subjects_are_not_the_same(now: datetime) -> None:
    shipments = cause_id_of("stock_not_told", "DEHAM", now)
    assert shipments == cause_id_of("stock_not_told", "DEHAM", now, subject=SubjectType.SHIPMENT)
    assert len({shipments, *(cause_id_of("stock_not_told", "DEHAM", now, subject=each) for each in SubjectType)}) == 3


def test_a_watch_is_read_as_it_was_written(now: datetime) -> None:
    for watch in (counted(1, 2), standing(now), counted(0, 0)._replace(rests_until=now)):
        assert Watch.from_json(watch.as_json()) == watch
