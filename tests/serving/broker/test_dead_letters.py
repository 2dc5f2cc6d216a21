from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.broker.dead_letters import DEAD_LETTER_TYPE, dead_letter, opened, short_dead_letter
from serving.broker.messages import Message, Refusal
from serving.errors import EnvelopeError, MalformedBodyError
from tests.serving.broker.fakes import PROBLEM, REFUSED, message

HEADERS = {"content-type": DEAD_LETTER_TYPE}


class TestDeadLetter:
    @given(st.binary(), st.dictionaries(st.text(min_size=1), st.text()))
    def test_opening_it_gives_the_message_back(self, body: bytes, headers: dict[str, str]) -> None:
        letter = dead_letter(Message(body, headers), REFUSED.refusals, origin="nats:in")
        assert opened(letter.body, letter.headers) == (body, headers)

    def test_it_tells_why_in_headers_and_body(self) -> None:
        letter = dead_letter(message({"id": "e-1"}), REFUSED.refusals, origin="nats:shipments.events")

        assert json.loads(letter.headers["triage-problem"]) == PROBLEM
        assert letter.headers["triage-problem-type"] == "/problems/invalid-record"
        assert letter.headers["triage-origin"] == "nats:shipments.events"
        assert json.loads(letter.body) == {
            "origin": "nats:shipments.events",
            "problems": [{"event": 0, "id": "e-1", "source": "/erp", "problem": PROBLEM}],
            "headers": {"content-type": "application/json"},
            "body": '{"id": "e-1"}',
        }

    def test_headers_are_short_ascii_though_the_problem_is_neither(self) -> None:
        problem = {**PROBLEM, "detail": "Größe " * 1000, "errors": [{"path": "a", "detail": "x" * 5000}]}
        letter = dead_letter(message({}), (Refusal(problem),), origin="x")
        told = letter.headers["triage-problem"]

        assert told.isascii()
        assert len(told) < 2500
        assert json.loads(told)["type"] == "/problems/invalid-record"
        assert json.loads(letter.body)["problems"][0]["problem"] == problem

    def test_a_short_one_says_where_the_message_is_kept(self) -> None:
        letter = short_dead_letter(message(b"x" * 100), REFUSED.refusals, origin="x")
        told = json.loads(letter.body)
        assert (told["body"], told["kept_in"], told["body_bytes"]) == (None, "rejected_events", 100)
        with pytest.raises(EnvelopeError, match="it is in rejected_events"):
            opened(letter.body, letter.headers)


class TestOpened:
    def test_another_message_is_left_as_it_is(self) -> None:
        one = message({"headers": {}, "body": "x"})
        assert opened(one.body, one.headers) == (one.body, one.headers)

    @pytest.mark.parametrize("body", [b"[]", b"{}", b'{"body": "x"}', b'{"headers": {}, "body": 3}'])
    def test_what_is_none_is_refused(self, body: bytes) -> None:
        with pytest.raises(EnvelopeError):
            opened(body, HEADERS)

    def test_a_body_that_is_no_base64_is_refused(self) -> None:
        with pytest.raises(EnvelopeError, match="body_base64"):
            opened(b'{"headers": {}, "body_base64": "***"}', HEADERS)

    @pytest.mark.parametrize("body", [b"{", b"[" * 100_000])
    def test_what_is_no_json_is_refused(self, body: bytes) -> None:
        with pytest.raises(MalformedBodyError):
            opened(body, HEADERS)
