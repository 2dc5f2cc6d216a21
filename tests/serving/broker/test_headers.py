from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.broker.headers import http_headers
from serving.events.parsing import parse

NATS = {"ce-id": "a%20b", "ce-source": "/erp", "Content-Type": "application/json"}
KAFKA = {"ce_id": b"a b", "ce_source": b"/erp", "content-type": b"application/json"}
AMQP = {"cloudEvents:id": "a b", "cloudEvents:source": "/erp"}
AMQP_UNDERSCORE = {"cloudEvents_id": "a b", "cloudEvents_source": "/erp"}


class TestHttpHeaders:
    @pytest.mark.parametrize("given_headers", [NATS, KAFKA, AMQP, AMQP_UNDERSCORE])
    def test_each_binding_gives_the_same_event(self, given_headers: dict[str, object]) -> None:
        (event,) = parse(b"{}", http_headers(given_headers)).events
        assert (event["id"], event["source"]) == ("a b", "/erp")

    def test_a_time_is_written_as_one(self) -> None:
        found = http_headers({"cloudEvents:time": datetime(2026, 3, 2, 6, tzinfo=UTC)})
        assert found["ce-time"] == "2026-03-02T06:00:00+00:00"

    def test_the_content_type_beside_the_headers_goes_first(self) -> None:
        found = http_headers({"Content-Type": "text/plain"}, content_type="application/cloudevents+json")
        assert found["content-type"] == "application/cloudevents+json"

    @pytest.mark.parametrize("content_type", [None, ""])
    def test_a_message_that_does_not_say_what_it_is_is_taken_for_json(self, content_type: str | None) -> None:
        assert http_headers({}, content_type=content_type)["content-type"] == "application/json"

    def test_bytes_that_are_no_utf8_do_not_stop_it(self) -> None:
        assert http_headers({"x-odd": b"\xff"})["x-odd"] == "\ufffd"

    @given(st.text(min_size=1))
    def test_an_attribute_of_kafka_comes_through_whatever_it_holds(self, text: str) -> None:
        headers = http_headers({"ce_specversion": b"1.0", "ce_id": text.encode(errors="replace")})
        (event,) = parse(b"{}", headers).events
        assert event["id"] == text.encode(errors="replace").decode()
