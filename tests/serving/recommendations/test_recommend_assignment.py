"""`POST /v1/recommend/assignment`: the queue over carriers with little room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from routing.policy import Policy
from tests.serving.house import House, Json, delivery, problem_in
from tests.serving.recommendations.agreed import contracts


@pytest.fixture
def house(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    """Two carriers, for 300.00 and 100.00, and a queue of three shipments that the dearer one has."""
    with House(sqlite_url, late_shipments, contracts=contracts(NWX=30_000, ACE=10_000)) as made:
        made.announce("SH-A", carrier_id="ACE")
        made.send(delivery("A-1", "departed", shipment_id="SH-A"))  # ACE is heard of
        for number, weight in enumerate((100.0, 200.0, 300.0), start=1):
            made.for_review(f"SH-{number}", weight_kg=weight)
        yield made


def assigned(house: House, **asked: object) -> Json:
    answer = house.api.post("/v1/recommend/assignment", json=asked)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def test_without_limits_each_takes_what_it_would_alone(house: House) -> None:
    found = assigned(house, capacity={})
    assert {each["shipment_id"]: each["taken"] for each in found["cases"]} == dict.fromkeys(
        ("SH-1", "SH-2", "SH-3"), "ACE"
    )
    assert found["cost_minor"] == found["alone_minor"]


def test_within_a_capacity_some_stay_where_they_are_and_the_room_has_a_price(house: House) -> None:
    found = assigned(house, capacity={"ACE": 2})
    assert sorted(each["taken"] for each in found["cases"]) == ["ACE", "ACE", "NWX"]
    assert found["used"] == {"ACE": 2}
    saved = {each["expected_cost_minor"] for each in found["cases"]}
    assert found["shadow_prices_minor"]["ACE"] == pytest.approx(max(saved) - min(saved))


def test_counts_in_kilograms_if_asked_to(house: House) -> None:
    found = assigned(house, capacity={"ACE": 300}, per="weight_kg")
    assert {each["shipment_id"] for each in found["cases"] if each["taken"] == "ACE"} == {"SH-1", "SH-2"}


def test_says_what_had_no_part_and_why(house: House) -> None:
    found = assigned(house, capacity={}, shipment_ids=["SH-1", "SH-404", "SH-A"], per="weight_kg")
    assert [each["shipment_id"] for each in found["cases"]] == ["SH-1"]
    assert "SH-404" in found["left_out"]["SH-404"]
    assert found["left_out"]["SH-A"] == "it has left"


def test_refuses_less_than_nothing(house: House) -> None:
    problem_in(house.api.post("/v1/recommend/assignment", json={"capacity": {"ACE": -1}}), 422, "invalid-request")
