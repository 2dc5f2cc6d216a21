"""Orders, stock and receipts as events: taken in, refused with a reason, learnt where shortages are judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.state import State
from features.tables import RecordTables
from serving.events import following
from serving.events.documentation import ORDER_EXAMPLE
from serving.events.following import Following
from serving.events.records import OF_STOCK
from serving.events.snapshot import take
from tests.serving.house import NOW, House, Json, at, cloud_event, problem_in


def order(event_id: str = "SO-1", **changes: Any) -> Json:
    placed = {**ORDER_EXAMPLE, "occurred_at": at(hours=-3), "ordered_at": at(hours=-3), **changes}
    return cloud_event("freight.order", placed, event_id=event_id)


def position(event_id: str, quantity: float, **changes: Any) -> Json:
    lies = {"place": "DEHAM", "sku": "A-204", "disposition": "available", "occurred_at": at(hours=-2)}
    return cloud_event("freight.stock.position", {**lies, "quantity": quantity, **changes}, event_id=event_id)


def receipt(**changes: Any) -> Json:
    came: Json = {
        "receipt_id": "944-1", "place": "DEHAM", "sku": "A-204", "lot": "L-1", "occurred_at": at(hours=-1),
        "levels": [{"disposition": "available", "quantity": 52}],
    }  # fmt: skip
    return cloud_event("freight.stock.receipt", {**came, **changes}, event_id="944-1")


def adjustment(**changes: Any) -> Json:
    counted = {"adjustment_id": "947-1", "place": "DEHAM", "sku": "A-204", "quantity": -3, "reason": "count"}
    return cloud_event(
        "freight.stock.adjustment", {**counted, "occurred_at": at(hours=-1), **changes}, event_id="947-1"
    )


STORY = (order(), position("P-1", 10), position("P-2", 4), receipt(), adjustment())


def test_all_are_taken_in_and_counted_once(any_house: House) -> None:
    assert any_house.send(*STORY)["accepted"] == len(STORY)
    assert any_house.send(*STORY)["duplicate"] == len(STORY)
    other = any_house.send(order(customer_id="C-99"))
    assert other["results"][0]["problem"]["type"] == "/problems/event-conflict"


@pytest.mark.parametrize(
    ("event", "path", "words"),
    [
        (order(lines=[{"line_id": "10", "sku": "A"}]), "data.lines[0].quantity", "Field required"),
        (order(lines=[ORDER_EXAMPLE["lines"][0]] * 2), "data", "give each a line_id of its own"),
        (order(currency=None), "data", "unit_value_minor is given without currency"),
        (position("P", -1), "data.quantity", "greater than or equal to 0"),
        (position("P", 1e10), "data.quantity", "less than or equal to 1000000000"),
        (position("P", 1, disposition="lost"), "data.disposition", "Input should be"),
        (receipt(levels=[{"disposition": "in_transit", "quantity": 1}]), "data", "stands in still_to_come"),
        (receipt(levels=[{"disposition": "held", "quantity": 1}] * 2), "data", "give their sum"),
        (adjustment(quantity="many"), "data.quantity", "valid number"),
        (adjustment(from_disposition="available"), "data", "nothing is moved"),
    ],
)
def test_what_breaks_the_form_is_refused_and_kept(house: House, event: Json, path: str, words: str) -> None:
    (result,) = house.send(event)["results"]
    (fault,) = result["problem"]["errors"]
    assert fault["path"] == path
    assert words in fault["detail"]
    assert house.kept() == (0, 1)


def test_what_has_not_happened_yet_is_refused(house: House) -> None:
    (result,) = house.send(position("P", 1, occurred_at=at(hours=1)))["results"]
    assert result["problem"]["type"] == "/problems/event-from-the-future"


def test_a_single_one_that_is_refused_is_a_problem_of_its_own(house: House) -> None:
    answer = house.api.post("/v1/events", json=position("P", -1), headers={"content-type": "application/json"})
    problem_in(answer, 422, "invalid-record")


def test_they_are_learnt_only_where_shortages_are_judged(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.send(*STORY)
    read: list[str] = []
    stored = following.stored_record
    monkeypatch.setattr(following, "stored_record", lambda kind, data: read.append(kind) or stored(kind, data))
    without = Following(house.container.reads, State(), OF_STOCK)
    without.catch_up()
    assert not read
    assert (without.position, without.behind()) == (len(STORY), 0)
    knows = State(with_stock=True)
    Following(house.container.reads, knows).catch_up()
    assert len(read) == len(STORY)
    assert knows.stock is not None
    assert len(knows.stock) == len(ORDER_EXAMPLE["lines"])


def test_a_snapshot_holds_them(house: House, tmp_path: Path) -> None:
    house.send(*STORY)
    take(house.container.reads, None, tmp_path / "snapshot")
    tables = RecordTables.read(tmp_path / "snapshot")
    assert tables.orders["order_id"].tolist() == ["SO-4711"]
    assert tables.order_lines["line_id"].tolist() == ["10", "20"]
    assert tables.inventory_positions["quantity"].tolist() == [10.0, 4.0, 0.0, 52.0]
    assert tables.inventory_positions["lot"].tolist()[2] == "L-1"
    assert tables.inventory_adjustments["adjustment_id"].tolist() == ["947-1"]
    assert tables.inventory_positions["known_at"].max().to_pydatetime() == NOW
