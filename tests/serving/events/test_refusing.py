"""Events that are refused: each with its problem, kept with the reason, and never in the state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import update

from serving.db.tables import EventRow, RejectedEventRow
from tests.serving.house import (
    CLOUD_EVENT,
    CLOUD_EVENTS,
    NOW,
    House,
    Json,
    at,
    cloud_event,
    delivery,
    planned,
    problem_in,
    shipment,
    weather,
)

DELETED = object()


def changed(event: Json, **changes: Any) -> Json:
    return {name: value for name, value in {**event, **changes}.items() if value is not DELETED}


def with_data(event: Json, **changes: Any) -> Json:
    return {**event, "data": changed(event["data"], **changes)}


def stop_with(**changes: Any) -> Json:
    event = planned()
    event["data"]["stops"][1].update(changes)
    return event


def shift(event_id: str, **changes: Any) -> Json:
    told = {"shift_id": "S-1", "warehouse_id": "DEHAM", "starts_at": at(hours=1), "ends_at": at(hours=9)}
    return cloud_event("freight.labour.shift", {**told, "occurred_at": at(hours=-1), **changes}, event_id=event_id)


REFUSED = {
    "not an object": (3, "not-a-cloudevent", "event"),
    "null": (None, "not-a-cloudevent", "event"),
    "no attributes at all": ({}, "not-a-cloudevent", "specversion"),
    "another version of CloudEvents": (changed(planned(), specversion="0.3"), "not-a-cloudevent", "specversion"),
    "no id": (changed(planned(), id=DELETED), "not-a-cloudevent", "id"),
    "an empty id": (changed(planned(), id=""), "not-a-cloudevent", "id"),
    "an id that is too long": (changed(planned(), id="x" * 201), "not-a-cloudevent", "id"),
    "an id with a control character": (changed(planned(), id="a\nb"), "not-a-cloudevent", "id"),
    "an id with U+0000": (changed(planned(), id="a\x00"), "not-a-cloudevent", "id"),
    "data that is no object": (changed(planned(), data=[1]), "not-a-cloudevent", "data"),
    "data of another type": (changed(planned(), datacontenttype="text/xml"), "not-a-cloudevent", "datacontenttype"),
    "an envelope's time without zone": (changed(planned(), time="2026-03-01T00:00:00"), "not-a-cloudevent", "time"),
    "a misspelt type": (changed(planned(), type="freight.shipment.plannd"), "unknown-event-type", "type"),
    "a missing field": (with_data(planned(), carrier_id=DELETED), "invalid-record", "data.carrier_id"),
    "an unknown field": (with_data(planned(), carier="NWX"), "invalid-record", "data.carier"),
    "a wrong type": (with_data(planned(), pieces="many"), "invalid-record", "data.pieces"),
    "a negative value": (with_data(planned(), value_minor=-1), "invalid-record", "data.value_minor"),
    "a value without currency": (with_data(planned(), currency=DELETED), "invalid-record", "data"),
    "no stops": (with_data(planned(), stops=[]), "invalid-record", "data.stops"),
    "an unknown status": (with_data(delivery("d", "departed"), status="gone"), "invalid-record", "data.status"),
    "a time without zone": (
        with_data(planned(), occurred_at="2026-03-01T00:00:00"), "invalid-record", "data.occurred_at",
    ),
    "a promise without zone": (
        stop_with(promised_at="2026-03-04T00:00:00"), "invalid-record", "data.stops[1].promised_at",
    ),
    "an unknown time zone": (stop_with(timezone="Europe/Wien"), "invalid-record", "data.stops[1].timezone"),
    "a time before the year 1": (
        with_data(planned(), occurred_at="0001-01-01T00:00:00+14:00"), "invalid-record", "data",
    ),
    "a number that is not finite": (with_data(weather(), wind_speed_ms=1e999), "malformed-body", None),
    "a whole number beyond 64 bits": (with_data(planned(), value_minor=2**63), "invalid-record", "data"),
    "U+0000 in a text": (with_data(planned(), customer_id="C\x00"), "invalid-record", "data"),
    "U+0000 in a name": (with_data(planned(), **{"a\x00": 1}), "invalid-record", "data.a\x00"),
    "a future event": (with_data(delivery("d", "departed"), occurred_at=at(hours=1)), "event-from-the-future", None),
    "a future booking": (with_data(planned(), occurred_at=at(hours=1)), "event-from-the-future", None),
    "a future time of the envelope": (changed(planned(), time=at(hours=1)), "event-from-the-future", None),
    "known_at from a live sender": (with_data(planned(), known_at=at(hours=-1)), "known-time", "data.known_at"),
}  # fmt: skip


def send(house: House, event: object) -> Any:
    return house.api.post("/v1/events", content=json.dumps(event), headers=CLOUD_EVENT)


class TestASingleEvent:
    @pytest.mark.parametrize("name", REFUSED)
    def test_is_refused_with_its_problem_and_kept_whole(self, any_house: House, name: str) -> None:
        event, slug, path = REFUSED[name]
        answer = send(any_house, event)

        problem = problem_in(answer, 400 if slug == "malformed-body" else 422, slug)
        if path is not None:
            assert path in [fault["path"] for fault in problem["errors"]]
        assert any_house.kept() == (0, 1)
        rejected = any_house.rows(RejectedEventRow)[0]
        assert rejected.reason == problem["detail"].replace("\x00", "\\x00")
        assert rejected.received_at == NOW
        if slug != "malformed-body":
            assert json.loads(rejected.body) == event

    def test_all_faults_of_a_record_are_told_at_once(self, house: House) -> None:
        event = with_data(planned(), carrier_id=DELETED, pieces=0, currency="euro")
        problem = problem_in(send(house, event), 422, "invalid-record")
        assert {"data.carrier_id", "data.pieces", "data.currency"} == {fault["path"] for fault in problem["errors"]}

    def test_a_wrong_value_is_quoted(self, house: House) -> None:
        problem = problem_in(send(house, with_data(planned(), pieces="many")), 422, "invalid-record")
        assert "found 'many'" in problem["detail"]

    def test_a_misspelt_type_gets_the_nearest_one(self, house: House) -> None:
        problem = problem_in(send(house, changed(planned(), type="freight.delivry")), 422, "unknown-event-type")
        assert "Did you mean 'freight.delivery'?" in problem["detail"]

    def test_mended_it_is_taken(self, house: House) -> None:
        send(house, with_data(planned(), pieces="many"))
        assert send(house, planned()).json()["status"] == "accepted"
        assert house.kept() == (1, 1)


class TestConflicts:
    def test_the_same_id_with_other_data_is_refused_and_both_are_kept(self, any_house: House) -> None:
        any_house.announce("SH-1", pieces=4)

        problem = problem_in(send(any_house, planned("SH-1", pieces=5)), 409, "event-conflict")

        assert "came at 2026-03-02T06:00:00+00:00 with other data" in problem["detail"]
        assert any_house.kept() == (1, 1)
        assert json.loads(any_house.rows(EventRow)[0].data)["pieces"] == 4
        assert json.loads(any_house.rows(RejectedEventRow)[0].body)["data"]["pieces"] == 5
        assert any_house.state.shipment("SH-1").pieces == 4

    def test_the_same_id_with_another_type_is_refused(self, house: House) -> None:
        house.announce("SH-1")
        event = {**weather("plan-SH-1"), "source": "/erp"}
        problem_in(send(house, event), 409, "event-conflict")

    def test_the_id_of_one_that_an_earlier_release_took_and_this_one_refuses_is_taken(self, any_house: House) -> None:
        any_house.announce("SH-1")
        with any_house.container.sessions.begin() as session:
            invalid = json.dumps({**json.loads(any_house.rows(EventRow)[0].data), "pieces": -4})
            session.execute(update(EventRow).values({"data": invalid}))

        problem = problem_in(send(any_house, planned("SH-1")), 409, "event-conflict")
        batch = any_house.send(planned("SH-1"), planned("SH-2"))

        assert "refuses (data.pieces: Input should be greater than or equal to 1; found -4)" in problem["detail"]
        assert problem["detail"].endswith("Send the mended event with a new id.")
        assert [result["status"] for result in batch["results"]] == ["rejected", "accepted"]
        assert any_house.kept() == (2, 2)
        assert any_house.rows(EventRow)[0].data == invalid
        renamed = {**planned("SH-1"), "id": "plan-SH-1-mended"}
        with any_house.another() as later:
            assert later.send(renamed)["accepted"] == 1
            assert later.state.shipment("SH-1").pieces == 4

    def test_a_second_plan_known_since_the_same_instant_is_refused(self, house: House) -> None:
        house.announce("SH-1", pieces=4)
        event = {**planned("SH-1", pieces=5), "id": "plan-2"}

        problem = problem_in(send(house, event), 409, "record-conflict")

        assert "has two plans known since 2026-03-02T06:00:00+00:00" in problem["detail"]
        assert house.kept() == (1, 1)
        assert house.state.shipment("SH-1").pieces == 4

    def test_a_second_plan_in_the_same_batch_is_refused(self, house: House) -> None:
        answer = house.send(planned("SH-1", pieces=4), {**planned("SH-1", pieces=5), "id": "plan-2"})
        assert [result["status"] for result in answer["results"]] == ["accepted", "rejected"]
        assert house.state.shipment("SH-1").pieces == 4

    def test_a_shift_told_otherwise_in_the_same_batch_is_refused(self, house: House) -> None:
        answer = house.send(shift("a", planned_heads=12), shift("b", planned_heads=14), planned("SH-1"))
        assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "accepted"]
        assert "is told twice at 2026-03-02T06:00:00+00:00" in answer["results"][1]["problem"]["detail"]
        assert house.kept() == (2, 1)
        assert house.state.knows("SH-1")

    def test_an_event_id_of_a_shipment_says_one_thing_whatever_the_source(self, house: House) -> None:
        house.announce("SH-1")
        house.send(delivery("d-1", "departed"))
        answer = house.send({**delivery("d-1", "delivered"), "source": "/other"})

        assert answer["rejected"] == 1
        assert answer["results"][0]["problem"]["type"] == "/problems/record-conflict"
        assert house.state.events_known("SH-1") == 1


class TestABatch:
    def test_one_bad_event_leaves_the_others_standing(self, any_house: House) -> None:
        bad = with_data(planned("SH-2"), carrier_id=DELETED)
        answer = any_house.send(planned("SH-1"), bad, planned("SH-3"))

        assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "accepted"]
        assert answer["results"][1]["problem"]["type"] == "/problems/invalid-record"
        assert answer["results"][1]["id"] == "plan-SH-2"
        assert any_house.kept() == (2, 1)
        assert [any_house.state.knows(one) for one in ("SH-1", "SH-2", "SH-3")] == [True, False, True]

    def test_each_event_has_one_result_whatever_it_is(self, any_house: House) -> None:
        house = any_house
        house.announce("SH-0")
        odd = [event for event, slug, _ in REFUSED.values() if slug != "malformed-body"]
        answer = house.send(planned("SH-1"), *odd, planned("SH-0"))

        assert len(answer["results"]) == len(odd) + 2
        assert (answer["accepted"], answer["rejected"], answer["duplicate"]) == (1, len(odd), 1)
        assert house.kept() == (2, len(odd))

    def test_a_batch_that_is_no_list_is_one_refused_event(self, house: House) -> None:
        answer = house.api.post("/v1/events", json={"events": []}, headers=CLOUD_EVENTS)
        assert answer.json()["rejected"] == 1
        assert house.kept() == (0, 1)


UNREADABLE = {
    "empty": b"",
    "cut off": b'{"specversion": "1.0", ',
    "two documents": b"{} {}",
    "not UTF-8": b'{"id": "\xff\x00"}',
    "half a surrogate pair": b'{"id": "\\ud800"}',
    "NaN": b'{"id": NaN}',
    "nested too deeply": b"[" * 500 + b"]" * 500,
    "a number of 5000 digits": b'{"id": ' + b"9" * 5000 + b"}",
}


class TestABodyThatIsNoJson:
    @pytest.mark.parametrize("name", UNREADABLE)
    def test_is_refused_and_kept_as_it_came(self, any_house: House, name: str) -> None:
        body = UNREADABLE[name]
        problem = problem_in(any_house.api.post("/v1/events", content=body, headers=CLOUD_EVENT), 400, "malformed-body")

        assert "Send UTF-8 JSON" in problem["detail"]
        assert any_house.kept() == (0, 1)
        kept = any_house.rows(RejectedEventRow)[0].body
        assert kept == body.decode(errors="backslashreplace").replace("\x00", "\\x00")

    @pytest.mark.parametrize("found", ["text/plain", "application/xml", "application/jsonish", None])
    def test_another_content_type_is_refused_unread(self, house: House, found: str | None) -> None:
        headers = {} if found is None else {"content-type": found}
        answer = house.api.post("/v1/events", content=json.dumps(planned()), headers=headers)

        problem = problem_in(answer, 415, "media-type")
        assert f"Content-Type is {found or 'absent'}. Send one of: application/cloudevents+json" in problem["detail"]
        assert house.kept() == (0, 0)


def test_binary_mode_refuses_an_attribute_that_is_missing(house: House) -> None:
    headers = {"content-type": "application/json", "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/erp"}
    answer = house.api.post("/v1/events", json=shipment(), headers=headers)

    problem = problem_in(answer, 422, "not-a-cloudevent")
    assert [fault["path"] for fault in problem["errors"]] == ["type"]
    assert json.loads(house.rows(RejectedEventRow)[0].body)["data"]["shipment_id"] == "SH-1"


def test_an_empty_data_object_tells_every_field_it_lacks(house: House) -> None:
    answer = send(house, cloud_event("freight.delivery", {}, event_id="1"))
    paths = {fault["path"] for fault in problem_in(answer, 422, "invalid-record")["errors"]}
    assert paths == {"data.occurred_at", "data.event_id", "data.shipment_id", "data.status"}
