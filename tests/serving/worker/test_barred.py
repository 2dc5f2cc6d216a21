"""A call that an order bars which was given after it was let out is not sent, and is before a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from routing.policy import Policy
from serving.db.tables import OutgoingCallRow, ReviewItemRow
from serving.worker.outbox import SqlOutbox
from tests.serving.house import House, Json, at, staff

PEOPLE = staff(
    dana=["transport-operations", "customer-service"], ben=["duty-manager"], pat=["process-owner", "customer-service"]
)
FORBID: Json = {"kind": "forbid", "owner": "customer-service", "reason": "mail is down", "until": at(hours=24)}
EXCLUDE: Json = {
    "kind": "exclude", "owner": "transport-operations", "reason": "strike", "until": at(hours=24),
    "rows_of": "alternate_carriers", "column": "carrier_id", "value": "ACE",
}  # fmt: skip
MINUTE = timedelta(minutes=1)


@pytest.fixture
def any_house(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service that knows three people, on each database."""
    with House(any_url, late_shipments, people=PEOPLE) as made:
        yield made


def leased(house: House) -> list[str]:
    """Lease what is due and give it back as not sent, and return whose calls these were."""
    outbox, now = SqlOutbox(house.engine), house.clock.now()
    calls = outbox.claim(target="orchestrator", owner="w", limit=10, now=now, real_now=now, lease=MINUTE)
    for call in calls:
        assert outbox.release(call, now=now)
    return [call.subject_id for call in calls]


def rebooked(house: House, shipment_id: str) -> None:
    """Let a person accept that a shipment is rebooked."""
    item_id = house.for_review(shipment_id, risk=0.8)
    token = house.said(f"/v1/reviews/{item_id}/claim", {}, by="dana").json()["claim_token"]
    answer = house.said(f"/v1/reviews/{item_id}/accept", {"claim_token": token}, by="dana")
    assert answer.status_code == 200, answer.text


def test_a_forbidden_branch_is_not_sent_and_a_person_is_asked(any_house: House) -> None:
    any_house.announce("SH-1", "SH-2")
    any_house.decided("SH-1", risk=0.5)
    any_house.ordered(branch="notify", **FORBID)

    assert leased(any_house) == []

    (call,) = any_house.rows(OutgoingCallRow)
    assert (call.status, call.effect, call.attempts) == ("dismissed", "withdrawn", 0)
    (item,) = any_house.rows(ReviewItemRow)
    assert (item.call_id, item.status) == (call.call_id, "open")
    assert "notify was not sent: notify is forbidden; customer-service ordered it until" in item.why
    assert any_house.audited()["call.dismissed"] == any_house.audited()["effect.withdrawn"] == 1


def test_once_the_order_has_ended_the_item_can_send_it_after_all(any_house: House) -> None:
    any_house.announce("SH-1")
    any_house.decided("SH-1", risk=0.5)
    any_house.ordered(branch="notify", **FORBID)
    leased(any_house)
    (item,) = any_house.rows(ReviewItemRow)
    any_house.advance(hours=24)

    token = any_house.said(f"/v1/reviews/{item.item_id}/claim", {}, by="dana").json()["claim_token"]
    body = {"claim_token": token, "branch": "notify", "reason_code": "better_option"}
    answer = any_house.said(f"/v1/reviews/{item.item_id}/override", body, by="dana")

    assert answer.status_code == 200, answer.text
    assert leased(any_house) == ["SH-1"]


def test_others_go_out(any_house: House) -> None:
    any_house.announce("SH-1")
    any_house.announce("SH-2", customer_id="C-2")
    for name in ("SH-1", "SH-2"):
        any_house.decided(name, risk=0.5)
    any_house.ordered(**{**FORBID, "kind": "suppress"}, where={"customer_id": "C-1"})
    assert leased(any_house) == ["SH-2"]


def test_a_rebooking_to_a_carrier_that_is_left_out_since_is_not_sent(any_house: House) -> None:
    rebooked(any_house, "SH-1")
    any_house.ordered(**{**EXCLUDE, "value": "NWX"})
    assert leased(any_house) == ["SH-1"]
    any_house.ordered(**EXCLUDE)
    assert leased(any_house) == []
    (item,) = (each for each in any_house.rows(ReviewItemRow) if each.call_id is not None)
    assert "carrier_id ACE is excluded" in item.why


def test_of_one_that_was_sent_before_a_person_finds_out_whether_it_has_arrived(any_house: House) -> None:
    any_house.announce("SH-1")
    any_house.decided("SH-1", risk=0.5)
    outbox, now = SqlOutbox(any_house.engine), any_house.clock.now()
    (call,) = outbox.claim(target="orchestrator", owner="w", limit=10, now=now, real_now=now, lease=MINUTE)
    assert outbox.retry_at(call, at=now, reason="no answer", now=now)
    any_house.ordered(branch="notify", **FORBID)

    assert leased(any_house) == []

    (row,) = any_house.rows(OutgoingCallRow)
    assert (row.status, row.effect, row.attempts) == ("dismissed", "with_person", 1)
    (item,) = any_house.rows(ReviewItemRow)
    assert item.why.startswith("notify was sent once and may have arrived; it is not sent again: notify is forbidden")
