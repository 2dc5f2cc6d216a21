"""The handler over the real events service, on both databases; with a fake where a failure is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.exc import DataError, OperationalError, ProgrammingError

from serving.broker.dead_letters import dead_letter
from serving.broker.handler import DatabaseUnavailableError, EventHandler
from serving.broker.messages import Handled, Message, Outcome
from serving.db.tables import EventRow, RejectedEventRow
from serving.events.service import EventResult
from tests.serving.broker.fakes import binary, message
from tests.serving.house import House, delivery, planned

BROKEN = {**planned("SH-9"), "data": {}}


def handler(house: House, limit_bytes: int = 10_000) -> EventHandler:
    return EventHandler(house.container.events, limit_bytes)


def outcomes(handled: Sequence[Handled]) -> list[str]:
    return [one.outcome.value for one in handled]


def reasons(handled: Sequence[Handled]) -> list[str]:
    return [str(refusal.problem["type"]) for one in handled for refusal in one.refusals]


class TestHandle:
    def test_taken_repeated_and_refused(self, any_house: House) -> None:
        messages = [message(planned("SH-1")), message(planned("SH-1")), message(BROKEN)]
        handled = handler(any_house).handle(messages)

        assert outcomes(handled) == ["taken", "repeat", "refused"]
        assert reasons(handled) == ["/problems/invalid-record"]
        assert any_house.kept() == (1, 1)
        assert any_house.state.knows("SH-1")

    def test_structured_and_binary_are_the_same_event(self, house: House) -> None:
        body, headers = binary(planned("SH-1"))
        structured = message(planned("SH-1"), content_type="application/cloudevents+json; charset=UTF-8")
        assert outcomes(handler(house).handle([structured, Message(body, headers)])) == ["taken", "repeat"]

    def test_what_came_over_http_is_a_repeat(self, house: House) -> None:
        house.announce("SH-1")
        assert outcomes(handler(house).handle([message(planned("SH-1"))])) == ["repeat"]

    def test_a_message_of_several_events_is_refused_if_one_is_and_tells_which(self, house: House) -> None:
        batch = message([planned("SH-1"), BROKEN], content_type="application/cloudevents-batch+json")
        (handled,) = handler(house).handle([batch])

        assert handled.outcome is Outcome.REFUSED
        assert [(one.place, one.event_id, one.source) for one in handled.refusals] == [(1, "plan-SH-9", "/erp")]
        assert house.kept() == (1, 1)

    def test_a_message_of_several_events_is_taken_if_one_is_new(self, house: House) -> None:
        house.announce("SH-1")
        batch = message([planned("SH-1"), planned("SH-2")])
        assert outcomes(handler(house).handle([batch, batch])) == ["taken", "repeat"]

    def test_an_empty_batch_is_a_repeat_of_nothing(self, house: House) -> None:
        assert outcomes(handler(house).handle([message([])])) == ["repeat"]

    @pytest.mark.parametrize(
        ("body", "headers", "slug"),
        [
            (b"{", {}, "malformed-body"),
            (b"\xff", {}, "malformed-body"),
            (b"[" * 9_000, {}, "malformed-body"),
            (b"", {}, "malformed-body"),
            (b"hello", {"content_type": "text/plain"}, "media-type"),
            (b"x" * 10_001, {}, "content-too-large"),
        ],
    )
    def test_a_message_without_events_is_refused_and_kept(
        self, house: House, body: bytes, headers: dict[str, str], slug: str
    ) -> None:
        handled = handler(house).handle([message(body, **headers), message(planned("SH-1"))])

        assert outcomes(handled) == ["refused", "taken"]
        assert reasons(handled) == [f"/problems/{slug}"]
        (row,) = house.rows(RejectedEventRow)
        assert row.body == body.decode(errors="backslashreplace")

    def test_the_largest_message_is_taken(self, house: House) -> None:
        one = message(planned("SH-1"))
        assert outcomes(handler(house, len(one.body)).handle([one])) == ["taken"]

    def test_messages_of_one_call_share_a_commit(self, house: House) -> None:
        handler(house).handle([message(planned(f"SH-{number}")) for number in range(3)])
        assert len({row.known_at for row in house.rows(EventRow)}) == 1

    def test_a_dead_letter_is_opened(self, house: House) -> None:
        refused = message(BROKEN)
        (handled,) = handler(house).handle([refused])
        letter = dead_letter(refused, handled.refusals, origin="nats:in")
        house.send(planned("SH-1"))
        mended = letter.body.replace(b"plan-SH-9", b"plan-SH-10")

        (again,) = handler(house).handle([Message(mended, letter.headers)])

        assert again.refusals[0].event_id == "plan-SH-10"

    def test_a_dead_letter_whose_cause_is_mended_is_taken_with_its_headers(self, house: House) -> None:
        body, headers = binary(delivery("d-1", "departed"))
        letter = dead_letter(Message(body, headers), handler(house).handle([message(BROKEN)])[0].refusals, origin="x")
        assert outcomes(handler(house).handle([Message(letter.body, letter.headers)])) == ["taken"]
        assert [row.source for row in house.rows(EventRow)] == ["/carriers/NWX"]


class Failing:
    """An events service that fails at certain events."""

    def __init__(self, **errors: Exception) -> None:
        self.errors = errors
        self.taken: list[str] = []

    def receive(self, raw_events: Sequence[Any]) -> list[EventResult]:
        for raw in raw_events:
            if raw["id"] in self.errors:
                raise self.errors[raw["id"]]
        self.taken += [raw["id"] for raw in raw_events]
        return [EventResult("accepted", raw["id"], "/erp", 1) for raw in raw_events]

    def keep_unreadable(self, body: bytes, error: Exception) -> None:
        raise AssertionError("nothing here is unreadable")


class TestFailures:
    @pytest.mark.parametrize(
        "error", [OperationalError("x", {}, Exception("away")), ProgrammingError("x", {}, Exception("no such table"))]
    )
    def test_a_database_that_keeps_nothing_is_no_fault_of_the_messages(self, error: Exception) -> None:
        with pytest.raises(DatabaseUnavailableError):
            EventHandler(Failing(b=error), 1000).handle([message({"id": "a"}), message({"id": "b"})])

    @pytest.mark.parametrize("error", [ValueError("nobody foresaw it"), DataError("x", {}, Exception("too long"))])
    def test_a_message_that_fails_in_an_unforeseen_way_is_refused_alone(
        self, error: Exception, caplog: pytest.LogCaptureFixture
    ) -> None:
        service = Failing(b=error)
        handled = EventHandler(service, 1000).handle([message({"id": one}) for one in "abc"])

        assert outcomes(handled) == ["taken", "refused", "taken"]
        assert service.taken == ["a", "c"]
        assert reasons(handled) == ["/problems/internal"]
        assert str(handled[1].refusals[0].problem["instance"]) in caplog.text
