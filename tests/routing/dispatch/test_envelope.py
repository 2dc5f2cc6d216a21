from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from features.vocabulary import Branch
from routing.dispatch.envelope import BranchCall, call_id_for, envelope
from routing.dispatch.errors import EnvelopeError
from routing.dispatch.signing import sign
from tests.routing.dispatch.fakes import NOON, SECRET

CALL = BranchCall(
    call_id="dec-1_rebook_1",
    decision_id="dec-1",
    subject_id="SHP 1/é",
    branch=Branch.REBOOK,
    decided_at=NOON,
    payload={"carrier_id": "NWX", "value_minor": 12_500, "promised_at": NOON + timedelta(hours=4)},
    causation_id="evt-9",
    latest_useful_at=NOON + timedelta(hours=2),
)


class TestCallIdFor:
    def test_it_is_the_same_whenever_it_is_asked_for(self) -> None:
        assert call_id_for("dec-1", Branch.NOTIFY) == call_id_for("dec-1", Branch.NOTIFY) == "dec-1_notify_1"

    def test_decision_branch_and_step_each_make_another(self) -> None:
        ids = {
            call_id_for(decision, branch, step=step)
            for decision in ("dec-1", "dec-2")
            for branch in Branch
            for step in (1, 2)
        }
        assert len(ids) == 2 * len(Branch) * 2

    def test_it_can_be_signed(self) -> None:
        assert sign([SECRET], message_id=call_id_for("dec-1", Branch.SPLIT), sent_at=NOON, body=b"")


class TestEnvelope:
    def test_it_is_a_cloud_event_in_structured_json(self) -> None:
        assert json.loads(envelope(CALL)) == {
            "specversion": "1.0",
            "id": "dec-1_rebook_1",
            "source": "/freight-triage",
            "type": "freight.branch.rebook",
            "subject": "SHP 1/é",
            "time": "2026-03-02T12:00:00Z",
            "datacontenttype": "application/json",
            "correlationid": "dec-1",
            "causationid": "evt-9",
            "expirytime": "2026-03-02T14:00:00Z",
            "data": {
                "carrier_id": "NWX",
                "value_minor": 12_500,
                "promised_at": "2026-03-02T16:00:00Z",
                "decision_id": "dec-1",
                "idempotency_key": "dec-1_rebook_1",
            },
        }

    def test_extension_names_are_short_lower_case_letters(self) -> None:
        assert all(name.isalnum() and name == name.lower() and len(name) <= 20 for name in json.loads(envelope(CALL)))

    def test_what_is_not_known_is_left_out(self) -> None:
        event = json.loads(envelope(replace(CALL, causation_id=None, latest_useful_at=None)))
        assert not {"causationid", "expirytime"} & set(event)

    def test_order_of_the_payload_and_zone_of_a_time_change_no_byte(self) -> None:
        turned = replace(
            CALL,
            payload=dict(reversed(CALL.payload.items())),
            decided_at=NOON.astimezone(timezone(timedelta(hours=-8))),
        )
        assert envelope(turned) == envelope(CALL)

    def test_it_is_ascii_on_one_line(self) -> None:
        assert envelope(CALL).isascii()
        assert "\n" not in envelope(CALL)

    @pytest.mark.parametrize("name", ["call_id", "decision_id", "subject_id", "source"])
    def test_an_empty_id_is_refused(self, name: str) -> None:
        with pytest.raises(EnvelopeError, match=f"{name} is empty"):
            envelope(replace(CALL, **{name: ""}))

    @pytest.mark.parametrize("name", ["decision_id", "idempotency_key"])
    def test_a_payload_may_not_use_our_names(self, name: str) -> None:
        with pytest.raises(EnvelopeError, match=name):
            envelope(replace(CALL, payload={name: "x"}))

    def test_branch_none_calls_nobody(self) -> None:
        with pytest.raises(EnvelopeError, match="none"):
            envelope(replace(CALL, branch=Branch.NONE))

    @pytest.mark.parametrize("value", [float("nan"), object(), datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)])
    def test_what_json_has_no_word_for_is_refused(self, value: object) -> None:
        with pytest.raises(EnvelopeError, match="dec-1_rebook_1"):
            envelope(replace(CALL, payload={"x": value}))
