"""Exploration: chance decides among branches declared equally safe, as often as declared, and replays the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.context import Context
from routing.decision import decision_body
from routing.directives import Directive, DirectiveKind
from routing.engine import Choice, decide
from routing.exploration import draw
from routing.facts import Unknown
from routing.policy import Policy
from routing.replay import replay
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import exploring

Facts = dict[str, Any]
Edit = Callable[[dict[str, Any]], None]
MakePolicy = Callable[[Edit], Policy]
FoundAfter = Callable[..., list[tuple[str, str, str]]]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECTS = [f"S-{number}" for number in range(4_000)]


@pytest.fixture(scope="module")
def chancy(make_policy: MakePolicy) -> Policy:
    """In three tenths of the cases chance decides."""
    return make_policy(exploring(0.3))


@pytest.fixture
def risky(facts: Facts) -> Facts:
    """A case in which the rules offer review and notify, and take notify."""
    return {**facts, "late_probability": 0.5, "departed": True}


def of(policy: Policy, facts: Facts, subject: str, **context: Any) -> Choice:
    return decide(policy, facts, NOW, Context(subject_id=subject, **context))


class TestChance:
    def test_takes_each_branch_as_often_as_its_propensity_says(self, chancy: Policy, risky: Facts) -> None:
        choices = [of(chancy, risky, subject) for subject in SUBJECTS]
        taken = Counter(choice.branch for choice in choices)
        for branch, chance in {Branch.NONE: 0.1, Branch.REVIEW: 0.1, Branch.NOTIFY: 0.8}.items():
            spread = (chance * (1 - chance) * len(SUBJECTS)) ** 0.5
            assert taken[branch] == pytest.approx(chance * len(SUBJECTS), abs=4 * spread)
            (told,) = {choice.propensity for choice in choices if choice.branch is branch}
            assert told == pytest.approx(chance)

    def test_is_the_same_each_time_and_another_with_another_salt(
        self, chancy: Policy, make_policy: MakePolicy, risky: Facts
    ) -> None:
        other = make_policy(exploring(0.3, salt="autumn"))
        first = [of(chancy, risky, subject).branch for subject in SUBJECTS[:300]]
        assert first == [of(chancy, risky, subject).branch for subject in SUBJECTS[:300]]
        assert first != [of(other, risky, subject).branch for subject in SUBJECTS[:300]]

    def test_reaches_whom_it_reached_when_its_share_grows(self) -> None:
        branches = (Branch.NONE, Branch.NOTIFY)
        small, large = (
            {
                each
                for each in SUBJECTS
                if draw(branches, Branch.NOTIFY, share, salt="s", subject_id=each) is Branch.NONE
            }
            for share in (0.1, 0.4)
        )
        assert small < large

    def test_is_recorded_and_decided_again_to_the_same_bytes(self, chancy: Policy, risky: Facts) -> None:
        seen = set()
        for subject in SUBJECTS[:60]:
            context = Context(subject_id=subject)
            choice = decide(chancy, risky, NOW, context)
            named = {"type": "shipment", "id": subject, "version": "1"}
            body = canonical_json(decision_body(chancy, choice, subject=named, facts=risky, context=context))
            assert replay(body, chancy).body == body
            told = json.loads(body)
            assert told["propensity"] == told["exploration"]["propensities"][told["branch"]]
            assert sum(told["exploration"]["propensities"].values()) == pytest.approx(1.0)
            seen.add((told["branch"], told["decided_by"]))
        assert seen == {("none", "exploration"), ("review", "at_risk"), ("notify", "likely_late")}

    def test_says_that_it_decided(self, chancy: Policy, risky: Facts) -> None:
        choice = next(each for each in (of(chancy, risky, name) for name in SUBJECTS) if each.branch is Branch.NONE)
        assert "Chance took none instead of notify, with probability 0.1" in choice.reason_staff
        assert choice.reason_customer == "Your shipment is on its way as planned."
        assert choice.suppressed_because is None


class TestNothingIsDrawn:
    @pytest.mark.parametrize(
        "changed",
        [
            pytest.param({"late_probability": 0.1}, id="no rule hits"),
            pytest.param({"customer_on_hold": True}, id="a guardrail decides"),
            pytest.param({"customer_on_hold": Unknown("not told")}, id="a guardrail is open"),
            pytest.param({"value_at_stake_minor": Unknown("?"), "customer_tier": "critical"}, id="a rule is open"),
            pytest.param({"strongest_branch_taken": "notify"}, id="it was done before"),
            pytest.param({"customer_id": Unknown("?")}, id="it cannot be carried out"),
            pytest.param({"promised_at": NOW - timedelta(hours=1)}, id="it is too late"),
            pytest.param({"late_probability": 0.9, "departed": False}, id="the rules take what is not among them"),
        ],
    )
    def test_where_the_rules_leave_nothing_open(self, chancy: Policy, risky: Facts, changed: Facts) -> None:
        for subject in SUBJECTS[:100]:
            choice = of(chancy, {**risky, **changed}, subject)
            assert (choice.explored, choice.propensity) == (None, 1.0)

    def test_without_a_subject_and_without_exploration(self, chancy: Policy, policy: Policy, risky: Facts) -> None:
        assert of(chancy, risky, "").explored is None
        assert of(policy, risky, "S-1") == decide(policy, risky, NOW)

    def test_after_the_day_of_review(self, make_policy: MakePolicy, risky: Facts) -> None:
        for last, drawn in ((NOW.date(), True), (NOW.date() - timedelta(days=1), False)):
            ended = make_policy(exploring(0.3, review_by=last))
            assert (of(ended, risky, "S-1").explored is not None) is drawn

    def test_outside_the_cases_it_names_or_where_it_cannot_be_told(self, make_policy: MakePolicy, risky: Facts) -> None:
        narrow = make_policy(exploring(0.3, where={"customer_tier": "standard", "carrier_id": "NWX"}))
        assert of(narrow, {**risky, "customer_tier": "standard"}, "S-1").explored is not None
        assert of(narrow, risky, "S-1").explored is None
        assert of(narrow, {**risky, "customer_tier": "standard", "carrier_id": Unknown("?")}, "S-1").explored is None

    def test_into_a_branch_that_is_forbidden_or_used_up_or_resting(self, make_policy: MakePolicy, facts: Facts) -> None:
        def edit(data: dict[str, Any]) -> None:
            choosing_by_cost(data)
            exploring(0.3, among=["none", "notify", "escalate"])(data)

        policy = make_policy(edit)
        dear = {**facts, "late_probability": 0.8, "customer_tier": "critical", "value_minor": 1_000_000}
        dear |= {"value_at_stake_minor": 120_000, "departed": True}
        order = Directive(
            id="dir-1",
            kind=DirectiveKind.FORBID,
            owner="customer-service",
            reason="strike",
            since=NOW - timedelta(hours=1),
            branch=Branch.NOTIFY,
        )

        def open_to(**context: Any) -> set[Branch]:
            explored = of(policy, dear, "S-1", **context).explored
            return set() if explored is None else set(explored.propensities)

        assert open_to() == {Branch.NONE, Branch.NOTIFY, Branch.ESCALATE}
        assert open_to(capacity={"calls": 0}) == {Branch.NONE, Branch.NOTIFY}
        assert open_to(directives=(order,)) == {Branch.NONE, Branch.ESCALATE}


class TestLint:
    PART = (
        "exploration: {share: 0.05, among: [notify, none], salt: one, owner: customer-service, review_by: 2026-12-31,"
        " why: it is not known}\n"
    )

    def found(self, found_after: FoundAfter, old: str = "", new: str = "") -> list[tuple[str, str, str]]:
        assert old in self.PART
        return found_after(("\nthresholds:\n", "\n" + self.PART.replace(old, new) + "thresholds:\n"))

    def test_what_is_declared_well_has_no_finding(self, found_after: FoundAfter) -> None:
        assert self.found(found_after) == []

    @pytest.mark.parametrize(
        ("old", "new", "where", "message"),
        [
            ("notify, none", "notify, rebook", "exploration.among[1]", "`rebook` commits money and cannot be undone"),
            ("notify, none", "split, none", "exploration.among[0]", "`split` commits money and cannot be undone"),
            ("notify, none", "notify, notify", "exploration.among[1]", "`notify` is named twice"),
            ("[notify, none]", "[notify]", "exploration.among", "at least 2 items"),
            ("notify, none", "notify, nothing", "exploration.among[1]", "found 'nothing', expected"),
            ("0.05", "0.6", "exploration.share", "less than or equal to 0.5"),
            ("0.05", "0", "exploration.share", "greater than 0"),
            ("owner: customer-service", "owner: nobody", "exploration.owner", "'nobody' is not among the owners"),
            ("salt: one, ", "", "exploration.salt", "`salt` is missing"),
            ("salt: one", "salt: one, seed: 3", "exploration.seed", "`seed` is not known here"),
            ("salt: one", "salt: one, where: {tier: x}", "exploration.where.tier", "'tier' is not a declared fact"),
            (
                "salt: one",
                "salt: one, where: {customer_tier: gold}",
                "exploration.where.customer_tier",
                "'gold' is not a value of `customer_tier`",
            ),
        ],
    )
    def test_a_mistake_is_found_at_its_line(
        self, found_after: FoundAfter, old: str, new: str, where: str, message: str
    ) -> None:
        ((line, place, said),) = self.found(found_after, old, new)
        assert line.startswith("exploration:")
        assert place == where
        assert message in said

    def test_a_branch_that_commits_money_by_the_bundle_alone_is_refused(self, problems_of: Any) -> None:
        def edit(data: dict[str, Any]) -> None:
            exploring(0.1)(data)
            data["branches"]["notify"].update(money=True, mode="recommend")

        assert [problem.where for problem in problems_of(edit)] == ["exploration.among[2]"]

    def test_a_branch_that_no_rule_leads_to_or_that_never_acts_is_told(self, problems_of: Any) -> None:
        def unreached(data: dict[str, Any]) -> None:
            exploring(0.1, among=["notify", "escalate"])(data)
            data["rules"] = [rule for rule in data["rules"] if rule["branch"] != "escalate"]

        assert "no rule leads to `escalate`, so chance never takes it. Drop it." in [
            problem.message for problem in problems_of(unreached)
        ]

        def idle(data: dict[str, Any]) -> None:
            exploring(0.1)(data)
            data["branches"]["notify"]["mode"] = "recommend"

        (told,) = problems_of(idle)
        assert "`notify` never acts by itself, so chance never takes it" in told.message

    def test_its_review_is_due_as_any_other(self, make_policy: MakePolicy) -> None:
        (review,) = make_policy(exploring(0.1)).overdue(date(2027, 1, 1))
        assert (review.part, review.owner) == ("exploration", "customer-service")
