"""`POST /v1/recommend/nodes` by `order_id`: lines and stock are those that were sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from models.shortage import ShortageModel
from routing.policy import Policy
from tests.serving.house import House, Json, at, cloud_event, problem_in

PATH = "/v1/recommend/nodes"
NOT_ASKED = ShortageModel("shortage", "1", {}, 72.0, {}, {})
"""A service with a model learns stock; no line is judged here."""
PRICED = {
    "DEHAM": {"ship_minor": 4200, "late_probability": 0.1},
    "NLRTM": {"ship_minor": 6100, "late_probability": 0.05},
}


def order(order_id: str, *quantities: float, place: str = "DEHAM", **changes: Any) -> Json:
    lines = [
        {"line_id": str(number), "sku": sku, "quantity": quantity, "unit_value_minor": 50_000, "warehouse_id": place}
        for number, (sku, quantity) in enumerate(zip("AB", quantities, strict=False), start=1)
    ]
    placed = {
        "order_id": order_id, "customer_id": "C-1", "customer_tier": "priority", "currency": "EUR",
        "ordered_at": at(hours=-9), "occurred_at": at(hours=-9), "last_confirmed_at": at(hours=60), "lines": lines,
    }  # fmt: skip
    return cloud_event("freight.order", {**placed, **changes}, event_id=order_id)


def position(place: str, sku: str, quantity: float, **changes: Any) -> Json:
    lies = {"place": place, "sku": sku, "disposition": "available", "quantity": quantity, "occurred_at": at(hours=-5)}
    return cloud_event(
        "freight.stock.position", {**lies, **changes}, event_id=f"{place}-{sku}-{len(changes)}-{quantity}"
    )


STORY = (
    order("SO-1", 12, 3),
    order("SO-2", 4, place="NLRTM"),
    order("SO-3", 5),
    position("DEHAM", "A", 8),
    position("DEHAM", "A", 2, disposition="reserved", held_by="SO-1"),
    position("DEHAM", "A", 7, disposition="reserved", held_by="SO-9"),
    position("DEHAM", "B", 3, disposition="held"),
    position("NLRTM", "A", 30),
    position("NLRTM", "B", 1),
    position("DEHAM", "A", 4, disposition="in_transit", lot="L", expected_at=at(hours=6)),
    position("DEHAM", "A", 9, disposition="in_transit", lot="K", expected_at=at(hours=-1)),
)


@pytest.fixture
def desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(any_url, late_shipments, shortage_model=NOT_ASKED) as house:
        assert house.send(*STORY)["accepted"] == len(STORY)
        yield house


def places(**cut_offs: str) -> list[Json]:
    given = ({"place": place, **priced} for place, priced in PRICED.items())
    return [
        {**each, **({"cut_off_at": cut_offs[each["place"]]} if each["place"] in cut_offs else {})} for each in given
    ]


def ask(house: House, **question: Any) -> Json:
    answer = house.api.post(PATH, json=question)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def ways(answer: Json) -> list[Json]:
    return [{name: told for name, told in each.items() if name != "stands"} for each in answer["options"]]


def test_what_is_known_is_answered_as_if_the_request_had_brought_it(desk: House) -> None:
    brought = places(DEHAM=at(hours=10))
    brought[0] |= {
        "positions": [{"sku": "A", "on_hand": 10, "reserved": 5}],  # five of another order come first
        "inbound": [{"sku": "A", "quantity": 4, "due_at": at(hours=6), "late_probability": 0.2}],
        "stands": True,
    }
    brought[1] |= {"positions": [{"sku": "A", "on_hand": 30, "reserved": 4}, {"sku": "B", "on_hand": 1}]}
    lines = [
        {"line_id": line, "sku": sku, "quantity": quantity, "unit_value_minor": 50_000}
        for line, sku, quantity in (("1", "A", 12), ("2", "B", 3))
    ]
    expected = ask(desk, lines=lines, nodes=brought, promised_at=at(hours=60), customer_tier="priority")
    nodes = places(DEHAM=at(hours=10))
    nodes[0]["stands"] = True
    known = ask(desk, order_id="SO-1", nodes=nodes)
    assert ways(known) == ways(expected)
    assert known["promised_at"] == expected["promised_at"]
    assert known["recommended"] == expected["recommended"] == ["NLRTM"]


def test_without_a_cut_off_nothing_that_is_on_its_way_counts(desk: House) -> None:
    options = ask(desk, order_id="SO-1", nodes=places())["options"]
    assert all(part["inbound"] == 0 for option in options for part in option["parts"])
    (alone,) = [option for option in options if option["places"] == ["DEHAM"]]
    assert alone["short"] == {"1": 7, "2": 3}


def test_places_that_nobody_named_are_told_with_the_reason_against_them(desk: House) -> None:
    answer = ask(desk, order_id="SO-1")
    assert {place for option in answer["options"] for place in option["places"]} == {"DEHAM", "NLRTM"}
    assert answer["recommended"] is None


def test_with_a_shipment_they_are_priced_by_contracts_and_model(desk: House) -> None:
    desk.announce("SH-1")
    reasons = {
        option["places"][0]: option["infeasible_because"]
        for option in ask(desk, order_id="SO-1", shipment_id="SH-1")["options"]
    }
    assert "no carrier with a contract" in reasons["NLRTM"][0]


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"order_id": "SO-1", "lines": [{"line_id": "1", "sku": "A", "quantity": 1, "unit_value_minor": 1}]},
        {"order_id": "SO-1", "nodes": [{"place": "DEHAM", "positions": [{"sku": "A", "on_hand": 1}]}]},
    ],
)
def test_stock_is_either_known_or_brought(desk: House, question: Json) -> None:
    problem_in(desk.api.post(PATH, json=question), 422, "invalid-request")


def test_what_cannot_be_compared_is_refused(desk: House) -> None:
    problem_in(desk.api.post(PATH, json={"order_id": "SO-0"}), 404, "unknown-order")
    desk.send(order("SO-7", 1, currency="USD"), order("SO-8", 1, last_confirmed_at=None))
    assert "is in USD" in problem_in(desk.api.post(PATH, json={"order_id": "SO-7"}), 422, "no-line-value")["detail"]
    problem_in(desk.api.post(PATH, json={"order_id": "SO-8"}), 422, "no-promise")


def test_a_service_that_learns_no_stock_says_so(house: House) -> None:
    problem_in(house.api.post(PATH, json={"order_id": "SO-1"}), 409, "no-shortage-model")
