"""Failures that others report of routers and queues, and that belong to no single part; each does not happen here.

Those of one part are tested beside it: two who take the same item, and late submits (`reviews/test_claims`), one stuck
call (`worker/test_outbox_contract`), events learnt before a decision (`events/test_following`), what is suppressed,
snoozed or merged and stays countable (`directives/test_directives`, `reviews/test_queue`), what a preview must not do
(`policies/test_preview`), secrets that rotate (`routing/dispatch/test_signing`), bundles that are refused when they are
loaded (`routing/test_linker`, `routing/test_lint`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from routing.policy import Policy
from serving.db.engine import engine_while
from serving.db.tables import DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed
from tests.serving.house import House, at, delivery, staff

CLOCKS_GO_FORWARD = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""In Europe, from 2 to 3 o'clock of the night."""


@pytest.fixture
def house(any_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(any_url, late_shipments, people=staff(ben=["duty-manager"])) as made:
        yield made


def claimed(database_url: str, now: datetime) -> list[str]:
    """Lease what is due, in a process that has just been started."""
    with engine_while(database_url) as engine:
        minute = timedelta(minutes=1)
        asked = {"target": "orchestrator", "owner": "w", "limit": 10, "now": now, "real_now": now, "lease": minute}
        return [call.shipment_id for call in SqlOutbox(engine).claim(**asked)]


def test_what_absent_people_hold_comes_back_to_the_queue(house: House) -> None:
    items = {house.for_review(f"SH-{number}") for number in range(3)}
    for item in items:
        house.claimed(item, "absent")
    assert house.container.reviews.take_next(actor="dana") is None
    house.advance(minutes=15)
    taken = [house.container.reviews.take_next(actor="dana") for _ in items]
    assert {each.item.item_id for each in taken if each is not None} == items


def test_a_call_put_off_goes_on_after_a_restart_at_its_moment_though_the_clocks_were_changed(house: House) -> None:
    plan = {"planned_at": "2026-03-29T20:00:00+02:00", "promised_at": "2026-03-30T20:00:00+02:00"}
    house.clock.set(CLOCKS_GO_FORWARD - timedelta(hours=2))
    house.announce("SH-1", **plan)
    house.decided("SH-1", risk=0.5)
    again = CLOCKS_GO_FORWARD + timedelta(hours=1)
    now = house.clock.now()
    lease = timedelta(minutes=1)
    outbox = SqlOutbox(house.engine)
    (call,) = outbox.claim(target="orchestrator", owner="w", limit=1, now=now, real_now=now, lease=lease)
    assert outbox.retry_at(call, at=again, reason="away", now=now)

    assert claimed(house.database_url, again - timedelta(seconds=1)) == []
    assert claimed(house.database_url, again) == ["SH-1"]


def test_nothing_fires_from_what_is_months_old(house: House) -> None:
    house.announce("SH-1", "SH-2")
    house.decided("SH-1", risk=0.5)
    item = house.decided("SH-2", risk=0.8)["review_item_id"]
    stop = {"kind": "limit", "mode": "observe", "owner": "duty-manager", "reason": "wrong messages go out"}
    house.ordered(by="ben", until=at(hours=24 * 60), **stop)
    now = house.advance(days=61)

    assert claimed(house.database_url, now) == []
    assert SqlOutbox(house.engine).expire_overdue(now=now, real_now=now) == 1
    assert [row.status for row in house.rows(OutgoingCallRow)] == ["expired"]
    answer = house.answer(item, "accept", actor="dana", claim_token=house.claimed(item))
    assert answer.status_code == 422, answer.text
    assert house.count(OutgoingCallRow) == 1


def test_a_rule_that_is_edited_between_decision_and_action_changes_nothing_of_the_action(house: House) -> None:
    house.announce("SH-1")
    item = house.decided("SH-1", risk=0.8)["review_item_id"]
    sealed = json.loads(house.rows(DecisionRow)[0].body)

    def edited(data: dict[str, Any]) -> None:
        data["version"] = 2
        data["branches"]["rebook"]["plan"]["carriers_at_most"] = 1
        data["branches"]["rebook"]["plan"]["tender_window_hours"] = 9
        data["thresholds"]["rebook_from"]["value"] = 0.95

    with House(house.database_url, changed(edited), clock=house.clock) as restarted:
        token = restarted.claimed(item)
        assert restarted.answer(item, "accept", claim_token=token).status_code == 200
        sent = json.loads(restarted.rows(OutgoingCallRow)[0].body)["data"]
    suggested = sealed["payload"]["suggestion"]["payload"]
    assert sealed["policy"]["version"] == 1
    assert {name: sent[name] for name in suggested} == suggested


def test_a_case_that_is_done_does_not_swallow_a_graver_signal(house: House) -> None:
    item = house.for_review("SH-1", risk=0.3, customer_tier="critical")
    token = house.claimed(item)
    assert house.answer(item, "dismiss", claim_token=token, reason_code="not_late").status_code == 200
    house.send(delivery("d-1", "departed"))
    assert house.decided("SH-1", risk=0.9)["branch"] == "escalate"
    assert [row.status for row in house.rows(ReviewItemRow)] == ["done"]


def test_what_no_rule_claims_goes_to_the_declared_default(house: House) -> None:
    house.announce("SH-1")
    answer = house.decided("SH-1", risk=0.01)
    assert (answer["branch"], answer["recommended_branch"], answer["decided_by"]) == ("none", "none", "default")
    assert answer["reason_staff"].endswith("nothing calls for action.")
