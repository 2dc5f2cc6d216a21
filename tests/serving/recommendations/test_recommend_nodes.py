"""`POST /v1/recommend/nodes`: the request brings lines and stock."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from routing.policy import Policy
from serving.db.tables import AuditRow, DecisionRow
from tests.serving.house import House, Json, at, problem_in, shipment
from tests.serving.recommendations.agreed import contracts

LINE = {"line_id": "10", "sku": "X", "quantity": 10, "unit_value_minor": 10_000}


def place(name: str = "DEHAM", on_hand: float = 10, **given: Any) -> Json:
    return {"place": name, "positions": [{"sku": "X", "on_hand": on_hand}], **given}


def priced(name: str, on_hand: float = 10, **given: Any) -> Json:
    return place(name, on_hand, **{"ship_minor": 1_000, "late_probability": 0.1, **given})


def ask(house: House, *nodes: Json, **given: Any) -> httpx.Response:
    asked = {"lines": [LINE], "nodes": list(nodes), "customer_tier": "priority", "promised_at": at(hours=40), **given}
    return house.api.post("/v1/recommend/nodes", json={key: value for key, value in asked.items() if value is not None})


def told(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


class TestAnAnswer:
    def test_ranks_places_and_splits_and_each_line_alone(self, house: House) -> None:
        found = told(ask(house, priced("DEHAM", 4, stands=True), priced("NLRTM", ship_minor=2_000)))
        assert found["recommended"] == ["DEHAM", "NLRTM"] or found["recommended"] == ["NLRTM"]
        by_places = {tuple(each["places"]): each for each in found["options"]}
        # 6 % of 100.00 a unit; 1,000 + 10 × 600 × 0.1 from one place, six units late for sure from the other
        assert by_places["NLRTM",]["expected_cost_minor"] == 2_000 + 600 + 360
        assert by_places["DEHAM",]["expected_cost_minor"] == 1_000 + 240 + 3_600
        assert by_places["DEHAM",]["short"] == {"10": 6}
        assert [each["line_id"] for each in found["lines"]] == ["10"]
        assert sum(each["propensity"] for each in found["options"]) == 1

    def test_counts_as_free_what_is_neither_reserved_nor_held(self, house: House) -> None:
        stock = [{"sku": "X", "on_hand": 20, "reserved": 9, "held": 4}]
        (option,) = told(ask(house, {**priced("DEHAM"), "positions": stock}))["options"]
        assert option["parts"][0]["quantity"] == 7

    def test_prices_and_judges_a_place_by_contract_and_model_with_a_shipment(
        self, sqlite_url: str, late_shipments: Policy
    ) -> None:
        with House(sqlite_url, late_shipments, contracts=contracts(NWX=20_000, ACE=24_000)) as house:
            house.announce("SH-1")
            found = told(ask(house, place("DEHAM"), place("NLRTM"), shipment_id="SH-1", promised_at=None))
        by_places = {tuple(each["places"]): each for each in found["options"]}
        assert found["carriers"] == {"DEHAM": "NWX"}
        assert by_places["DEHAM",]["rate_minor"] == 20_000
        assert by_places["DEHAM",]["stands"]
        assert "no carrier with a contract and a history from NLRTM" in by_places["NLRTM",]["infeasible_because"][0]

    def test_records_nothing(self, house: House) -> None:
        told(ask(house, priced("DEHAM")))
        assert house.count(DecisionRow) == house.count(AuditRow) == 0


class TestARefusal:
    @pytest.mark.parametrize(
        "given",
        [
            {"lines": []},
            {"lines": [LINE, LINE]},
            {"lines": [{"line_id": "10", "sku": "X", "quantity": 1}]},
            {"nodes": [priced("DEHAM"), priced("DEHAM")]},
            {"nodes": [priced(str(number)) for number in range(13)]},
            {"shipment_id": "SH-1", "shipment": shipment()},
            {"promised_at": "2026-03-05T16:00:00"},
        ],
    )
    def test_of_what_cannot_be_meant(self, house: House, given: Json) -> None:
        problem_in(ask(house, priced("DEHAM"), **given), 422, "invalid-request")

    def test_without_a_promise_says_what_to_give(self, house: House) -> None:
        problem = problem_in(ask(house, priced("DEHAM"), promised_at=None), 422, "no-promise")
        assert "promised_at" in problem["detail"]

    def test_of_an_unknown_shipment(self, house: House) -> None:
        problem_in(ask(house, priced("DEHAM"), shipment_id="SH-404"), 404, "unknown-shipment")
