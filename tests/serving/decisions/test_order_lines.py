"""A split names the lines of the shipment's order, from which place each goes, and why if that is not known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from routing.loader import load_policy
from routing.replay import replay
from serving.config import bundled_policy
from serving.db.tables import DecisionRow
from tests.serving.decisions.auditing import problems_of
from tests.serving.house import House, Json, at, delivery, planned
from tests.serving.shortages.lines import FakeShortageModel, lies, order, tell

SPLIT_RISK = 0.58
POLICY = load_policy(bundled_policy())


def _stops(origin: str, planned_at: str, promised_at: str) -> list[Json]:
    pickup = {"place": origin, "kind": "pickup", "planned_at": planned_at}
    return [pickup, {"place": "ATVIE", "kind": "delivery", "promised_at": promised_at}]


def filled(house: House) -> House:
    """Tell of a shipment that another place has sent to the same destination."""
    times = {"occurred_at": at(hours=-90)}
    stops = _stops("DEMUC", at(hours=-80), at(hours=-40))
    house.send(planned("H-MUC", stops=stops, **times))
    house.send(delivery("H-MUC-D", "delivered", "H-MUC", occurred_at=at(hours=-50)))
    return house


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[House]:
    """A service that learns orders and stock."""
    with House(sqlite_url, POLICY, shortage_model=FakeShortageModel()) as house:
        yield filled(house)


def suggested(house: House, shipment_id: str = "SH-1", **plan: Any) -> Json:
    """Decide about a shipment that a rule would split, and return what was sealed."""
    house.announce(shipment_id, customer_tier="standard", **plan)
    house.decided(shipment_id, risk=SPLIT_RISK)
    body: Json = json.loads(house.rows(DecisionRow)[-1].body)
    assert replay(json.dumps(body, sort_keys=True, separators=(",", ":")), POLICY).differences == ()
    return body


def split_of(body: Json) -> Json:
    suggestion: Json = body["payload"]["suggestion"]
    assert suggestion["branch"] == "split"
    payload: Json = suggestion["payload"]
    return payload


def test_each_line_is_named_with_the_place_that_sends_it(desk: House) -> None:
    line = {"quantity": 4, "unit_value_minor": 500_00, "warehouse_id": "DEHAM"}
    lines = [{**line, "line_id": "10", "sku": "A"}, {**line, "line_id": "20", "sku": "B"}]
    tell(desk, order("O-1", lines=lines), lies(4), lies(4, sku="B"), lies(9, place="DEMUC", sku="B"))
    payload = split_of(suggested(desk, order_id="O-1"))
    assert payload["alternate_origin"]["place"] == "DEMUC"
    assert (payload["lines"], payload["lines_unknown_because"]) == (
        [
            {"line_id": "10", "sku": "A", "quantity": 4.0, "from": "DEHAM"},
            {"line_id": "20", "sku": "B", "quantity": 4.0, "from": "DEMUC"},
        ],
        None,
    )
    assert (payload["cost"]["fixed_minor"], payload["cost"]["currency"]) == (4500, "EUR")
    assert problems_of(desk) == ()


def test_an_order_that_is_taken_whole_or_not_at_all_is_not_split(desk: House) -> None:
    tell(desk, order("O-1", ship_complete=True), lies(10), lies(10, place="DEMUC"))
    body = suggested(desk, order_id="O-1")
    assert body["facts"]["ship_complete"] is True
    assert body["recommended_branch"] != "split"


def test_what_no_other_place_has_is_not_split(desk: House) -> None:
    tell(desk, order("O-1"), lies(10))
    body = suggested(desk, order_id="O-1")
    assert body["recommended_branch"] == "split"
    assert "no other place with room has a line of the order free" in body["held_because"]


@pytest.mark.parametrize(
    ("order_id", "because"), [(None, "the shipment names no order"), ("O-9", "no line of order O-9 is known")]
)
def test_why_no_line_is_named_is_said(desk: House, order_id: str | None, because: str) -> None:
    payload = split_of(suggested(desk, order_id=order_id))
    assert (payload["lines"], payload["lines_unknown_because"]) == (None, f"order_lines is unknown: {because}")


def test_a_service_that_learns_no_orders_says_so(sqlite_url: str) -> None:
    with House(sqlite_url, POLICY) as house:
        payload = split_of(suggested(filled(house), order_id="O-1"))
    assert payload["lines"] is None
    assert "without --shortage-model" in payload["lines_unknown_because"]
