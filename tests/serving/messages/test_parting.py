"""A message that is not sent takes no case with it that could still be told of, or may be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serving.db.tables import OutgoingCallRow
from serving.worker.outbox import SqlOutbox
from tests.serving.effects.calls import claimed, delivered, items_about
from tests.serving.house import House, at
from tests.serving.messages.test_messages import STOP, messages_out, states, told

ACE = {"owner": "customer-service", "reason": "they call", "kind": "forbid", "where": {"carrier_id": "ACE"}}


def swept(house: House) -> int:
    """Settle what is of no use any more, as a worker does."""
    now = house.clock.now()
    return SqlOutbox(house.engine).expire_overdue(now=now, real_now=now)


def closed(house: House) -> None:
    """Let a worker lease the message, and give it back as not sent."""
    (call,) = claimed(house)
    assert SqlOutbox(house.engine).release(call, now=house.clock.now())


class TestOneThatExpires:
    def test_lets_go_what_is_still_of_use_if_it_was_never_sent(self, grouping: House) -> None:
        useful = told(grouping, "SH-1", "SH-3")
        late = told(grouping, "SH-2", promised_at=at(hours=0.5))
        grouping.advance(minutes=15)
        closed(grouping)
        grouping.ordered(by="dana", until=at(hours=2), branch="notify", **STOP)
        grouping.advance(minutes=20)
        assert swept(grouping) == 1
        (message,) = messages_out(grouping)
        assert states(grouping, [message.call_id, *late]) == {("expired", "withdrawn"): 2}
        assert states(grouping, useful) == {("pending", "intended"): 2}
        assert delivered(grouping) == []
        grouping.advance(hours=2)
        assert sorted(delivered(grouping)) == sorted(useful)

    def test_so_does_one_that_a_worker_finds_useless_before_it_sends_it(self, grouping: House) -> None:
        useful, late = told(grouping, "SH-1"), told(grouping, "SH-2", promised_at=at(hours=0.5))
        grouping.advance(minutes=15)
        (call,) = claimed(grouping)
        grouping.advance(minutes=20)
        assert SqlOutbox(grouping.engine).expired(call, reason="of no use", now=grouping.clock.now())
        assert states(grouping, late) == {("expired", "withdrawn"): 1}
        assert states(grouping, useful) == {("pending", "intended"): 1}
        assert delivered(grouping) == useful
        assert {row.attempts for row in grouping.rows(OutgoingCallRow) if row.call_id in useful} == {1}

    def test_keeps_all_if_it_may_have_arrived(self, locally: House) -> None:
        useful, _ = told(locally, "SH-1"), told(locally, "SH-2", promised_at=at(hours=0.5))
        locally.advance(minutes=15)
        (call,) = claimed(locally)
        now = locally.clock.now()
        assert SqlOutbox(locally.engine).retry_at(call, at=now + timedelta(minutes=5), reason="HTTP 503", now=now)
        locally.advance(minutes=20)
        assert swept(locally) == 1
        assert states(locally, useful) == {("expired", "with_person"): 1}


class TestOneOfWhichAnOrderBarsACase:
    @pytest.fixture
    def barred(self, grouping: House) -> tuple[list[str], list[str]]:
        """Bar two cases of three, and return the calls of those and of the other."""
        calls = told(grouping, "SH-1", "SH-2", carrier_id="ACE"), told(grouping, "SH-3")
        grouping.advance(minutes=30)
        closed(grouping)
        grouping.ordered(by="dana", branch="notify", until=at(hours=5), **ACE)
        return calls

    def test_lets_go_the_others(self, grouping: House, barred: tuple[list[str], list[str]]) -> None:
        theirs, other = barred
        assert claimed(grouping) == []
        (message,) = messages_out(grouping)
        assert states(grouping, [*theirs, message.call_id]) == {("dismissed", "withdrawn"): 3}
        assert delivered(grouping) == other

    def test_asks_about_each_that_is_barred_what_is_to_be_done_instead(
        self, grouping: House, barred: tuple[list[str], list[str]]
    ) -> None:
        theirs, _ = barred
        delivered(grouping)
        (message,) = messages_out(grouping)
        assert items_about(grouping, message.call_id) == []
        for call in theirs:
            (item,) = items_about(grouping, call)
            assert "Override it with what is to be done instead, or dismiss it." in item.why
            given = {"branch": "escalate", "reason_code": "customer_asked"}
            token = grouping.claimed(item.item_id)
            assert grouping.answer(item.item_id, "override", claim_token=token, **given).is_success
