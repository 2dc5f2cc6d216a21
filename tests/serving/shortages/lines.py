"""Order lines of a warehouse that lacks stock, all made up, and a model that believes the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any

import httpx
import yaml

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import LineMoment, SubjectType
from models.contracts import Explanation, ShortageScore
from routing.loader import load_policy, parse_policy
from routing.policy import Policy
from serving.config import bundled_policy
from tests.budgets import without_budgets
from tests.serving.house import House, Json, at, cloud_event, put_in_force

PATH = "/v1/triage/shortages"
_IDS = count(1)
_SHORTFALL, _ON_HAND = INVENTORY_NAMES.index("shortfall"), INVENTORY_NAMES.index("on_hand")


class FakeShortageModel:
    """Says the risk it is told to say where free stock does not cover a line, a small one elsewhere."""

    name, version = "shortage", "3"
    fingerprints: Mapping[str, str] = MappingProxyType({"features": "f" * 64})
    boosters: Mapping[LineMoment, None] = MappingProxyType({LineMoment.BEFORE_WAVE: None})

    def __init__(self, risk: float = 0.7) -> None:
        self.risk = risk

    def scores(self, values: Any, news_hours: Any, moment: LineMoment) -> list[ShortageScore]:
        return [
            ShortageScore(None, moment, ("no stock of it is on record",))
            if row[_ON_HAND] != row[_ON_HAND]
            else ShortageScore(self.risk if row[_SHORTFALL] > 0 else 0.02, moment, ())
            for row in values
        ]

    def explanations(self, values: Any, moment: LineMoment) -> list[Explanation]:
        return [Explanation(0.0, (), 0.0, ()) for _ in values]


def opened(url: str, policy: Policy, **options: Any) -> House:
    """Start a service that judges shortages and decides about them by the bundle that ships."""
    house = House(url, policy, shortage_model=FakeShortageModel(), **options)
    with house.container.sessions.begin() as session:
        put_in_force(session, load_policy(bundled_policy(SubjectType.SHORTAGE)), house.clock.now())
    return house


def acting_bundle(version: int = 2) -> Policy:
    """Return the bundle that ships with every branch let off the leash."""
    data = without_budgets(yaml.safe_load(bundled_policy(SubjectType.SHORTAGE).read_text(encoding="utf-8")))
    for terms in data["branches"].values():
        terms["mode"] = "act_financial"
    return parse_policy(yaml.safe_dump(data | {"version": version, "mode": "act_financial"}, sort_keys=False))


def let_act(house: House) -> None:
    with house.container.sessions.begin() as session:
        put_in_force(session, acting_bundle(), house.clock.now())


def believe(house: House, risk: float) -> None:
    """Let the model say another risk."""
    model: Any = house.container.shortage_model
    model.risk = risk


def order(order_id: str, *, quantity: float = 10, sku: str = "A", **changes: Any) -> Json:
    """Return an order with one line, 10, of which a unit is worth 500.00 EUR to a priority customer."""
    line = {"line_id": "10", "sku": sku, "quantity": quantity, "unit_value_minor": 500_00, "warehouse_id": "DEHAM"}
    placed = {
        "order_id": order_id, "customer_id": "C-7", "customer_tier": "priority", "ship_complete": False,
        "ordered_at": at(hours=-9), "occurred_at": at(hours=-9), "currency": "EUR", "lines": [line], **changes,
    }  # fmt: skip
    return cloud_event("freight.order", placed, event_id=f"o-{next(_IDS)}")


def pick(order_id: str, *, wave: str = "W-1", status: str = "planned", hours: float = -8, **changes: Any) -> Json:
    task = {
        "task_id": f"T-{order_id}", "warehouse_id": "DEHAM", "kind": "pick", "status": status, "wave_id": wave,
        "order_id": order_id, "line_id": "10", "sku": "A", "quantity": 10, "due_at": at(hours=24),
        "occurred_at": at(hours=hours), **changes,
    }  # fmt: skip
    return cloud_event("freight.warehouse.task", task, event_id=f"t-{next(_IDS)}")


def lies(quantity: float, *, place: str = "DEHAM", hours: float = -7, sku: str = "A", **changes: Any) -> Json:
    told = {
        "place": place,
        "sku": sku,
        "disposition": "available",
        "quantity": quantity,
        "occurred_at": at(hours=hours),
    }
    return cloud_event("freight.stock.position", told | changes, event_id=f"p-{next(_IDS)}")


def tell(house: House, *events: Json) -> None:
    assert house.send(*events)["rejected"] == 0


def triage(house: House, *order_ids: str, key: str | None = None, **asked: Any) -> httpx.Response:
    named = {"lines": [{"order_id": each, "line_id": "10"} for each in order_ids]} if order_ids else {}
    headers = {"Idempotency-Key": key or f"triage-{next(_IDS)}"}
    return house.api.post(PATH, json=named | asked, headers=headers)


def decided(house: House, *order_ids: str, **asked: Any) -> Json:
    answer = triage(house, *order_ids, **asked)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def one(house: House, order_id: str, **asked: Any) -> Json:
    """Decide about the one line of an order."""
    (line,) = decided(house, order_id, **asked)["lines"]
    found: Json = line
    return found


def sources(payload: Mapping[str, Any]) -> Sequence[tuple[str, float]]:
    return [(row["place"], row["quantity"]) for row in payload["from"]]
