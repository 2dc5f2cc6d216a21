from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.canonical import canonical_json
from routing.decision import GENESIS, SCHEMA, alternatives, decision_body, decision_id, seal
from routing.engine import decide
from routing.errors import NotJsonError
from routing.facts import Unknown
from routing.policy import Policy

Facts = dict[str, Any]
SUBJECT = {"type": "shipment", "id": "SHP-1", "version": "v1"}


@pytest.fixture
def risky(facts: Facts) -> Facts:
    return {**facts, "late_probability": 0.7}


def body_of(policy: Policy, facts: Facts, now: datetime, **extra: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        canonical_json(decision_body(policy, decide(policy, facts, now), subject=SUBJECT, facts=facts, **extra))
    )
    return body


class TestDecisionBody:
    def test_pins_all_that_the_decision_rests_on(self, policy: Policy, risky: Facts, now: datetime) -> None:
        model = {"name": "delay", "version": "7", "probability": 0.7}
        body = body_of(policy, risky, now, features={"a": 1.5, "b": None}, model=model)
        assert body["schema"] == SCHEMA
        assert body["policy"] == {"name": "late_shipments", "version": 1, "digest": policy.digest}
        assert (body["subject"], body["model"], body["decided_at"]) == (SUBJECT, model, "2026-03-01T12:00:00Z")
        assert body["features"] == {"a": 1.5, "b": None}
        assert body["facts"]["late_probability"] == 0.7
        assert body["facts"]["promised_at"] == {"$instant": "2026-03-02T18:00:00Z"}

    def test_says_what_happens_and_what_was_recommended_and_why_they_differ(
        self, policy: Policy, risky: Facts, now: datetime
    ) -> None:
        body = body_of(policy, risky, now)
        assert (body["branch"], body["recommended_branch"], body["decided_by"]) == (
            "review",
            "rebook",
            "another_carrier",
        )
        assert (body["mode"], body["propensity"], body["suppressed_because"]) == ("recommend", 1.0, None)
        assert body["held_because"] == "rebook spends money, which mode recommend leaves to a person"
        assert body["explanation"]["customer"] == "We are checking your shipment."
        assert body["payload"]["suggestion"]["branch"] == "rebook"
        assert body["latest_useful_at"] == "2026-03-02T10:00:00Z"

    def test_records_every_rule_with_its_outcome(self, policy: Policy, facts: Facts, now: datetime) -> None:
        rules = {rule["rule_id"]: rule for rule in body_of(policy, {**facts, "pieces": "five"}, now)["rules"]}
        assert len(rules) == len(policy.guardrails) + len(policy.rules)
        assert rules["at_risk"]["outcome"] == "no_hit"
        assert set(rules["at_risk"]) == {"rule_id", "branch", "outcome", "why"}

    def test_keeps_what_was_unknown_and_why(self, policy: Policy, facts: Facts, now: datetime) -> None:
        body = body_of(policy, {**facts, "late_probability": Unknown("no model")}, now)
        assert body["facts"]["late_probability"] == {"$unknown": "no model"}
        assert body["missing"] == {"late_probability": "late_probability is unknown: no model"}
        assert [note.split()[0] for note in body["notes"]] == [
            "at_risk",
            "likely_late",
            "split_from_another_place",
            "another_carrier",
        ]

    def test_writes_a_missing_feature_as_null(self, policy: Policy, facts: Facts, now: datetime) -> None:
        assert body_of(policy, facts, now, features={"a": float("nan")})["features"] == {"a": None}

    def test_without_a_model_has_neither_features_nor_model(self, policy: Policy, facts: Facts, now: datetime) -> None:
        body = body_of(policy, facts, now)
        assert body["features"] is body["model"] is None

    def test_refuses_what_json_has_no_word_for(self, policy: Policy, facts: Facts, now: datetime) -> None:
        with pytest.raises(NotJsonError, match="has no canonical JSON form"):
            body_of(policy, facts, now, model={"weights": {1, 2}})


class TestAlternatives:
    def test_prices_doing_nothing_first_then_every_branch_weakest_first(self, policy: Policy, risky: Facts) -> None:
        priced = alternatives(policy, policy.reader.read(risky).known)
        assert [item.branch for item in priced] == [Branch(name) for name in policy.strength]
        assert [item.branch.value for item in priced] == ["none", "review", "notify", "split", "rebook", "escalate"]
        assert priced[0].expected_cost_minor == 84_000  # 0.7 × 20,000.00 × 6 %

    def test_compares_no_amount_in_another_currency(self, policy: Policy, risky: Facts) -> None:
        priced = alternatives(policy, policy.reader.read({**risky, "currency": "USD"}).known)
        assert {item.expected_cost_minor for item in priced} == {None}
        assert {item.because for item in priced} == {"value_minor is unknown"}


class TestDecisionId:
    def test_is_a_prefix_and_128_bits_in_hex(self) -> None:
        assert re.fullmatch(r"dec_[0-9a-f]{32}", decision_id(SUBJECT, "p1"))

    def test_is_the_same_for_the_same_version_under_the_same_policy(self) -> None:
        assert decision_id(SUBJECT, "p1") == decision_id(dict(reversed(SUBJECT.items())), "p1")

    @pytest.mark.parametrize("change", [{"version": "v2"}, {"id": "SHP-2"}, {"type": "invoice"}])
    def test_is_another_for_another_subject(self, change: dict[str, str]) -> None:
        assert decision_id({**SUBJECT, **change}, "p1") != decision_id(SUBJECT, "p1")

    def test_is_another_under_another_policy(self) -> None:
        assert decision_id(SUBJECT, "p2") != decision_id(SUBJECT, "p1")


class TestSeal:
    def test_covers_the_decision_before_the_place_and_the_body(self) -> None:
        sealed = seal({"decision_id": "dec_1", "b": 1, "a": 2}, sequence=1, previous_hash=GENESIS)
        assert sealed.body == '{"a":2,"b":1,"decision_id":"dec_1"}'
        assert sealed.hash == hashlib.sha256(f"{GENESIS}\n1\n{sealed.body}".encode()).hexdigest()
        assert (sealed.sequence, sealed.decision_id, sealed.previous_hash) == (1, "dec_1", GENESIS)

    @pytest.mark.parametrize("body", [{}, {"decision_id": None}, {"decision_id": 7}])
    def test_refuses_a_body_without_an_id(self, body: dict[str, object]) -> None:
        with pytest.raises(NotJsonError, match="decision_body"):
            seal(body, sequence=1, previous_hash=GENESIS)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), datetime(2026, 3, 1), b"x", {1: 2}])  # noqa: DTZ001
    def test_refuses_what_json_has_no_word_for(self, value: object) -> None:
        with pytest.raises(NotJsonError):
            seal({"decision_id": "dec_1", "x": value}, sequence=1, previous_hash=GENESIS)
