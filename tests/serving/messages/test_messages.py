"""One message where a late pickup would make twenty: it waits for more, and all that is told of is accounted for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import func, select

from routing.loader import load_policy
from routing.replay import replay
from serving.config import bundled_policy
from serving.db.engine import session_factory
from serving.db.messages import MessageRow
from serving.db.tables import BudgetUseRow, DecisionRow, OutgoingCallRow
from serving.messages import sending
from serving.worker import dead_letters
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed, messages, resting, together
from tests.serving.effects.calls import acting, claimed, delivered, effect, items_about, reported, tended
from tests.serving.house import House, Json, at, delivery

STOP: Json = {"kind": "limit", "mode": "observe", "owner": "customer-service", "reason": "a wrong text"}
TWENTY = [f"SH-{number}" for number in range(1, 21)]


def told(house: House, *names: str, risk: float = 0.5, **plan: Any) -> list[str]:
    """Announce shipments whose customer is told, and return the ids of their calls."""
    house.announce(*names, **plan)
    answers = [house.decided(name, risk=risk) for name in names]
    assert {answer["branch"] for answer in answers} == {"notify"}
    return [answer["call_id"] for answer in answers]


def messages_out(house: House) -> list[OutgoingCallRow]:
    """Return the calls of messages for several."""
    return [row for row in house.rows(OutgoingCallRow) if row.gathers is not None]


def body_of(house: House) -> Json:
    """Return what the one message says."""
    (message,) = messages_out(house)
    body: Json = json.loads(message.body)["data"]
    return body


def names_in(data: Json) -> list[str]:
    return [case["subject_id"] for case in data["cases"]]


def states(house: House, calls: Sequence[str]) -> Counter[tuple[str, str]]:
    rows = {row.call_id: row for row in house.rows(OutgoingCallRow)}
    return Counter((rows[call].status, rows[call].effect) for call in calls)


def waited(house: House) -> list[str]:
    """Let the time pass for which a message waits, and deliver what is due."""
    house.advance(minutes=30)
    return delivered(house)


class TestALatePickup:
    def test_twenty_shipments_are_told_of_in_one_message_and_verified_with_it(self, grouping: House) -> None:
        calls = told(grouping, *TWENTY)
        assert delivered(grouping) == []
        assert states(grouping, calls) == {("joined", "intended"): 20}

        (sent,) = waited(grouping)
        assert states(grouping, [sent, *calls]) == {("delivered", "accepted"): 21}
        data = body_of(grouping)
        assert data["words"] == "20 of your shipments from DEHAM may arrive later than promised."
        assert data["to"] == {"audience": "customer", "customer_id": "C-1"}
        assert data["together"] == {"by": {"customer_id": "C-1", "origin": "DEHAM"}, "count": 20}
        assert data["idempotency_key"] == sent
        assert names_in(data) == TWENTY
        first = data["cases"][0]
        assert (first["call_id"], first["risk"]) == (calls[0], 0.5)
        assert first["facts"]["promised_at"] == "2026-03-04T06:00:00Z"
        assert first["words"].startswith("Your shipment from DEHAM to ATVIE, promised for 2026-03-04 06:00")

        assert reported(grouping, sent, "done", reference="MSG-1")["effect"] == "verified"
        assert states(grouping, [sent, *calls]) == {("delivered", "verified"): 21}
        assert {row.reference for row in grouping.rows(OutgoingCallRow)} == {"MSG-1"}

    def test_each_decision_is_sealed_with_what_it_joined_and_comes_out_again(self, locally: House) -> None:
        told(locally, "SH-1", "SH-2")
        rows = locally.rows(DecisionRow)
        for row in rows:
            assert replay(row.body, locally.policy).body == row.body
        first, second = (json.loads(row.body)["together"] for row in rows)
        by = {"customer_id": "C-1", "origin": "DEHAM"}
        (message,) = locally.rows(MessageRow)
        assert first == {"by": by, "joins": None, "sends_at": "2026-03-02T06:30:00Z"}
        assert second == {"by": by, "joins": message.call_id, "sends_at": "2026-03-02T06:30:00Z"}
        assert message.call_id == f"msg_{rows[0].decision_id.removeprefix('dec_')}_notify_1"

    def test_another_customer_and_another_place_get_their_own(self, locally: House) -> None:
        told(locally, "SH-1", "SH-2")
        told(locally, "SH-3", customer_id="C-2")
        assert len(waited(locally)) == 2
        assert sorted(row.gathers for row in messages_out(locally)) == [1, 2]

    def test_one_alone_is_told_in_its_own_words(self, locally: House) -> None:
        told(locally, "SH-1")
        waited(locally)
        data = body_of(locally)
        assert data["words"] == data["cases"][0]["words"]

    def test_what_comes_later_opens_another(self, locally: House) -> None:
        told(locally, "SH-1")
        waited(locally)
        told(locally, "SH-2")
        assert len(waited(locally)) == 1
        assert [row.gathers for row in messages_out(locally)] == [1, 1]

    def test_a_full_one_waits_no_longer(self, sqlite_url: str) -> None:
        with House(sqlite_url, changed(acting, together("customer_id", "origin", at_most=3))) as house:
            told(house, *TWENTY[:4])
            assert len(delivered(house)) == 1
            assert names_in(body_of(house)) == TWENTY[:3]
            assert len(waited(house)) == 1

    def test_what_is_decided_anew_again_and_again_does_not_fill_it(self, any_url: str) -> None:
        with House(any_url, changed(acting, together("customer_id", "origin", at_most=3))) as house:
            told(house, "SH-1", "SH-2")
            for number in range(4):
                house.advance(minutes=1)
                house.send(delivery(f"E-{number}", "loaded"))
                assert house.decided("SH-1", risk=0.5)["branch"] == "notify"
            assert delivered(house) == []
            told(house, "SH-3")
            assert len(delivered(house)) == 1
            assert sorted(names_in(body_of(house))) == ["SH-1", "SH-2", "SH-3"]

    def test_a_dead_letter_is_one_and_is_sent_again_as_one(self, locally: House) -> None:
        calls = told(locally, "SH-1", "SH-2")
        locally.advance(minutes=30)
        (call,) = claimed(locally)
        assert states(locally, calls) == {("gathered", "sent"): 2}
        assert SqlOutbox(locally.engine).dead(call, reason="HTTP 400", now=locally.clock.now())
        assert states(locally, calls) == {("dead", "with_person"): 2}
        assert [letter.call_id for letter in dead_letters.dead_letters(locally.engine)] == [call.call_id]
        now = locally.clock.now()
        with pytest.raises(dead_letters.NotADeadLetterError, match=f"is with {call.call_id}"):
            dead_letters.replay(locally.engine, calls[0], actor="dana", now=now)
        dead_letters.replay(locally.engine, call.call_id, actor="dana", now=now)
        assert states(locally, calls) == {("gathered", "sent"): 2}
        assert delivered(locally) == [call.call_id]
        assert states(locally, calls) == {("delivered", "accepted"): 2}

    def test_a_dead_letter_does_not_follow_a_message_that_is_under_way(self, any_url: str) -> None:
        def telling_is_strongest(data: dict[str, Any]) -> None:
            data["strength"] = ["none", "review", "split", "rebook", "escalate", "notify"]
            del data["rules"][2:5]

        with House(any_url, changed(acting, telling_is_strongest, together("customer_id", "origin"))) as house:
            item = house.for_review("SH-1", risk=0.3)
            given: Json = {"branch": "escalate", "reason_code": "customer_asked"}
            assert house.answer(item, "override", claim_token=house.claimed(item), **given).is_success
            (call,) = claimed(house)
            assert SqlOutbox(house.engine).dead(call, reason="HTTP 400", now=house.clock.now())
            house.send(delivery("E-1", "loaded"))
            later = house.decided("SH-1", risk=0.5)["call_id"]
            house.advance(minutes=30)
            assert len(claimed(house)) == 1
            assert states(house, [later]) == {("gathered", "sent"): 1}
            with pytest.raises(dead_letters.OvertakenError, match=f"{later}.* is gathered"):
                dead_letters.replay(house.engine, call.call_id, actor="dana", now=house.clock.now())

    def test_what_is_not_confirmed_is_one_item_with_all_that_is_at_stake(self, locally: House) -> None:
        calls = told(locally, "SH-1", "SH-2")
        (sent,) = waited(locally)
        locally.advance(hours=1)
        assert tended(locally) == 1
        (item,) = items_about(locally, sent)
        assert item.title == "One message for 2 cases (customer_id C-1, origin DEHAM): what became of notify?"
        assert item.value_at_stake_minor == 2 * 60_000
        assert states(locally, calls) == {("delivered", "with_person"): 2}
        assert locally.answer(
            item.item_id, "settle", happened=False, claim_token=locally.claimed(item.item_id)
        ).is_success
        assert {effect(locally, call) for call in (sent, *calls)} == {"failed"}


class TestTheBundleThatShips:
    def test_tells_a_customer_once_of_what_leaves_one_place(self, sqlite_url: str) -> None:
        with House(sqlite_url, load_policy(bundled_policy())) as house:
            told(house, *TWENTY[:3])
            assert len(waited(house)) == 1
            assert body_of(house)["words"].startswith("3 of your shipments from DEHAM may arrive later than promised;")


class TestDropOuts:
    def test_what_is_decided_anew_takes_the_place_of_what_was_not_told(self, grouping: House) -> None:
        first, second = told(grouping, "SH-1", "SH-2")
        grouping.send(delivery("E-1", "loaded"))
        again = grouping.decided("SH-1", risk=0.55)
        assert again["branch"] == "notify"
        waited(grouping)
        assert states(grouping, [first]) == {("dismissed", "withdrawn"): 1}
        data = body_of(grouping)
        assert [(case["call_id"], case["risk"]) for case in data["cases"]] == [(second, 0.5), (again["call_id"], 0.55)]

    @pytest.mark.parametrize(("risk", "branch"), [(0.1, "none"), (0.3, "review")])
    def test_what_is_decided_otherwise_is_not_told(self, locally: House, risk: float, branch: str) -> None:
        first, _ = told(locally, "SH-1", "SH-2")
        locally.send(delivery("E-1", "loaded"))
        assert locally.decided("SH-1", risk=risk)["branch"] == branch
        waited(locally)
        assert names_in(body_of(locally)) == ["SH-2"]
        assert states(locally, [first]) == {("dismissed", "withdrawn"): 1}

    def test_who_was_not_told_is_told_later(self, locally: House) -> None:
        told(locally, "SH-1")
        locally.send(delivery("E-1", "loaded"))
        locally.decided("SH-1", risk=0.1)
        assert waited(locally) == []
        locally.send(delivery("E-2", "departed"))
        assert locally.decided("SH-1", risk=0.5)["branch"] == "notify"
        assert len(waited(locally)) == 1

    def test_what_was_told_is_not_told_again(self, locally: House) -> None:
        told(locally, "SH-1")
        waited(locally)
        locally.send(delivery("E-1", "loaded"))
        assert locally.decided("SH-1", risk=0.5)["branch"] == "none"

    def test_what_was_sent_and_may_have_arrived_is_not_told_again(self, grouping: House) -> None:
        told(grouping, "SH-1")
        grouping.advance(minutes=30)
        (call,) = claimed(grouping)
        now = grouping.clock.now()
        assert SqlOutbox(grouping.engine).dead(call, reason="timeout", now=now)
        dead_letters.dismiss(grouping.engine, call.call_id, actor="dana", reason="called by phone", now=now)
        grouping.send(delivery("E-1", "loaded"))
        assert grouping.decided("SH-1", risk=0.55)["branch"] == "none"

    def test_what_arrived_meanwhile_is_not_told_unless_that_is_taken_back(self, grouping: House) -> None:
        told(grouping, *TWENTY[:3])
        grouping.send(delivery("D-1", "delivered"), delivery("D-2", "delivered", "SH-2"))
        wrong = {"corrects": "D-2", "correction": "did_not_occur"}
        grouping.send(delivery("D-3", "delivered", "SH-2", **wrong))
        waited(grouping)
        assert names_in(body_of(grouping)) == ["SH-2", "SH-3"]

    def test_an_arrival_that_was_taken_back_in_error_stands_again(self, locally: House) -> None:
        told(locally, *TWENTY[:2])
        locally.send(delivery("D-1", "delivered"))
        for event_id, before in (("D-2", "D-1"), ("D-3", "D-2")):
            locally.advance(minutes=1)
            back = {"corrects": before, "correction": "did_not_occur"}
            locally.send(delivery(event_id, "delivered", **back))
        waited(locally)
        assert names_in(body_of(locally)) == ["SH-2"]

    def test_nothing_is_sent_if_nobody_is_left(self, locally: House) -> None:
        told(locally, "SH-1")
        locally.send(delivery("D-1", "delivered"))
        assert waited(locally) == []
        (message,) = locally.rows(MessageRow)
        assert (messages_out(locally), message.closed_because) == ([], "nobody was left to be told of")

    def test_a_stronger_branch_goes_out_at_once(self, locally: House) -> None:
        first, _ = told(locally, "SH-1", "SH-2", customer_tier="critical", value_minor=500_000, risk=0.49)
        locally.send(delivery("E-1", "loaded"))
        escalated = locally.decided("SH-1", risk=0.9)
        assert delivered(locally) == [escalated["call_id"]]
        assert states(locally, [first]) == {("dismissed", "withdrawn"): 1}


class TestTime:
    def test_it_waits_at_most_half_the_time_for_which_it_is_of_use(self, locally: House) -> None:
        told(locally, "SH-1")
        told(locally, "SH-2", promised_at=at(hours=0.5))
        (message,) = locally.rows(MessageRow)
        assert message.sends_at == locally.clock.now() + timedelta(minutes=15)
        locally.advance(minutes=15)
        assert len(delivered(locally)) == 1
        (sent,) = messages_out(locally)
        assert sent.latest_useful_at == locally.clock.now() + timedelta(minutes=15)

    def test_what_it_comes_too_late_for_is_left_out(self, grouping: House) -> None:
        told(grouping, "SH-1")
        (late,) = told(grouping, "SH-2", promised_at=at(hours=0.5))
        grouping.advance(minutes=31)
        delivered(grouping)
        assert names_in(body_of(grouping)) == ["SH-1"]
        assert states(grouping, [late]) == {("expired", "withdrawn"): 1}

    def test_a_stop_holds_it_and_more_can_join_meanwhile(self, grouping: House) -> None:
        told(grouping, "SH-1")
        grouping.ordered(by="dana", until=at(hours=0.75), **STOP)
        assert waited(grouping) == []
        assert grouping.rows(MessageRow)[0].closed_at is None
        grouping.advance(minutes=15)
        told(grouping, "SH-2")
        assert len(delivered(grouping)) == 1
        assert names_in(body_of(grouping)) == ["SH-1", "SH-2"]

    def test_a_case_that_an_order_bars_by_then_is_left_out_and_a_person_is_told(self, grouping: House) -> None:
        first, _ = told(grouping, "SH-1", "SH-2", carrier_id="ACE")[0], told(grouping, "SH-3")
        where = {"kind": "forbid", "branch": "notify", "where": {"carrier_id": "ACE"}}
        grouping.ordered(by="dana", owner="customer-service", reason="they call", until=at(hours=5), **where)
        waited(grouping)
        assert names_in(body_of(grouping)) == ["SH-3"]
        assert states(grouping, [first]) == {("dismissed", "withdrawn"): 1}
        assert len(items_about(grouping, first)) == 1

    def test_one_that_was_put_off_and_is_stopped_holds_no_other_branch_of_its_cases(self, grouping: House) -> None:
        told(grouping, "SH-1", "SH-2", customer_tier="critical", value_minor=500_000, risk=0.49)
        grouping.advance(minutes=30)
        (call,) = claimed(grouping)
        now = grouping.clock.now()
        assert SqlOutbox(grouping.engine).retry_at(call, at=now + timedelta(minutes=1), reason="503", now=now)
        grouping.send(delivery("E-1", "loaded"))
        escalated = grouping.decided("SH-1", risk=0.9)
        assert escalated["branch"] == "escalate"
        assert delivered(grouping) == []
        grouping.ordered(by="dana", branch="notify", until=at(hours=20), **STOP)
        assert delivered(grouping) == [escalated["call_id"]]

    def test_what_a_person_lets_out_does_not_wait_for_it(self, locally: House) -> None:
        item = locally.for_review("SH-1", risk=0.3)
        locally.send(delivery("E-1", "loaded"))
        (first,) = [locally.decided("SH-1", risk=0.5)["call_id"]]
        given: Json = {"branch": "escalate", "reason_code": "customer_asked"}
        assert locally.answer(item, "override", claim_token=locally.claimed(item), **given).is_success
        assert delivered(locally)[:1] == [first]
        assert len(delivered(locally)) == 1
        assert waited(locally) == []


class TestWhatItTakes:
    def test_a_message_is_counted_once(self, any_url: str) -> None:
        with House(any_url, changed(acting, messages(1), together("customer_id", "origin"))) as house:
            told(house, *TWENTY[:5])
            assert [use.amount_millionths for use in house.rows(BudgetUseRow)] == [1_000_000]
            house.announce("SH-9", customer_id="C-2")
            assert house.decided("SH-9")["branch"] == "review"
            for row in house.rows(DecisionRow):
                assert replay(row.body, house.policy).body == row.body

    def test_a_rest_begins_behind_it(self, sqlite_url: str) -> None:
        with House(sqlite_url, changed(acting, resting(4), together("customer_id", "origin"))) as house:
            told(house, *TWENTY[:3])
            assert len(waited(house)) == 1
            house.announce("SH-4")
            assert house.decided("SH-4")["branch"] == "none"


class TestSeveralAtOnce:
    def test_processes_that_decide_at_once_open_one_message(self, grouping: House) -> None:
        names = TWENTY[:10]
        grouping.announce(*names)
        start = Barrier(2)

        def decide_some(number: int) -> list[str]:
            start.wait(10)
            return [processes[number].decided(name)["branch"] for name in names[number::2]]

        with ExitStack() as stack:
            processes = [stack.enter_context(grouping.another()) for _ in range(2)]
            for process in processes:
                process.triage("SH-404")
            with ThreadPoolExecutor(2) as pool:
                branches = [branch for some in pool.map(decide_some, range(2)) for branch in some]
        assert branches == ["notify"] * 10
        assert len(waited(grouping)) == 1
        assert sorted(names_in(body_of(grouping))) == sorted(names)

    def test_workers_that_send_while_processes_join_leave_nobody_out_and_tell_nobody_twice(
        self, postgresql_url: str
    ) -> None:
        names = TWENTY[:10]
        with House(postgresql_url, changed(acting, together("customer_id", "origin", minutes=0.001))) as house:
            house.announce(*names)
            over = Event()

            def decide_some(number: int) -> None:
                for name in names[number::2]:
                    processes[number].decided(name)

            def send() -> None:
                while not over.is_set():
                    house.clock.advance(timedelta(milliseconds=20))
                    delivered(house)

            with ExitStack() as stack:
                processes = [stack.enter_context(house.another()) for _ in range(2)]
                for process in processes:
                    process.triage("SH-404")
                with ThreadPoolExecutor(4) as pool:
                    senders = [pool.submit(send) for _ in range(2)]
                    try:
                        for done in [pool.submit(decide_some, number) for number in range(2)]:
                            done.result()
                    finally:
                        over.set()
                    for sender in senders:
                        sender.result()
            house.advance(minutes=1)
            delivered(house)
            sent = [name for row in messages_out(house) for name in names_in(json.loads(row.body)["data"])]
            assert sorted(sent) == sorted(names)
            assert {row.status for row in house.rows(OutgoingCallRow)} == {"delivered"}


class TestACrash:
    def test_between_closing_and_the_commit_nothing_is_lost(
        self, grouping: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = told(grouping, "SH-1", "SH-2")
        grouping.advance(minutes=30)

        def killed(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(sending, "envelope", killed)
            with pytest.raises(KeyboardInterrupt):
                delivered(grouping)
        assert states(grouping, calls) == {("joined", "intended"): 2}
        assert len(delivered(grouping)) == 1
        assert states(grouping, calls) == {("delivered", "accepted"): 2}

    def test_after_it_the_same_call_is_sent_again(self, grouping: House) -> None:
        told(grouping, "SH-1", "SH-2")
        grouping.advance(minutes=30)
        (first,) = claimed(grouping)
        told(grouping, "SH-3")
        grouping.advance(minutes=2)
        (again,) = claimed(grouping)
        assert (again.call_id, again.body, again.attempt) == (first.call_id, first.body, 2)

    def test_its_call_is_there_once(self, locally: House) -> None:
        told(locally, "SH-1", "SH-2")
        waited(locally)
        with session_factory(locally.engine)() as session:
            counted = select(func.count()).where(OutgoingCallRow.gathers.is_not(None))
            assert session.scalar(counted) == 1
