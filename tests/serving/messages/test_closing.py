"""A message closes with nobody left, or cannot be closed at all: what it took, and the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from routing.together import Told
from serving.db.engine import session_factory
from serving.db.tables import BudgetUseRow
from serving.decisions import usage
from serving.messages import sending
from tests.serving.bundles import Edit, changed, messages, resting, together
from tests.serving.effects.calls import acting, delivered
from tests.serving.house import House, Json, delivery
from tests.serving.messages.test_messages import messages_out, states, told, waited


class TestWhatItTook:
    @pytest.mark.parametrize("takes", [resting(4), messages(1)])
    def test_is_given_back_if_nobody_is_left_to_be_told(self, any_url: str, takes: Edit) -> None:
        with House(any_url, changed(acting, takes, together("customer_id", "origin"))) as house:
            told(house, "SH-1", "SH-2")
            house.send(delivery("D-1", "delivered"), delivery("D-2", "delivered", "SH-2"))
            assert waited(house) == []
            told(house, "SH-3")
            assert len(waited(house)) == 1
            house.announce("SH-4")
            assert house.decided("SH-4")["branch"] != "notify"

    def test_of_a_budget_stays_used_if_one_went_out_alone(self, sqlite_url: str) -> None:
        with House(sqlite_url, changed(acting, messages(1), together("customer_id", "origin"))) as house:
            item = house.for_review("SH-1", risk=0.3)
            told(house, "SH-2")
            house.send(delivery("E-1", "loaded"))
            assert house.decided("SH-1", risk=0.5)["branch"] == "notify"
            given: Json = {"branch": "escalate", "reason_code": "customer_asked"}
            assert house.answer(item, "override", claim_token=house.claimed(item), **given).is_success
            house.send(delivery("D-2", "delivered", "SH-2"))
            waited(house)
            assert messages_out(house) == []
            assert house.count(BudgetUseRow) == 1

    def test_is_not_taken_again_at_the_start_with_another_bundle(self, locally: House) -> None:
        told(locally, "SH-1")
        locally.send(delivery("D-1", "delivered"))
        waited(locally)
        another = changed(acting, resting(4), messages(1), together("customer_id", "origin"))
        with session_factory(locally.engine).begin() as session:
            assert usage.note_earlier(session, another, locally.clock.now()) == 0
        told(locally, "SH-2")
        with session_factory(locally.engine).begin() as session:
            assert usage.note_earlier(session, another, locally.clock.now()) == 2


class TestOneThatCannotBeClosed:
    @pytest.mark.parametrize("at_a_time", [100, 1])
    def test_keeps_no_other_from_being_sent(
        self, grouping: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, at_a_time: int
    ) -> None:
        monkeypatch.setattr(sending, "_AT_A_TIME", at_a_time)
        (wrong,) = told(grouping, "SH-1")
        grouping.advance(minutes=1)
        told(grouping, "SH-2", customer_id="C-2")
        real = sending.payload_of

        def broken(cases: Sequence[Told], *shared: Any) -> Json:
            if cases[0].call_id == wrong:
                raise KeyError("words")
            return real(cases, *shared)

        with monkeypatch.context() as patch:
            patch.setattr(sending, "payload_of", broken)
            assert len(waited(grouping)) == 1
        assert "Of 2 messages that are due 1 cannot be closed." in caplog.text
        assert states(grouping, [wrong]) == {("joined", "intended"): 1}
        assert len(delivered(grouping)) == 1
