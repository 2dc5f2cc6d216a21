"""One message for many cases: which belong together, when it goes out, what it says, and what a bundle may ask for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import yaml

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import Context
from routing.decision import decision_body
from routing.engine import Choice, decide
from routing.errors import Problem
from routing.loader import lint_policy
from routing.policy import Policy
from routing.replay import replay
from routing.together import Told, Waiting, payload_of
from tests.serving.bundles import messages, resting, together

Facts = dict[str, Any]
Edit = Callable[[dict[str, Any]], None]
MakePolicy = Callable[[Edit], Policy]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITING = Context(waiting={Branch.NOTIFY: Waiting("msg_1_notify_1", NOON + 10 * MINUTE)})


@pytest.fixture
def risky(facts: Facts) -> Facts:
    """A case whose customer is told."""
    return {**facts, "late_probability": 0.5, "departed": True}


@pytest.fixture
def grouping(make_policy: MakePolicy) -> Policy:
    return make_policy(together("customer_id", "origin"))


def sealed(policy: Policy, choice: Choice, facts: Facts, context: Context) -> str:
    subject = {"type": "shipment", "id": "S-1", "version": "1"}
    return canonical_json(decision_body(policy, choice, subject=subject, facts=facts, context=context))


class TestJoining:
    def test_the_first_opens_a_message_that_waits(self, grouping: Policy, risky: Facts) -> None:
        joined = decide(grouping, risky, NOON).together
        assert joined is not None
        by = {"customer_id": risky["customer_id"], "origin": risky["origin"]}
        assert joined == (by, None, NOON + 30 * MINUTE)

    def test_another_joins_it_and_is_sealed_so(self, grouping: Policy, risky: Facts) -> None:
        choice = decide(grouping, risky, NOON, WAITING)
        assert choice.together is not None
        assert choice.together[1:] == WAITING.waiting[Branch.NOTIFY]
        body = sealed(grouping, choice, risky, WAITING)
        assert replay(body, grouping).body == body
        assert '"joins":"msg_1_notify_1"' in body

    def test_nothing_waits_longer_than_half_the_time_for_which_it_is_of_use(
        self, grouping: Policy, risky: Facts
    ) -> None:
        soon = {**risky, "promised_at": NOON + 12 * MINUTE}
        for context in (Context(), WAITING):
            joined = decide(grouping, soon, NOON, context).together
            assert joined is not None
            assert joined.sends_at == NOON + 6 * MINUTE

    def test_another_branch_joins_nothing(self, grouping: Policy, risky: Facts) -> None:
        choice = decide(grouping, {**risky, "late_probability": 0.3}, NOON, WAITING)
        assert (choice.branch, choice.together) == (Branch.REVIEW, None)

    def test_what_is_held_back_joins_nothing(self, make_policy: MakePolicy, risky: Facts) -> None:
        def recommending(data: dict[str, Any]) -> None:
            together("customer_id", "origin")(data)
            data["branches"]["notify"]["mode"] = "recommend"

        choice = decide(make_policy(recommending), risky, NOON, WAITING)
        assert (choice.branch, choice.recommended_branch, choice.together) == (Branch.REVIEW, Branch.NOTIFY, None)

    def test_joining_takes_nothing_of_a_budget_and_no_rest_is_in_its_way(
        self, make_policy: MakePolicy, risky: Facts
    ) -> None:
        def quiet(data: dict[str, Any]) -> None:
            together("customer_id", "origin")(data)
            messages(1)(data)
            resting(4)(data)

        policy = make_policy(quiet)
        alone = decide(policy, risky, NOON)
        assert (alone.branch, alone.uses) == (Branch.NOTIFY, {"messages": 1.0})
        used_up = Context(capacity={"messages": 0.0}, last_taken={Branch.NOTIFY: NOON - MINUTE})
        assert decide(policy, risky, NOON, used_up).branch is not Branch.NOTIFY
        joining = decide(policy, risky, NOON, used_up._replace(waiting=WAITING.waiting))
        assert (joining.branch, joining.uses) == (Branch.NOTIFY, {})

    def test_a_decision_of_a_bundle_without_it_is_sealed_as_before(self, make_policy: MakePolicy, risky: Facts) -> None:
        policy = make_policy(lambda data: data["branches"]["notify"].pop("together"))
        body = sealed(policy, decide(policy, risky, NOON), risky, Context())
        assert ("together" in body, "waiting" in body) == (False, False)


class TestWhatItSays:
    def told(self, policy: Policy, facts: Facts, name: str) -> Told:
        return Told(name, f"dec_{name}", f"dec_{name}_notify_1", 0.5, decide(policy, facts, NOON).payload)

    def test_one_sentence_and_each_by_itself(self, grouping: Policy, risky: Facts) -> None:
        terms = grouping.branches[Branch.NOTIFY].together
        assert terms is not None
        by = {"customer_id": risky["customer_id"], "origin": risky["origin"]}
        soon = {**risky, "promised_at": NOON + timedelta(hours=3)}
        said = payload_of([self.told(grouping, risky, "1"), self.told(grouping, soon, "2")], terms, by)
        assert said["words"] == f"2 of your shipments from {risky['origin']} may arrive later than promised."
        assert said["send_by"] == "2026-03-01T15:00:00Z"
        assert isinstance(said["cases"], list)
        assert [case["facts"]["promised_at"] for case in said["cases"]][1] == "2026-03-01T15:00:00Z"
        alone = payload_of([self.told(grouping, risky, "1")], terms, by)
        assert alone["words"] == decide(grouping, risky, NOON).payload["words"]


def changed(**terms: Any) -> Edit:
    def edit(data: dict[str, Any]) -> None:
        together("customer_id", "origin")(data)
        data["branches"]["notify"]["together"].update(terms)

    return edit


class TestMistakes:
    @pytest.mark.parametrize(
        ("edit", "where", "message"),
        [
            (changed(by=["customer_id", "orign"]), "by[1]", "'orign' is not a declared fact. Did you mean 'origin'?"),
            (changed(by=["customer_id", "pieces"]), "by[1]", "`pieces` is of type number; cases belong together by"),
            (changed(by=["customer_id", "customer_id"]), "by[1]", "`customer_id` is listed twice. Keep one."),
            (changed(by=["customer_id", "carrier_id"]), "by[1]", "`carrier_id` is not in `requires`. Add it:"),
            (changed(by=["origin"]), "by", "one message goes to one address, which customer_id says."),
            (changed(by=[]), "by", "found 0 item(s), expected at least 1 item."),
            (changed(within_minutes=0), "within_minutes", "found 0; it should be greater than 0."),
            (changed(at_most=1), "at_most", "found 1; it should be greater than or equal to 2."),
            (
                changed(sentence_customer="{count} to {destination}"),
                "sentence_customer",
                "`destination` may differ among the cases of one message.",
            ),
            (
                changed(sentence_customer="{count} of {customer_id}"),
                "sentence_customer",
                "'{customer_id}' is not for customers.",
            ),
        ],
    )
    def test_are_told_with_their_place(
        self, problems_of: Callable[[Edit], tuple[Problem, ...]], edit: Edit, where: str, message: str
    ) -> None:
        found = [(each.where, each.message) for each in problems_of(edit)]
        place = f"branches.notify.together.{where}"
        assert [each for each in found if each[0] == place and each[1].startswith(message)], found

    def test_no_other_branch_waits_for_others(self, problems_of: Callable[[Edit], tuple[Problem, ...]]) -> None:
        def edit(data: dict[str, Any]) -> None:
            together("customer_id", "origin")(data)
            data["branches"]["escalate"]["together"] = data["branches"]["notify"].pop("together")

        assert "branches.escalate.together" in [each.where for each in problems_of(edit)]

    def test_a_scenario_that_cannot_wait_so_long_is_a_warning(self, bundle_text: str) -> None:
        data = yaml.safe_load(bundle_text)
        together("customer_id", "origin", minutes=1200)(data)
        found = lint_policy(yaml.safe_dump(data, sort_keys=False), today=date(2026, 3, 1))
        assert [str(each.severity) for each in found] == ["warning"]
        assert found[0].message == (
            "notify is of no use from 2026-01-06T12:00:00Z on, so it waits for others until 2026-01-05T22:00:00Z and "
            "not for 1200 minutes. Wait less, or decide earlier."
        )
