"""Events that are taken: the three ways to send them, once each, in any order."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from features.records import DeliveryEvent, Shipment
from features.vocabulary import EventType
from serving.db.tables import EventRow, RejectedEventRow
from serving.events.documentation import EVENTS_OPENAPI
from tests.serving.house import CLOUD_EVENT, JSON, NOW, House, at, delivery, planned, shipment, weather


class TestWaysToSend:
    def test_a_single_event_is_answered_by_itself(self, house: House) -> None:
        answer = house.api.post("/v1/events", json=planned("SH-1"), headers=CLOUD_EVENT)

        assert answer.status_code == 200
        assert answer.json() == {"status": "accepted", "id": "plan-SH-1", "source": "/erp", "problem": None}
        assert house.state.knows("SH-1")

    def test_a_batch_is_answered_event_by_event_in_its_order(self, house: House) -> None:
        answer = house.send(planned("SH-1"), delivery("d-1", "departed"), weather())

        assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (3, 0, 0)
        assert [result["id"] for result in answer["results"]] == ["plan-SH-1", "d-1", "w-1"]

    def test_a_batch_of_one_is_answered_as_a_batch(self, house: House) -> None:
        assert len(house.send(planned())["results"]) == 1

    def test_an_empty_batch_changes_nothing(self, house: House) -> None:
        assert house.send() == {"accepted": 0, "duplicate": 0, "rejected": 0, "results": []}
        assert house.kept() == (0, 0)

    def test_plain_json_may_hold_one_event_or_a_list(self, house: House) -> None:
        one = house.api.post("/v1/events", json=planned("SH-1"), headers=JSON)
        many = house.api.post("/v1/events", json=[planned("SH-2"), planned("SH-3")], headers=JSON)

        assert one.json()["status"] == "accepted"
        assert many.json()["accepted"] == 2

    def test_binary_mode_carries_the_attributes_in_headers(self, house: House) -> None:
        headers = {
            **JSON,
            "ce-specversion": "1.0",
            "ce-id": "plan%20SH-1",
            "ce-source": "/erp",
            "ce-type": "freight.shipment.planned",
        }
        answer = house.api.post("/v1/events", json=shipment("SH-1"), headers=headers)

        assert answer.json()["status"] == "accepted"
        assert [row.event_id for row in house.rows(EventRow)] == ["plan SH-1"]

    def test_the_same_event_in_binary_mode_and_in_a_batch_is_one(self, house: House) -> None:
        house.send(planned("SH-1"))
        event = planned("SH-1")
        headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}

        answer = house.api.post("/v1/events", json=event["data"], headers={**JSON, **headers})

        assert answer.json()["status"] == "duplicate"
        assert house.kept() == (1, 0)

    def test_a_byte_order_mark_is_left_aside(self, house: House) -> None:
        content = b"\xef\xbb\xbf" + json.dumps(planned()).encode()
        assert house.api.post("/v1/events", content=content, headers=CLOUD_EVENT).status_code == 200

    def test_extension_attributes_are_left_aside(self, house: House) -> None:
        event = {**planned(), "traceparent": "00-ab-cd-01", "partitionkey": 7}
        assert house.api.post("/v1/events", json=event, headers=CLOUD_EVENT).json()["status"] == "accepted"

    def test_the_envelopes_time_stands_for_a_missing_occurred_at(self, house: House) -> None:
        event = weather()
        del event["data"]["occurred_at"]

        house.send({**event, "time": at(hours=-2)})

        assert [row.occurred_at for row in house.rows(EventRow)] == [NOW - timedelta(hours=2)]


class TestTwoClocks:
    def test_the_service_sets_when_it_learnt(self, house: House) -> None:
        house.announce("SH-1")
        assert house.rows(EventRow)[0].known_at == NOW
        assert house.state.shipment("SH-1").known_at == NOW

    def test_a_replay_may_say_when_it_was_learnt(self, sqlite_url: str, house: House) -> None:
        with house.another(trust_known_time=True) as replaying:
            replaying.announce("SH-1", known_at=at(hours=-20))
            assert replaying.state.shipment("SH-1").known_at == NOW - timedelta(hours=20)

    def test_a_sender_may_be_ahead_by_the_tolerated_skew(self, house: House) -> None:
        answer = house.send(planned("SH-1", occurred_at=(NOW + timedelta(seconds=60)).isoformat()))
        assert answer["accepted"] == 1

    def test_a_forecast_may_lie_in_the_future(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.send(delivery("eta-1", "estimated_delivery", classifier="EST", occurred_at=at(hours=40)))
        assert answer["accepted"] == 1

    def test_a_time_with_an_offset_is_kept_in_utc(self, house: House) -> None:
        house.send(weather(occurred_at="2026-03-02T06:00:00+05:00"))
        assert house.rows(EventRow)[0].occurred_at.isoformat() == "2026-03-02T01:00:00+00:00"


class TestRepeats:
    def test_a_repeat_is_counted_once(self, house: House) -> None:
        house.announce("SH-1")
        departed = delivery("d-1", "departed")

        statuses = [house.send(departed)["results"][0]["status"] for _ in range(3)]

        assert statuses == ["accepted", "duplicate", "duplicate"]
        assert house.kept() == (2, 0)
        assert house.state.events_known("SH-1") == 1

    def test_a_repeat_within_one_batch_is_counted_once(self, house: House) -> None:
        answer = house.send(planned(), planned(), delivery("d-1", "departed"), delivery("d-1", "departed"))

        assert (answer["accepted"], answer["duplicate"]) == (2, 2)
        assert house.kept() == (2, 0)
        assert house.state.events_known("SH-1") == 1

    def test_a_repeat_learnt_later_keeps_the_first_known_at(self, house: House) -> None:
        house.announce("SH-1")
        house.advance(hours=3)

        assert house.send(planned("SH-1"))["duplicate"] == 1
        assert house.state.shipment("SH-1").known_at == NOW

    def test_a_shipment_is_planned_anew_from_when_that_was_learnt(self, house: House) -> None:
        house.announce("SH-1", pieces=4)
        learnt = house.advance(hours=3)

        assert house.send({**planned("SH-1", pieces=5), "id": "plan-2"})["accepted"] == 1
        assert house.state.shipment("SH-1").pieces == 5
        assert house.state.shipment("SH-1", learnt - timedelta(seconds=1)).pieces == 4
        with house.another() as restarted:
            assert restarted.state.shipment("SH-1").pieces == 5

    def test_another_order_of_keys_is_the_same_event(self, house: House) -> None:
        event = planned()
        turned = {**event, "data": dict(reversed(event["data"].items()))}

        assert house.send(event, turned)["duplicate"] == 1

    def test_a_repeat_under_another_id_is_kept_and_changes_nothing(self, house: House) -> None:
        house.announce("SH-1")
        before = house.state.shipment("SH-1")
        sent_again = {**planned("SH-1"), "id": "plan-SH-1-again"}

        assert house.send(sent_again)["accepted"] == 1
        assert house.kept() == (2, 0)
        assert house.state.shipment("SH-1") is before

    def test_the_same_id_of_another_source_is_another_event(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.send(delivery("d-1", "departed"), {**weather("d-1")})
        assert answer["accepted"] == 2


class TestOrder:
    def test_an_event_may_come_before_its_shipment(self, house: House) -> None:
        house.send(delivery("d-1", "departed"))
        house.announce("SH-1")

        assert house.decided("SH-1")["moment"] == "at_departure"

    def test_a_correction_stands_beside_what_it_corrects(self, house: House) -> None:
        house.announce("SH-1")
        house.send(delivery("d-1", "delivered"), delivery("d-2", "in_transit", corrects="d-1"))

        assert house.state.events_known("SH-1") == 2
        assert [event.corrects for event in house.state.events("SH-1")] == [None, "d-1"]


@pytest.mark.parametrize("record", [Shipment, DeliveryEvent])
def test_the_log_holds_records_that_read_back_equal(house: House, record: type[Shipment | DeliveryEvent]) -> None:
    house.send(planned("SH-1"), delivery("d-1", "departed"))
    row = house.rows(EventRow)[0 if record is Shipment else 1]

    read = record.model_validate_json(row.data)

    assert read in (house.state.shipment("SH-1"), *house.state.events("SH-1"))
    assert house.count(RejectedEventRow) == 0


def test_every_type_has_an_example_and_each_is_taken(house: House) -> None:
    content = EVENTS_OPENAPI["requestBody"]["content"]["application/cloudevents+json"]["examples"]
    events = [one["value"] for one in content.values()]
    house.clock.advance(timedelta(days=7))
    assert house.send(*events)["accepted"] == len(events)
    assert {event["type"] for event in events} == {each.value for each in EventType}
