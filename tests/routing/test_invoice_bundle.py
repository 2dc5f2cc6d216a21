"""The bundle on freight invoices that ships: what it decides, what it hands on, and what lint finds in changed ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from features.vocabulary import Branch, SubjectType
from routing.context import Context
from routing.decision import alternatives, decision_body, seal
from routing.document import policy_json_schema
from routing.engine import Choice, decide
from routing.errors import PolicyError
from routing.facts import Unknown
from routing.loader import load_policy, parse_policy
from routing.policy import Policy
from routing.replay import replay
from tests.budgets import without_budgets
from tests.routing.conftest import let_off_the_leash

BUNDLE = Path(__file__).parents[2] / "routing" / "policies" / "freight_invoices.yaml"
DECISION = BUNDLE.parents[2] / "docs" / "decisions" / "0072-two-facts-meet-in-a-third.md"
NOW = datetime(2026, 3, 6, 9, tzinfo=UTC)
OVERCHARGE = {
    "label": "rate_mismatch",
    "words": "the rate is 95.00 EUR, agreed is 90.00 EUR",
    "charge": "line_haul",
    "billed_minor": 95_000,
    "recomputed_minor": 90_000,
    "difference_minor": 5_000,
    "clause": "R-1, in force from 2026-01-01: 90.00 EUR a load",
    "evidence": "event E-4",
    "dispute": "Invoice 7781: the rate is 95.00 EUR, agreed is 90.00 EUR. Please credit 50.00 EUR.",
}
UNDERCHARGE = {**OVERCHARGE, "label": "undercharge", "difference_minor": -900, "dispute": "In our favour."}
Edit = Callable[[dict[str, Any]], object]


def facts(**changes: object) -> dict[str, object]:
    """An invoice that asks what is owed; a change to it is given by name."""
    return {
        "verdict": "approve",
        "carrier_id": "NWX",
        "invoice_number": "7781",
        "shipment_id": "SH-1001",
        "invoice_kind": "original",
        "currency": "EUR",
        "due_at": Unknown("the invoice names no day"),
        "billed_minor": 95_000,
        "owed_minor": 95_000,
        "proven_minor": 0,
        "withheld_minor": 0,
        "recoverable_minor": 0,
        "within_tolerance_minor": 0,
        "suspicion": Unknown("no model of invoices is loaded"),
        "suspected_minor": Unknown("no model of invoices is loaded"),
        "charges_undetermined": 0,
        "all_of_it_refused": False,
        "findings": (),
        "open_questions": (),
        "strongest_branch_taken": "none",
        **changes,
    }


def overcharged(minor: int, **changes: object) -> dict[str, object]:
    """An invoice of which so much is proven not to be owed."""
    row = {**OVERCHARGE, "difference_minor": minor, "recomputed_minor": 95_000 - minor}
    return facts(verdict="dispute", proven_minor=minor, recoverable_minor=minor, findings=(row, UNDERCHARGE), **changes)


@pytest.fixture(scope="module")
def bundle() -> Policy:
    return load_policy(BUNDLE)


@pytest.fixture(scope="module")
def acting() -> Policy:
    """The bundle with every branch let off the leash."""
    return let_off_the_leash(BUNDLE)


def found_in(edit: Edit) -> list[tuple[str, str]]:
    """Return line and message of what is found in the bundle after an edit."""
    data = without_budgets(yaml.safe_load(BUNDLE.read_text(encoding="utf-8")))
    edit(data)
    try:
        problems = parse_policy(yaml.safe_dump(data, sort_keys=False)).warnings
    except PolicyError as error:
        problems = error.problems
    return [(problem.where, problem.message) for problem in problems]


def ends(choice: Choice) -> tuple[str, str]:
    return choice.recommended_branch.value, choice.branch.value


class TestTheBundle:
    def test_is_on_invoices_and_has_nothing_to_find(self, bundle: Policy) -> None:
        assert bundle.subject is SubjectType.INVOICE
        assert bundle.warnings == ()

    @pytest.mark.parametrize(
        ("given", "end"),
        [
            pytest.param(facts(), ("approve", "approve"), id="what is owed is approved"),
            pytest.param(overcharged(1_000), ("short_pay", "review"), id="a little too much: a person shortens it"),
            pytest.param(overcharged(5_000), ("dispute", "review"), id="more: a person disputes it"),
            pytest.param(overcharged(95_000, all_of_it_refused=True), ("dispute", "review"), id="all of it"),
            pytest.param(facts(verdict="question", withheld_minor=95_000), ("review", "review"), id="a question"),
            pytest.param(facts(verdict="review", recoverable_minor=7_000), ("review", "review"), id="it looks odd"),
            pytest.param(facts(verdict="cannot_determine", charges_undetermined=1), ("review", "review"), id="no rate"),
            pytest.param(
                overcharged(2_000, charges_undetermined=1), ("review", "review"), id="too much, the rest not re-rated"
            ),
            pytest.param(
                overcharged(2_000, open_questions=({"label": "no_shipment_match"},)),
                ("review", "review"),
                id="too much, and a question about the rest",
            ),
            pytest.param(facts(currency="USD"), ("review", "review"), id="other money is not compared"),
            pytest.param(facts(verdict="approve", proven_minor="?"), ("review", "review"), id="a wrong amount"),
        ],
    )
    def test_decides(self, bundle: Policy, given: dict[str, object], end: tuple[str, str]) -> None:
        assert ends(decide(bundle, given, NOW)) == end

    def test_what_is_before_a_person_is_not_approved_behind_their_back(self, bundle: Policy) -> None:
        choice = decide(bundle, facts(strongest_branch_taken="review"), NOW)
        assert ends(choice) == ("approve", "none")
        assert choice.suppressed_because is not None

    def test_what_was_approved_is_disputed_once_it_is_proven_wrong(self, acting: Policy) -> None:
        assert ends(decide(acting, overcharged(5_000, strongest_branch_taken="approve"), NOW)) == ("dispute", "dispute")

    def test_a_decision_is_made_again_to_the_same_bytes(self, acting: Policy) -> None:
        given = overcharged(5_000)
        subject = {"type": "invoice", "id": "NWX-2026-7781", "version": "1"}
        body = decision_body(acting, decide(acting, given, NOW), subject=subject, facts=given)
        sealed = seal(body, sequence=1, previous_hash="0" * 64)
        assert replay(sealed.body, acting).differences == ()
        prices = {each["branch"]: each for each in json.loads(sealed.body)["alternatives"]}
        assert prices["dispute"]["left_minor"] == 1_000
        assert prices["dispute"]["price_minor"] == 20 * 80


class TestPayloads:
    def test_an_approval_proposes_all_of_it(self, bundle: Policy) -> None:
        payload = decide(bundle, facts(), NOW).payload
        assert (payload["to"], payload["pay_minor"], payload["currency"]) == ("erp", 95_000, "EUR")

    def test_a_short_payment_keeps_what_is_proven(self, acting: Policy) -> None:
        payload = decide(acting, overcharged(1_000), NOW).payload
        assert (payload["pay_minor"], payload["short_minor"]) == (94_000, 1_000)

    def test_a_dispute_carries_its_evidence_and_claims_no_undercharge(self, acting: Policy) -> None:
        payload = decide(acting, overcharged(5_000), NOW).payload
        assert payload["claim_minor"] == 5_000
        assert payload["findings"] == [OVERCHARGE]
        assert payload["words"] == OVERCHARGE["dispute"]
        assert payload["answer_by"] == "2026-04-05T09:00:00Z"

    def test_a_whole_bill_is_not_paid_short(self, acting: Policy) -> None:
        terms = acting.branches[Branch.SHORT_PAY]
        assert "all_of_it_refused" not in terms.requires
        choice = decide(acting, overcharged(95_000, all_of_it_refused=False, strongest_branch_taken="none"), NOW)
        assert choice.branch is Branch.DISPUTE


class TestLint:
    @pytest.mark.parametrize("rule", [4, 5])
    def test_nothing_unproven_is_kept_back_or_disputed(self, rule: int) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["rules"][rule]["when"] = {
                "all": [{"fact": "verdict", "is": "dispute"}, {"fact": "billed_minor", "above": 0}]
            }

        branch = ("short_pay", "dispute")[rule - 4]
        found = dict(found_in(edit))[f"rules[{rule}].when"]
        assert f"leads to {branch} where nothing is proven: " in found
        assert found.endswith("Ask for `proven_minor` above 0 as well.")

    def test_an_unknown_amount_is_no_proof(self) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["rules"][5]["when"] = {
                "any": [{"fact": "proven_minor", "at_least": 5}, {"fact": "proven_minor", "known": False}]
            }

        assert "nothing is proven: proven_minor is unknown" in dict(found_in(edit))["rules[5].when"]

    def test_the_amount_is_asked_for_with_its_place(self) -> None:
        text = BUNDLE.read_text(encoding="utf-8").replace("proven_minor, above: 0", "billed_minor, above: 0", 1)
        with pytest.raises(PolicyError) as caught:
            parse_policy(text)
        problem = caught.value.problems[0]
        assert (problem.where, problem.column) == ("rules[4].when", 5)
        assert text.splitlines()[(problem.line or 0) - 1] == "    when:"

    @pytest.mark.parametrize(
        ("edit", "place", "message"),
        [
            pytest.param(
                lambda data: data.update(strength=["none", "review", "approve", "short_pay", "dispute"]),
                "strength",
                "what asks for a person to look at a bill must win over approving it. Put none, approve and review "
                "first, in this order.",
                id="approving does not win over looking",
            ),
            pytest.param(
                lambda data: data["strength"].append("rebook"),
                "strength",
                "rebook is no branch of a bundle on invoices. List none, approve, review, short_pay, dispute, weakest "
                "first.",
                id="a branch of shipments",
            ),
            pytest.param(
                lambda data: data["branches"].update(rebook=dict(data["branches"]["approve"], requires=[], payload=[])),
                "branches.rebook",
                "`rebook` is not known here. Expected: approve, review, short_pay, dispute.",
                id="terms of a branch of shipments",
            ),
            pytest.param(
                lambda data: data.update(subject="invoices"),
                "subject",
                "found 'invoices', expected shipment, invoice, shortage. Did you mean 'invoice'?",
                id="a subject we do not know",
            ),
            pytest.param(
                lambda data: data.update(exploration={}),
                "exploration",
                "`exploration` is for bundles on shipments; this one is on invoices. Drop it.",
                id="a part of shipments",
            ),
            pytest.param(
                lambda data: data["costs"].update(evidence="verdict"),
                "costs.evidence",
                "`verdict` is of type enumeration; name an amount, a number or a probability.",
                id="evidence that does not rise",
            ),
            pytest.param(
                lambda data: data["branches"]["short_pay"].update(money=False),
                "branches.short_pay.money",
                "found false, but short_pay commits money. Write true.",
                id="a short payment commits money",
            ),
        ],
    )
    def test_finds(self, edit: Edit, place: str, message: str) -> None:
        assert (place, message) in found_in(edit)

    def test_more_proof_never_gets_a_weaker_branch(self) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["rules"][5]["when"]["all"].append({"fact": "proven_minor", "below": 9_000})

        found = dict(found_in(edit))["rules[5].when"]
        assert found.startswith(
            "a greater risk gets a weaker branch: at `proven_minor` 2500 'worth_a_dispute' leads to "
        )


def with_budget(amount: float, *, by_cost: bool = False) -> Policy:
    """The acting bundle with so many minutes of people a day, of which a dispute takes 20."""

    def edit(data: dict[str, Any]) -> None:
        owner = {"owner": "freight-audit", "why": "two people, half a day each"}
        data["capacity"] = {"audit_minutes": {"amount": amount, "unit": "minutes", "per_hours": 24, **owner}}
        data["branches"]["dispute"]["uses"] = {"audit_minutes": 20}
        data["branches"]["dispute"]["mode"] = data["branches"]["short_pay"]["mode"] = data["mode"] = "act_financial"
        if by_cost:
            data["choice"] = "least_expected_cost"

    return made(edit)


def made(edit: Edit) -> Policy:
    data = without_budgets(yaml.safe_load(BUNDLE.read_text(encoding="utf-8")))
    edit(data)
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


def with_left(minutes: float) -> Context:
    return Context(capacity={"audit_minutes": minutes})


class TestCapacity:
    def test_what_takes_too_much_of_it_is_passed_over_for_the_next(self) -> None:
        policy = with_budget(240)
        assert ends(decide(policy, overcharged(5_000), NOW, with_left(20))) == ("dispute", "dispute")
        choice = decide(policy, overcharged(5_000), NOW, with_left(19))
        assert ends(choice) == ("short_pay", "short_pay")
        assert [each.branch for each in choice.passed_over] == [Branch.DISPUTE]

    def test_want_of_it_never_leads_to_approving(self) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["rules"][0]["when"] = {"fact": "billed_minor", "above": 0}
            data["rules"][4]["when"]["all"].append({"fact": "billed_minor", "above": 10**9})
            data["capacity"] = yaml.safe_load(
                "{m: {amount: 40, unit: minutes, per_hours: 24, owner: freight-audit, why: w}}"
            )
            data["branches"]["dispute"].update(uses={"m": 20}, mode="act_financial")

        choice = decide(made(edit), overcharged(5_000), NOW, Context(capacity={"m": 0}))
        assert ends(choice) == ("dispute", "review")
        assert "uses 20 minutes of m, of which 0 are left" in str(choice.held_because)


class TestChoosingByCost:
    def test_the_cheapest_of_what_is_offered_is_taken(self) -> None:
        """What is left of 50.00 EUR and 2 minutes (short_pay: 6.60) against a fifth and 20 minutes (dispute: 26.00)."""
        choice = decide(with_budget(240, by_cost=True), overcharged(5_000), NOW, with_left(240))
        assert ends(choice) == ("short_pay", "short_pay")
        priced = alternatives(with_budget(240), {"recoverable_minor": 5_000})
        costs = {each.branch: each.expected_cost_minor for each in priced}
        assert (costs[Branch.SHORT_PAY], costs[Branch.DISPUTE]) == (660, 2_600)

    def test_approving_is_never_chosen_for_being_cheaper_than_looking(self) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["choice"] = "least_expected_cost"
            data["rules"][3]["when"] = {"fact": "verdict", "in": ["approve", "review"]}

        assert ends(decide(made(edit), facts(), NOW)) == ("review", "review")

    def test_more_proof_that_may_get_a_weaker_branch_by_cost_is_found(self) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["choice"] = "least_expected_cost"
            data["rules"][4]["when"]["all"].append({"fact": "proven_minor", "at_least": 9_000})

        found = [message for _, message in found_in(edit) if "by cost" in message]
        assert any("short_pay joins it and costs less" in message for message in found), found


class TestSchema:
    def test_accepts_the_bundle_and_no_mixture_of_subjects(self) -> None:
        schema = Draft202012Validator(policy_json_schema())
        data = json.loads(json.dumps(yaml.safe_load(BUNDLE.read_text(encoding="utf-8")), default=str))
        assert schema.is_valid(data)
        assert not schema.is_valid({**data, "subject": "shipment"})
        assert not schema.is_valid({**data, "exploration": {}})


class TestTwoFacts:
    """A condition compares no fact with another: what lies between them is a fact of its own."""

    @pytest.fixture
    def written(self) -> dict[str, Any]:
        return yaml.safe_load(BUNDLE.read_text(encoding="utf-8"))

    def test_in_the_place_of_a_value_are_told_what_to_do(self, written: dict[str, Any]) -> None:
        written["rules"][0]["when"] = {"fact": "billed_minor", "above": "owed_minor"}
        with pytest.raises(PolicyError) as refused:
            parse_policy(yaml.safe_dump(written, sort_keys=False))
        assert "`owed_minor` is a fact, and a condition compares `billed_minor` with a value." in str(refused.value)

    def test_meet_in_a_third_as_the_decision_shows(self, written: dict[str, Any]) -> None:
        text = DECISION.read_text(encoding="utf-8")
        example = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
        for part in ("facts", "thresholds"):
            written[part] |= example[part]
        written["rules"] += example["rules"]
        policy = parse_policy(yaml.safe_dump(written, sort_keys=False))
        less, more = (decide(policy, facts(overbilled_minor=minor), NOW) for minor in (999, 1000))
        assert (less.recommended_branch, more.recommended_branch) == (Branch.APPROVE, Branch.REVIEW)
        assert "10.00 EUR more than is owed" in more.reason_staff
        assert decide(policy, facts(overbilled_minor=Unknown("a charge has no rate")), NOW).missing
