"""The bundle on shortages that ships: what it decides about an order line, and what each branch hands on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from features.vocabulary import Branch, SubjectType
from routing.decision import decision_body, seal
from routing.dispatch.envelope import BranchCall, envelope
from routing.document import policy_json_schema
from routing.engine import Choice, decide
from routing.facts import Unknown
from routing.loader import load_policy
from routing.policy import Policy
from routing.replay import replay
from tests.routing.conftest import let_off_the_leash

BUNDLE = Path(__file__).parents[2] / "routing" / "policies" / "pick_shortages.yaml"
NOW = datetime(2026, 3, 6, 9, tzinfo=UTC)


def line(**changes: object) -> dict[str, object]:
    """A line that lacks four of ten and that nobody can help; a change to it is given by name."""
    return {
        "short_probability": 0.7,
        "books": "short",
        "cause": "not_enough",
        "order_id": "O-1",
        "line_id": "10",
        "sku": "A",
        "place": "DEHAM",
        "wave_id": "W-1",
        "wave_released": True,
        "needed": 10.0,
        "quantity_at_risk": 4.0,
        "inbound": 0.0,
        "other_places": (),
        "substitutes": Unknown("nobody says what could go instead"),
        "ship_complete": True,
        "customer_id": "C-7",
        "due_at": NOW + timedelta(hours=24),
        "expected_loss_minor": 9_000,
        "currency": "EUR",
        **changes,
    }


PLACES = (
    {"place": "DEBER", "free": 1.0},
    {"place": "ATVIE", "free": 3.0},
    {"place": "PLWAW", "free": 2.0},
)
OTHERS = (
    {"sku": "B", "free": 9.0, "is_accepted": False},
    {"sku": "C", "free": 5.0, "is_accepted": True},
    {"sku": "D", "free": 3.0, "is_accepted": True},
)


@pytest.fixture(scope="module")
def bundle() -> Policy:
    return load_policy(BUNDLE)


@pytest.fixture(scope="module")
def acting() -> Policy:
    """The bundle with every branch let off the leash."""
    return let_off_the_leash(BUNDLE)


def ends(choice: Choice) -> tuple[str, str]:
    return choice.recommended_branch.value, choice.branch.value


class TestTheBundle:
    def test_is_on_shortages_and_has_nothing_to_find(self, bundle: Policy) -> None:
        assert (bundle.subject, bundle.warnings) == (SubjectType.SHORTAGE, ())
        data = json.loads(json.dumps(yaml.safe_load(BUNDLE.read_text(encoding="utf-8")), default=str))
        assert Draft202012Validator(policy_json_schema()).is_valid(data)

    @pytest.mark.parametrize(
        ("given", "end"),
        [
            pytest.param(line(short_probability=0.1), ("none", "none"), id="covered"),
            pytest.param(line(short_probability=0.3), ("review", "review"), id="perhaps short"),
            pytest.param(line(), ("notify", "notify"), id="nothing helps: the customer is told"),
            pytest.param(line(inbound=3.0), ("expedite", "review"), id="on its way"),
            pytest.param(line(cause="for_others", wave_released=False), ("hold_wave", "review"), id="held for others"),
            pytest.param(line(ship_complete=False), ("split_order", "review"), id="a part can go"),
            pytest.param(line(substitutes=OTHERS), ("substitute", "review"), id="another article"),
            pytest.param(line(other_places=PLACES), ("reallocate", "review"), id="others have it"),
            pytest.param(line(short_probability=Unknown("silent")), ("review", "review"), id="the model abstains"),
        ],
    )
    def test_decides(self, bundle: Policy, given: dict[str, object], end: tuple[str, str]) -> None:
        assert ends(decide(bundle, given, NOW)) == end

    def test_a_decision_is_made_again_to_the_same_bytes(self, acting: Policy) -> None:
        given = line(other_places=PLACES)
        choice = decide(acting, given, NOW)
        subject = {"type": "shortage", "id": "O-1/1", "version": "1"}
        sealed = seal(decision_body(acting, choice, subject=subject, facts=given), sequence=1, previous_hash="0" * 64)
        assert replay(sealed.body, acting).differences == ()

    def test_its_calls_have_a_type_of_their_own(self, acting: Policy) -> None:
        choice = decide(acting, line(other_places=PLACES), NOW)
        call = BranchCall(
            call_id="c",
            decision_id="d",
            subject_id="O-1/1",
            subject_type=SubjectType.SHORTAGE,
            branch=choice.branch,
            decided_at=NOW,
            payload=choice.payload,
        )
        assert json.loads(envelope(call))["type"] == "freight.shortage.reallocate"


class TestPayloads:
    def test_stock_comes_from_as_few_places_as_will_do(self, acting: Policy) -> None:
        payload = decide(acting, line(other_places=PLACES), NOW).payload
        assert payload["from"] == [{"place": "ATVIE", "quantity": 3.0}, {"place": "PLWAW", "quantity": 1.0}]
        assert (payload["to"], payload["quantity"]) == ("DEHAM", 4.0)

    def test_what_two_places_do_not_cover_goes_before_a_person(self, acting: Policy) -> None:
        choice = decide(acting, line(quantity_at_risk=6.0, other_places=PLACES), NOW)
        assert ends(choice) == ("reallocate", "review")
        assert "2 other place(s) together lack 1 of 6" in str(choice.held_because)

    def test_only_an_article_that_the_customer_takes_goes_instead(self, acting: Policy) -> None:
        payload = decide(acting, line(substitutes=OTHERS), NOW).payload
        assert (payload["sku"], payload["instead"], payload["quantity"]) == ("A", "C", 4.0)
        short = decide(acting, line(substitutes=OTHERS[2:]), NOW)
        assert "no other article that the customer takes covers it" in str(short.held_because)

    def test_a_part_goes_now_and_the_rest_later(self, acting: Policy) -> None:
        payload = decide(acting, line(ship_complete=False, substitutes=()), NOW).payload
        assert (payload["ship_now"], payload["ship_later"]) == (6.0, 4.0)
        little = decide(acting, line(ship_complete=False, quantity_at_risk=8.0, substitutes=()), NOW)
        assert "only 2 of 10 could go now" in str(little.held_because)

    def test_what_is_in_transit_is_asked_for_as_far_as_it_lacks(self, acting: Policy) -> None:
        payload = decide(acting, line(inbound=3.0, substitutes=()), NOW).payload
        assert (payload["quantity"], payload["needed_by"]) == (3.0, "2026-03-07T05:00:00Z")
        little = decide(acting, line(inbound=1.0, substitutes=()), NOW)
        assert "1 of the 4 that are short are in transit" in str(little.held_because)

    def test_no_money_is_spent_while_nobody_says_what_could_go_instead(self, acting: Policy) -> None:
        choice = decide(acting, line(inbound=3.0), NOW)
        assert ends(choice) == ("expedite", "review")
        assert "rule another_article for substitute could not be determined" in str(choice.held_because)

    def test_a_wave_is_held_no_longer_than_it_is_of_use(self, acting: Policy) -> None:
        held = line(cause="not_found", wave_released=False)
        assert decide(acting, held, NOW).payload["hold_until"] == "2026-03-06T11:00:00Z"
        soon = decide(acting, held | {"due_at": NOW + timedelta(hours=1)}, NOW)
        assert (soon.branch, soon.payload["hold_until"]) == (Branch.HOLD_WAVE, "2026-03-06T10:00:00Z")
