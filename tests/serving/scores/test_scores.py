"""`POST /v1/score/delay`: answers, abstentions and refusals, with nothing recorded."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from features.state import FeatureRow
from serving.db.tables import AuditRow, DecisionRow
from serving.scores.absent import AbsentModel
from serving.scores.service import features_digest
from tests.serving.house import FakeModel, House, at, delivery, problem_in, shipment


def ask(house: House, **asked: Any) -> httpx.Response:
    return house.api.post("/v1/score/delay", json=asked)


class TestAnAnswer:
    def test_tells_risk_moment_and_model(self, house: House) -> None:
        house.announce("SH-1")
        answer = ask(house, shipment_id="SH-1").json()

        assert (answer["probability"], answer["verdict"], answer["moment"]) == (0.5, "behind", "24h_before")
        assert (answer["verdict_scale"], answer["expected_hours_late"]) == (2, 5.0)
        assert answer["as_of"] == "2026-03-02T06:00:00Z"
        assert answer["model"] == {"name": "fake", "version": "7"}
        assert answer["reasons"] is answer["explanation"] is None

    def test_records_and_decides_nothing(self, house: House) -> None:
        house.announce("SH-1")
        ask(house, shipment_id="SH-1")
        assert house.count(DecisionRow) == house.count(AuditRow) == 0

    def test_explains_on_demand(self, house: House) -> None:
        house.announce("SH-1")
        answer = ask(house, shipment_id="SH-1", explain=True).json()
        assert answer["reasons"][0]["words"] == "Hours to the promise: 48"
        assert answer["explanation"]["contributions"] == {"hours_to_promise": 0.0}

    def test_explains_in_words_for_the_customer_too(self, house: House) -> None:
        house.announce("SH-1")
        with house.another(model=FakeModel(0.8)) as certain:
            answer = ask(certain, shipment_id="SH-1", explain=True).json()
        (reason,) = answer["customer_reasons"]
        assert reason["words"] == "The time and the way that are planned for it speak for a late arrival."
        assert reason["part"] == answer["explanation"]["log_odds"]
        assert ask(house, shipment_id="SH-1").json()["customer_reasons"] is None

    @pytest.mark.parametrize(("hours", "moment"), [(9.999, "24h_before"), (10, "2h_before"), (30, "2h_before")])
    def test_the_moment_follows_the_clock(self, house: House, hours: float, moment: str) -> None:
        house.announce("SH-1")
        house.advance(hours=hours)
        assert ask(house, shipment_id="SH-1").json()["moment"] == moment

    def test_a_departure_moves_it_on(self, house: House) -> None:
        house.announce("SH-1")
        house.send(delivery("d-1", "departed"))
        assert ask(house, shipment_id="SH-1").json()["moment"] == "at_departure"

    def test_a_moment_may_be_named_even_for_a_delivered_one(self, house: House) -> None:
        house.announce("SH-1")
        house.send(delivery("d-1", "delivered"))
        assert ask(house, shipment_id="SH-1", moment="2h_before").json()["moment"] == "2h_before"


class TestAbstaining:
    @pytest.mark.parametrize(
        ("plan", "because"),
        [
            ({"promised_at": None}, "no promise is given"),
            ({"planned_at": None}, "no planned departure is given"),
            ({"carrier_id": "NEW"}, "carrier NEW has no history"),
        ],
    )
    def test_what_is_missing_is_named(self, house: House, plan: dict[str, Any], because: str) -> None:
        house.announce("SH-1", **plan)
        for asked in ({"shipment_id": "SH-1"}, {"shipment": shipment("SH-1", **plan)}):
            answer = ask(house, **asked, explain=True).json()
            assert (answer["probability"], answer["verdict"]) == (None, "cannot_determine")
            assert (answer["abstained_because"], answer["reasons"]) == ([because], None)
            assert (answer["verdict_scale"], answer["expected_hours_late"]) == (0, None)


class TestRefusals:
    def test_without_a_model_it_is_said_how_to_get_one(self, house: House) -> None:
        house.announce("SH-1")
        with house.another(model=AbsentModel()) as bare:
            problem = problem_in(ask(bare, shipment_id="SH-1"), 409, "no-delay-model")
        assert "`triage train delay`" in problem["detail"]

    def test_an_unknown_shipment(self, house: House) -> None:
        assert "'SH-404'" in problem_in(ask(house, shipment_id="SH-404"), 404, "unknown-shipment")["detail"]

    def test_a_finished_shipment(self, house: House) -> None:
        house.announce("SH-1")
        house.send(delivery("d-1", "delivered"))
        problem = problem_in(ask(house, shipment_id="SH-1"), 422, "no-decision-moment")
        assert "name the `moment`" in problem["detail"]

    @pytest.mark.parametrize(
        ("changes", "slug"),
        [
            ({"occurred_at": at(hours=1)}, "event-from-the-future"),
            ({"occurred_at": "2026-03-01T00:00:00"}, "invalid-record"),
            ({"value_minor": 2**63}, "invalid-record"),
            ({"customer_id": "\x00"}, "invalid-record"),
            ({"known_at": at(hours=-1)}, "known-time"),
        ],
    )
    def test_an_inline_shipment_that_cannot_be_read(self, house: House, changes: dict[str, Any], slug: str) -> None:
        problem_in(ask(house, shipment=shipment(**changes)), 422, slug)

    @pytest.mark.parametrize(
        ("asked", "path"),
        [
            ({"shipment_id": ""}, "body.shipment_id"),
            ({"shipment_id": "\x00"}, "body.shipment_id"),
            ({"shipment_id": "x" * 201}, "body.shipment_id"),
            ({"shipment_id": 7}, "body.shipment_id"),
            ({"shipment_id": "SH-1", "moment": "someday"}, "body.moment"),
            ({"shipment_id": "SH-1", "explian": True}, "body.explian"),
            ({}, "body"),
        ],
    )
    def test_a_question_that_breaks_its_schema(self, house: House, asked: dict[str, Any], path: str) -> None:
        problem = problem_in(ask(house, **asked), 422, "invalid-request")
        assert [fault["path"] for fault in problem["errors"]] == [path]


class TestFeaturesDigest:
    def test_equal_values_digest_equally_whatever_their_bits(self) -> None:
        payload = np.uint64(0x7FF8000000000001).view(np.float64)
        one = FeatureRow(np.array([0.0, np.nan, 1.5]), ())
        other = FeatureRow(np.array([-0.0, payload, 1.5]), ())
        assert features_digest(one) == features_digest(other)

    def test_another_value_digests_otherwise(self) -> None:
        digests = {features_digest(FeatureRow(np.array([value]), ())) for value in (1.0, 1.0 + 2**-52, np.nan)}
        assert len(digests) == 3
