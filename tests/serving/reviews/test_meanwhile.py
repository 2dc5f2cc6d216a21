"""What has come since the decision is looked at when a person lets out a branch: orders, guardrails, the clock."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from serving.auth.people import People
from serving.db.tables import OutgoingCallRow, ReviewItemRow
from tests.serving.bundles import changed
from tests.serving.house import House, Json, at, delivery, planned, problem_in, staff

PEOPLE = staff(
    dana=["transport-operations", "customer-service"], ben=["duty-manager"], pat=["process-owner", "customer-service"]
)
EXCLUDE: Json = {
    "kind": "exclude", "owner": "transport-operations", "reason": "strike at its hub", "until": at(hours=24),
    "rows_of": "alternate_carriers", "column": "carrier_id", "value": "ACE",
}  # fmt: skip
FORBID: Json = {
    "kind": "forbid", "branch": "rebook", "owner": "transport-operations", "reason": "no money", "until": at(hours=24)
}  # fmt: skip
SUPPRESS: Json = {
    "kind": "suppress", "owner": "customer-service", "reason": "told by phone", "until": at(hours=24),
    "where": {"customer_id": "C-1"},
}  # fmt: skip
STOP: Json = {"kind": "limit", "mode": "observe", "owner": "transport-operations", "reason": "wrong calls"}
SNOOZE: Json = {
    "kind": "snooze", "rule": "another_carrier", "owner": "transport-operations", "reason": "being mended",
    "until": at(hours=24),
}  # fmt: skip


@pytest.fixture
def people() -> People:
    return PEOPLE


def token_of(house: House, item_id: str) -> str:
    """Claim an item as somebody who is listed."""
    return str(house.said(f"/v1/reviews/{item_id}/claim", {}, by="dana").json()["claim_token"])


def answered(house: House, item_id: str, verb: str = "accept", **body: Any) -> httpx.Response:
    """Claim an item and answer it."""
    token = token_of(house, item_id)
    return house.said(f"/v1/reviews/{item_id}/{verb}", {"claim_token": token, **body}, by="dana")


def refused(house: House, answer: httpx.Response) -> str:
    """Check that an answer is refused as overtaken, that nothing goes out and that the item stays, and return why."""
    detail: str = problem_in(answer, 409, "overtaken")["detail"]
    assert house.rows(ReviewItemRow)[0].status == "claimed"
    assert house.count(OutgoingCallRow) == 0
    return detail


def replanned(house: House, **changes: Any) -> None:
    """Change the plan of the shipment a minute later."""
    house.advance(minutes=1)
    answer = house.send({**planned("SH-1", **changes), "id": "plan-anew"})
    assert answer["accepted"] == 1, answer


def data_of(house: House) -> Json:
    data: Json = json.loads(house.rows(OutgoingCallRow)[-1].body)["data"]
    return data


class TestWhatIsOrderedSince:
    @pytest.mark.parametrize(
        ("order", "why"),
        [
            (FORBID, "rebook is forbidden; transport-operations ordered it until 2026-03-03T06:00:00Z: no money"),
            (EXCLUDE, "carrier_id ACE is excluded, transport-operations ordered it"),
            (SUPPRESS, "such cases are suppressed; customer-service ordered it"),
            ({**STOP, "branch": "rebook"}, "rebook is stopped; transport-operations ordered it until it is lifted"),
            (SNOOZE, "another_carrier is snoozed, transport-operations ordered it"),
        ],
        ids=["forbid", "exclude", "suppress", "stop", "snooze"],
    )
    def test_bars_what_was_suggested_before(self, any_house: House, order: Json, why: str) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.ordered(**order)
        told = refused(any_house, answered(any_house, item_id))
        assert why in told
        assert "Override it with another branch, dismiss it, or wait for the end." in told

    def test_leaves_what_it_does_not_concern(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.ordered(**{**EXCLUDE, "value": "NWX"})
        any_house.ordered(**{**FORBID, "branch": "notify", "owner": "customer-service"})
        any_house.ordered(**{**SUPPRESS, "where": {"customer_id": "C-2"}})
        assert answered(any_house, item_id).status_code == 200
        assert data_of(any_house)["carriers"][0]["carrier_id"] == "ACE"

    def test_lets_go_once_it_has_ended(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.8)
        house.ordered(**{**FORBID, "until": at(hours=1)})
        house.advance(hours=1)
        assert answered(house, item_id).status_code == 200

    def test_bars_an_override_as_well(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.3)
        house.ordered(**FORBID)
        answer = answered(house, item_id, "override", branch="rebook", reason_code="better_option")
        assert "rebook is forbidden" in refused(house, answer)

    def test_leaves_a_carrier_out_of_an_override(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.3)
        house.ordered(**EXCLUDE)
        answer = answered(house, item_id, "override", branch="rebook", reason_code="better_option")
        told = problem_in(answer, 422, "answer")["detail"]
        assert "no other carrier was late on less than 20 % of its legs" in told

    def test_one_item_of_a_bulk_stops_no_other(self, house: House) -> None:
        items = [house.for_review("SH-1", risk=0.8), house.for_review("SH-2", risk=0.8, customer_id="C-2")]
        house.ordered(**SUPPRESS)
        held = [{"item_id": each, "claim_token": token_of(house, each)} for each in items]
        told = house.said("/v1/reviews/bulk", {"items": held, "answer": "accept"}, by="dana").json()
        problems = [each["problem"] for each in told["results"]]
        assert (problems[0]["type"], problems[1]) == ("/problems/overtaken", None)
        assert [row.subject_id for row in house.rows(OutgoingCallRow)] == ["SH-2"]


class TestWhatIsKnownSince:
    def test_a_delivered_shipment_is_not_rebooked(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.send(delivery("d-1", "delivered"))
        told = refused(any_house, answered(any_house, item_id))
        assert "shipment SH-1 is delivered, picked, cancelled or closed otherwise by now" in told
        assert "Dismiss it as already_handled." in told

    def test_also_by_what_another_process_was_told(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        with any_house.another() as other:
            other.send(delivery("d-1", "delivered"))
        refused(any_house, answered(any_house, item_id))

    def test_what_has_left_is_not_rebooked(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.8)
        house.send(delivery("d-1", "departed"))
        told = refused(house, answered(house, item_id))
        assert "another_carrier hits no more: departed is yes by now" in told
        assert "Have it decided about anew (POST /v1/triage)" in told

    def test_an_earlier_departure_makes_it_too_late(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.8)
        replanned(house, planned_at=at(hours=2))
        assert "rebook was of use until 2026-03-02T06:00:00+00:00" in refused(house, answered(house, item_id))

    def test_a_guardrail_that_hits_by_now_bars_what_was_suggested_and_leaves_it_to_a_person(
        self, sqlite_url: str
    ) -> None:
        def one_piece(data: dict[str, Any]) -> None:
            guardrail = dict(data["guardrails"][1], id="too_many", when={"fact": "pieces", "at_least": 10})
            data["guardrails"].append(guardrail)

        with House(sqlite_url, changed(one_piece), people=PEOPLE) as house:
            item_id = house.for_review("SH-1", risk=0.8)
            replanned(house, pieces=12)
            assert "guardrail too_many hits by now" in refused(house, answered(house, item_id))
            body = {"branch": "rebook", "reason_code": "better_option"}
            token = house.rows(ReviewItemRow)[0].claim_token
            answer = house.said(f"/v1/reviews/{item_id}/override", {"claim_token": token, **body}, by="dana")
            assert answer.status_code == 200, answer.text

    def test_another_risk_bars_nothing(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.8)
        house.model.risk = 0.1
        assert answered(house, item_id).status_code == 200


class TestTheClock:
    def test_a_window_for_tenders_opens_when_it_is_accepted(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.advance(hours=5)
        assert answered(any_house, item_id).status_code == 200

        data = data_of(any_house)
        assert data["tender_window"] == {"opens_at": "2026-03-02T11:00:00Z", "closes_at": "2026-03-02T13:00:00Z"}
        suggested = any_house.api.get(f"/v1/reviews/{item_id}").json()["decision"]["payload"]["suggestion"]["payload"]
        assert {**suggested, "tender_window": data["tender_window"]} == {
            name: value for name, value in data.items() if name not in ("decision_id", "idempotency_key")
        }

    def test_a_rebooking_is_of_no_use_once_its_window_has_closed(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1", risk=0.8)
        any_house.advance(hours=9)
        assert answered(any_house, item_id).status_code == 200
        (call,) = any_house.rows(OutgoingCallRow)
        assert json.loads(call.body)["expirytime"] == data_of(any_house)["tender_window"]["closes_at"]
        assert call.latest_useful_at is not None
        assert call.latest_useful_at.isoformat() == at(hours=10)
