"""What tests of effects do again and again: decide, deliver, report, look."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import httpx

from serving.db.tables import OutgoingCallRow, ReviewItemRow
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import Edit
from tests.serving.house import House, Json

_KEYS = count(1)
MINUTE = timedelta(minutes=1)


def acting(data: dict[str, Any]) -> None:
    """Let every branch act by itself, so that decisions book."""
    data["mode"] = "act_financial"
    for terms in data["branches"].values():
        terms["mode"] = "act_financial" if terms["money"] else "act_non_financial"


def without(part: str, *branches: str) -> Edit:
    """Leave `verify` or `compensate` out of some branches."""

    def edit(data: dict[str, Any]) -> None:
        for branch in branches:
            data["branches"][branch].pop(part)

    return edit


def told(house: House, shipment_id: str = "SH-1", **plan: Any) -> str:
    """Announce a shipment whose customer is told, and return the id of the call."""
    house.announce(shipment_id, **plan)
    answer = house.decided(shipment_id, risk=0.5)
    assert answer["branch"] == "notify", answer
    return str(answer["call_id"])


def rebooked(house: House, shipment_id: str = "SH-1") -> str:
    """Announce a shipment, let a person accept that it is rebooked, and return the id of the call."""
    item = house.for_review(shipment_id, risk=0.8)
    answer = house.answer(item, "accept", claim_token=house.claimed(item))
    assert answer.status_code == 200, answer.text
    return house.rows(OutgoingCallRow)[-1].call_id


def claimed(house: House, limit: int = 50) -> list[Any]:
    """Lease what is due, as a worker does."""
    now = house.clock.now()
    asked = {"target": "orchestrator", "owner": "w", "limit": limit, "now": now, "real_now": now, "lease": MINUTE}
    return list(SqlOutbox(house.engine).claim(**asked))


def delivered(house: House) -> list[str]:
    """Deliver what is due, and return which calls went out."""
    outbox, calls = SqlOutbox(house.engine), claimed(house)
    for call in calls:
        assert outbox.delivered(call, now=house.clock.now())
    return [call.call_id for call in calls]


def tended(house: House) -> int:
    """Look after effects as a worker does."""
    return SqlOutbox(house.engine).tend_effects(now=house.clock.now())


def report(house: House, call_id: str, outcome: str, *, key: str | None = None, **more: Any) -> httpx.Response:
    body = {"call_id": call_id, "outcome": outcome, "occurred_at": house.clock.now().isoformat(), **more}
    body = {name: value for name, value in body.items() if value is not None}
    return house.api.post("/v1/outcomes", json=body, headers={"Idempotency-Key": key or f"outcome-{next(_KEYS)}"})


def reported(house: House, call_id: str, outcome: str, **more: Any) -> Json:
    """Report an outcome that must be taken."""
    answer = report(house, call_id, outcome, **more)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def undone(house: House, call_id: str) -> httpx.Response:
    headers = {"Idempotency-Key": f"undo-{next(_KEYS)}", "X-Actor": "dana"}
    return house.api.post(f"/v1/calls/{call_id}/undo", json={"reason": "not wanted"}, headers=headers)


def call(house: House, call_id: str) -> Json:
    answer = house.api.get(f"/v1/calls/{call_id}")
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def effect(house: House, call_id: str) -> str:
    return str(call(house, call_id)["effect"])


def items_about(house: House, call_id: str) -> list[ReviewItemRow]:
    return [row for row in house.rows(ReviewItemRow) if row.call_id == call_id]
