"""`POST /v1/score/eta`: answers, abstentions and refusals, with nothing recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest

from features.instants import micros
from features.settings import FeatureSettings
from features.vocabulary import Moment
from models.conformal import Outcomes
from models.eta import EtaModel
from models.learnt import NOTHING_NOTED
from routing.policy import Policy
from serving import bootstrap
from serving.bootstrap import build
from serving.config import Settings
from serving.db.tables import AuditRow, DecisionRow
from serving.errors import SettingsError
from tests.serving.house import NOW, FakeModel, House, delivery, problem_in, shipment
from tests.training.small import small_eta_model


def ask(house: House, **asked: Any) -> httpx.Response:
    return house.api.post("/v1/score/eta", json=asked)


@pytest.fixture(scope="module")
def model() -> EtaModel:
    """The small model, as if it had been made this morning: its outcomes became known yesterday."""
    made = small_eta_model()
    yesterday = micros(NOW - timedelta(days=1))
    outcomes = {
        moment: Outcomes(told.groups, np.full(len(told.known), yesterday), told.values)
        for moment, told in made.outcomes.items()
    }
    return replace(made, outcomes=outcomes, version="5")


@pytest.fixture
def told(sqlite_url: str, late_shipments: Policy, model: EtaModel) -> Iterator[House]:
    with House(sqlite_url, late_shipments, eta_model=model) as house:
        yield house


class TestAnAnswer:
    def test_tells_three_instants_the_coverage_the_moment_and_the_model(self, told: House) -> None:
        told.announce("SH-1")
        answer = ask(told, shipment_id="SH-1").json()
        early, median, late = (datetime.fromisoformat(answer[name]) for name in ("early", "median", "late"))
        assert early < median < late
        assert abs(median - (NOW + timedelta(hours=48))) < timedelta(hours=48)
        assert answer["stated_coverage"] == 0.8
        assert (answer["moment"], answer["as_of"]) == ("24h_before", "2026-03-02T06:00:00Z")
        assert (answer["abstained_because"], answer["model"]) == ([], {"name": "eta", "version": "5"})

    def test_a_promise_moved_moves_the_arrival(self, told: House) -> None:
        told.announce("SH-1")
        other = shipment("SH-2", promised_at=(NOW + timedelta(hours=60)).isoformat())
        one, two = ask(told, shipment_id="SH-1").json(), ask(told, shipment=other).json()
        assert datetime.fromisoformat(two["median"]) > datetime.fromisoformat(one["median"])

    def test_records_and_decides_nothing(self, told: House) -> None:
        told.announce("SH-1")
        assert ask(told, shipment_id="SH-1").json()["abstained_because"] == []
        assert told.count(DecisionRow) == told.count(AuditRow) == 0

    def test_a_moment_may_be_named_even_for_a_delivered_one(self, told: House) -> None:
        told.announce("SH-1")
        told.send(delivery("d-1", "delivered"))
        assert ask(told, shipment_id="SH-1", moment="2h_before").json()["moment"] == "2h_before"


class TestAnOverdueOne:
    def test_as_long_as_nothing_is_told_every_instant_lies_ahead(self, told: House) -> None:
        told.announce("SH-1")
        told.send(delivery("d-1", "departed"))
        told.advance(hours=49)
        answer = ask(told, shipment_id="SH-1").json()
        assert answer["abstained_because"] == []
        assert datetime.fromisoformat(answer["early"]) >= NOW + timedelta(hours=49)

    def test_one_that_was_delivered_is_told_as_it_was_expected(self, told: House) -> None:
        told.announce("SH-1")
        told.send(delivery("d-1", "delivered"))
        told.advance(hours=72)
        answer = ask(told, shipment_id="SH-1", moment="2h_before").json()
        assert datetime.fromisoformat(answer["early"]) < NOW + timedelta(hours=72)


class TestExplaining:
    def test_reasons_add_up_to_the_median_for_staff_and_for_the_customer(self, told: House) -> None:
        told.announce("SH-1")
        answer = ask(told, shipment_id="SH-1", explain=True).json()
        found = answer["explanation"]
        delay = (datetime.fromisoformat(answer["median"]) - (NOW + timedelta(hours=48))) / timedelta(hours=1)
        for parts in (
            [each["hours"] for each in found["reasons"]],
            [each["part"] for each in found["customer_reasons"]],
            [*found["contributions"].values(), found["correction_hours"]],
        ):
            assert found["base_hours"] + sum(parts) == pytest.approx(delay, abs=1e-6)
        assert all(each["words"].endswith(("earlier arrival.", "later arrival.")) for each in found["customer_reasons"])

    def test_only_on_demand_and_not_where_it_abstains(self, told: House) -> None:
        told.announce("SH-1")
        assert ask(told, shipment_id="SH-1").json()["explanation"] is None
        assert ask(told, shipment=shipment("SH-2", carrier_id="NEW"), explain=True).json()["explanation"] is None


class TestAbstaining:
    @pytest.mark.parametrize(
        ("plan", "because"),
        [
            ({"promised_at": None}, "no promise is given"),
            ({"planned_at": None}, "no planned departure is given"),
            ({"carrier_id": "NEW"}, "carrier NEW has no history"),
        ],
    )
    def test_what_is_missing_is_named(self, told: House, plan: dict[str, Any], because: str) -> None:
        told.announce("SH-1", **plan)
        for asked in ({"shipment_id": "SH-1"}, {"shipment": shipment("SH-1", **plan)}):
            answer = ask(told, **asked).json()
            assert answer["early"] is answer["median"] is answer["late"] is None
            assert answer["abstained_because"] == [because]

    def test_a_moment_it_was_not_trained_for(self, told: House) -> None:
        told.announce("SH-1")
        answer = ask(told, shipment_id="SH-1", moment="at_booking").json()
        assert answer["abstained_because"] == ["the model was not trained for the moment at_booking"]

    def test_without_new_outcomes_it_falls_silent(self, told: House, model: EtaModel) -> None:
        told.announce("SH-1")
        with told.another(eta_model=replace(model, learnt=NOTHING_NOTED)) as other:
            other.advance(days=15)
            answer = ask(other, shipment_id="SH-1").json()
        assert answer["abstained_because"] == ["fewer than 60 outcomes are known of the last 14 days"]

    def test_a_carrier_that_has_told_nothing_for_far_longer_than_ever(self, told: House) -> None:
        told.announce("SH-1")
        told.advance(days=15)
        (because,) = ask(told, shipment_id="SH-1").json()["abstained_because"]
        assert because.startswith("what is known of the carrier is out of date: it has told of no departure")

    def test_without_a_model(self, house: House) -> None:
        house.announce("SH-1")
        answer = ask(house, shipment_id="SH-1").json()
        assert (answer["early"], answer["abstained_because"]) == (None, ["no model of arrival is loaded"])
        assert answer["model"] == {"name": "none", "version": "0"}


class TestRefusals:
    def test_an_unknown_shipment(self, told: House) -> None:
        assert "'SH-404'" in problem_in(ask(told, shipment_id="SH-404"), 404, "unknown-shipment")["detail"]

    def test_a_finished_shipment(self, told: House) -> None:
        told.announce("SH-1")
        told.send(delivery("d-1", "delivered"))
        problem_in(ask(told, shipment_id="SH-1"), 422, "no-decision-moment")

    def test_an_inline_shipment_that_cannot_be_read(self, told: House) -> None:
        problem_in(ask(told, shipment=shipment(value_minor=2**63)), 422, "invalid-record")

    @pytest.mark.parametrize(
        ("asked", "path"), [({"shipment_id": "SH-1", "reasons": True}, "body.reasons"), ({}, "body")]
    )
    def test_a_question_that_breaks_its_schema(self, told: House, asked: dict[str, Any], path: str) -> None:
        problem = problem_in(ask(told, **asked), 422, "invalid-request")
        assert [fault["path"] for fault in problem["errors"]] == [path]


class TestLoading:
    def test_it_is_taken_from_the_registry_by_name(
        self, sqlite_url: str, model: EtaModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[str, str]] = []
        _registry(monkeypatch, model, model.feature_settings, asked)
        container = build(Settings(database_url=sqlite_url, tracking_uri="sqlite:///there", eta_model_name="my-eta"))
        assert asked == [("sqlite:///there", "my-eta")]
        assert container.arrivals.model is model

    def test_other_features_than_those_of_the_delay_model_are_refused(
        self, sqlite_url: str, model: EtaModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _registry(monkeypatch, model, FeatureSettings(late_after_minutes=77), [])
        with pytest.raises(SettingsError, match="train both with the same `features`"):
            build(Settings(database_url=sqlite_url, tracking_uri="sqlite:///there", eta_model_name="eta"))

    def test_a_model_without_a_registry_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="--tracking-uri"):
            Settings(eta_model_name="eta")


def _registry(
    monkeypatch: pytest.MonkeyPatch, model: EtaModel, settings: FeatureSettings, asked: list[tuple[str, str]]
) -> None:
    """Stand in for a registry that holds both champions."""
    delay: Any = FakeModel()
    delay.feature_settings = settings

    def load_eta(tracking_uri: str, name: str) -> tuple[EtaModel, dict[str, Any]]:
        asked.append((tracking_uri, name))
        return model, {}

    monkeypatch.setattr(bootstrap, "load_champion", lambda *_: (delay, {}))
    monkeypatch.setattr(bootstrap, "load_eta_champion", load_eta)


def test_the_moments_are_those_of_the_model(model: EtaModel) -> None:
    assert set(model.moments) == {Moment.DAY_BEFORE, Moment.HOURS_BEFORE, Moment.AT_DEPARTURE}
