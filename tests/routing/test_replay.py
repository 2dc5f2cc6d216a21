from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from routing.canonical import canonical_json
from routing.decision import decision_body
from routing.engine import decide
from routing.errors import ReplayError
from routing.facts import Unknown
from routing.policy import Policy
from routing.replay import replay

Facts = dict[str, Any]
SUBJECT = {"type": "shipment", "id": "SHP-1", "version": "v1"}
SUMMER = timezone(timedelta(hours=-7))


@pytest.fixture
def stored(policy: Policy, facts: Facts, now: datetime) -> str:
    return body_text(policy, {**facts, "late_probability": 0.7}, now)


def body_text(policy: Policy, facts: Facts, now: datetime) -> str:
    body = decision_body(
        policy,
        decide(policy, facts, now),
        subject=SUBJECT,
        facts=facts,
        features={"a": 0.1 + 0.2, "b": float("nan")},
        model={"name": "delay", "probability": 0.7, "reasons": [{"log_odds": 1e-17}]},
    )
    return canonical_json(body)


def changed(body: str, **parts: object) -> str:
    return canonical_json({**json.loads(body), **parts})


class TestReplay:
    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"late_probability": 0.7},
            {"late_probability": Unknown("no model")},
            {"late_probability": float("nan")},
            {"late_probability": 1e-320},
            {"pieces": 2**70, "origin": object(), "alternate_carriers": ({"carrier_id": "ACE"},)},
            {"promised_at": datetime(2026, 3, 2, 11, 0, 0, 1, tzinfo=SUMMER), "late_probability": 0.5},
            {"promised_at": datetime(2026, 3, 2), "late_probability": 0.5},  # noqa: DTZ001
            {"promised_at": datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=2))), "late_probability": 0.5},
            {"customer_id": "Zoë \ud800 \u2028", "late_probability": 0.5},
            {"strongest_branch_taken": "notify", "late_probability": 0.5},
            {"something_else": {"a": {1, 2}}},
        ],
    )
    def test_gives_the_same_bytes(self, policy: Policy, facts: Facts, now: datetime, changes: Facts) -> None:
        text = body_text(policy, {**facts, **changes}, now)
        again = replay(text, policy)
        assert (again.body, again.differences) == (text, ())
        assert again.choice.decided_at == now

    def test_does_not_depend_on_the_zone_the_clock_was_read_in(
        self, policy: Policy, facts: Facts, now: datetime
    ) -> None:
        text = body_text(policy, {**facts, "late_probability": 0.7}, now.astimezone(SUMMER))
        assert replay(text, policy).body == text

    def test_names_the_parts_that_come_out_otherwise(self, policy: Policy, stored: str) -> None:
        forged = changed(stored, branch="rebook", notes=["nothing to see"])
        assert replay(forged, policy).differences == ("branch", "notes")

    def test_sees_a_fact_that_was_changed_by_what_follows_from_it(self, policy: Policy, stored: str) -> None:
        facts = {**json.loads(stored)["facts"], "late_probability": 0.1}
        differences = replay(changed(stored, facts=facts), policy).differences
        assert {"branch", "decided_by", "rules", "explanation", "alternatives"} <= set(differences)

    def test_names_a_part_that_was_added_or_left_out(self, policy: Policy, stored: str) -> None:
        data = json.loads(stored)
        del data["notes"]
        assert replay(canonical_json({**data, "extra": 1}), policy).differences == ("extra", "notes")

    def test_sees_a_text_that_is_not_canonical(self, policy: Policy, stored: str) -> None:
        spaced = json.dumps(json.loads(stored))
        assert replay(spaced, policy).differences == ("the form of the text",)

    def test_an_older_bundle_governs_what_was_decided_under_it(
        self, policy: Policy, make_policy: Callable[[Callable[[dict[str, Any]], None]], Policy], stored: str
    ) -> None:
        def raise_the_bar(data: dict[str, Any]) -> None:
            data["version"] = 2
            data["thresholds"]["rebook_from"]["value"] = 0.8

        newer = make_policy(raise_the_bar)
        with pytest.raises(ReplayError, match="Load the bundle late_shipments version 1 it was made under") as caught:
            replay(stored, newer)
        assert caught.value.decision_id == json.loads(stored)["decision_id"]
        assert replay(stored, policy).differences == ()

    def test_refuses_another_form(self, policy: Policy) -> None:
        other = canonical_json({"decision_id": "dec_1", "schema": "freight-triage/decision/9"})
        with pytest.raises(ReplayError, match="its form is 'freight-triage/decision/9'"):
            replay(other, policy)

    @pytest.mark.parametrize("body", ["", "no json", "[]", "null", "{}", '"text"', '{"decision_id":1}'])
    def test_refuses_what_is_no_decision(self, policy: Policy, body: str) -> None:
        with pytest.raises(ReplayError, match="the body is no decision"):
            replay(body, policy)

    @pytest.mark.parametrize("part", ["policy", "facts", "decided_at", "subject", "features", "model"])
    def test_refuses_a_decision_that_lacks_what_it_rests_on(self, policy: Policy, stored: str, part: str) -> None:
        data = json.loads(stored)
        del data[part]
        with pytest.raises(ReplayError, match="the body is no decision"):
            replay(canonical_json(data), policy)

    @pytest.mark.parametrize("parts", [{"facts": []}, {"decided_at": "yesterday"}, {"policy": {}}])
    def test_refuses_a_decision_that_cannot_be_read(self, policy: Policy, stored: str, parts: dict[str, Any]) -> None:
        with pytest.raises(ReplayError):
            replay(changed(stored, **parts), policy)
