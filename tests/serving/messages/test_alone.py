"""What leaves a message goes out by itself, and counts by itself; a message that all have left is closed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from features.vocabulary import SubjectType
from routing.directives import Directive
from routing.policy import Policy
from serving.db.engine import session_factory
from serving.db.messages import MessageRow
from serving.db.tables import BudgetUseRow, OutgoingCallRow
from serving.decisions import usage
from serving.directives.service import issue
from serving.effects.moves import locked
from serving.worker import dead_letters
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed, messages, resting, together
from tests.serving.effects.calls import acting, claimed, delivered, items_about
from tests.serving.house import House, Json, at, delivery
from tests.serving.messages.test_messages import messages_out, states, told, waited
from tests.serving.messages.test_parting import swept


@pytest.fixture
def counting() -> Policy:
    """Five messages a day, of which each may be for several."""
    return changed(acting, messages(5), together("customer_id", "origin"))


def let_out(house: House, name: str) -> str:
    """Let a customer wait to be told of a shipment, and a person let out another call of it; both go out.

    Return the first one.
    """
    item = house.for_review(name, risk=0.3)
    house.send(delivery(f"E-{name}", "loaded", name))
    call: str = house.decided(name, risk=0.5)["call_id"]
    given: Json = {"branch": "escalate", "reason_code": "customer_asked"}
    assert house.answer(item, "override", claim_token=house.claimed(item), **given).is_success
    assert delivered(house) == [call]
    assert len(delivered(house)) == 1
    return call


def used_by(house: House) -> list[str]:
    return [row.call_id for row in house.rows(BudgetUseRow)]


class TestWhatIsCounted:
    @pytest.mark.parametrize("first", ["SH-1", "SH-2"])
    def test_one_that_is_let_go_alone_and_the_message_of_the_others(
        self, any_url: str, counting: Policy, first: str
    ) -> None:
        with House(any_url, counting) as house:
            if first == "SH-1":
                alone = let_out(house, "SH-1")
                told(house, "SH-2", "SH-3")
            else:
                told(house, "SH-1", "SH-3")
                alone = let_out(house, "SH-2")
            (message,) = waited(house)
            assert sorted(used_by(house)) == sorted([alone, message])

    def test_each_case_of_one_that_falls_apart_and_the_message_no_more(self, any_url: str, counting: Policy) -> None:
        with House(any_url, counting) as house:
            useful = told(house, "SH-1", "SH-3")
            told(house, "SH-2", promised_at=at(hours=0.5))
            house.advance(minutes=15)
            (call,) = claimed(house)
            assert used_by(house) == [call.call_id]
            house.advance(minutes=20)
            assert SqlOutbox(house.engine).expired(call, reason="of no use", now=house.clock.now())
            assert used_by(house) == useful
            assert sorted(delivered(house)) == sorted(useful)

    def test_is_so_by_the_terms_of_a_bundle_that_comes_into_force(self, sqlite_url: str) -> None:
        with House(sqlite_url, changed(acting, together("customer_id", "origin"))) as house:
            let_out(house, "SH-1")
            told(house, "SH-2", "SH-3")
            told(house, "SH-4", "SH-5", customer_id="C-2")
            waited(house)
            told(house, "SH-6", "SH-7", customer_id="C-3")
            another = changed(acting, messages(9), resting(4), together("customer_id", "origin"))
            with session_factory(house.engine).begin() as session:
                usage.note_earlier(session, another, house.clock.now())
            calls = {row.call_id: row for row in house.rows(OutgoingCallRow)}
            waits = [row.call_id for row in house.rows(MessageRow) if row.closed_at is None]
            assert len(waits) == 1
            found = used_by(house)
            counted = [row.call_id for row in calls.values() if row.branch == "notify" and row.goes_with is None]
            assert sorted(found) == sorted([*counted, *waits])
            assert len(messages_out(house)) == 2
            with session_factory(house.engine).begin() as session:
                assert usage.note_earlier(session, another, house.clock.now()) == 0


class TestOneThatAllHaveLeft:
    def test_is_closed_when_it_is_due_and_what_it_took_is_given_back(self, any_url: str, counting: Policy) -> None:
        with House(any_url, counting) as house:
            alone = let_out(house, "SH-1")
            house.advance(minutes=30)
            assert claimed(house) == []
            (message,) = house.rows(MessageRow)
            assert (message.closed_at, message.closed_because) == (
                house.clock.now(),
                "nobody was left to be told of",
            )
            assert used_by(house) == [alone]

    def test_may_be_joined_until_then(self, any_url: str, counting: Policy) -> None:
        with House(any_url, counting) as house:
            let_out(house, "SH-1")
            told(house, "SH-2")
            assert len(waited(house)) == len(messages_out(house)) == len(house.rows(MessageRow)) == 1


@pytest.fixture
def put_back(any_url: str) -> Iterator[tuple[House, list[str]]]:
    """A message that was sent, refused, and put back by a person, and the calls of its two cases."""
    with House(any_url, changed(acting, together("customer_id", "origin"))) as house:
        cases = [*told(house, "SH-1"), *told(house, "SH-2", promised_at=at(hours=1))]
        house.advance(minutes=30)
        (call,) = claimed(house)
        assert SqlOutbox(house.engine).dead(call, reason="HTTP 400", now=house.clock.now())
        dead_letters.replay(house.engine, call.call_id, actor="dana", now=house.clock.now())
        yield house, cases


class TestOneThatWasPutBack:
    """It has no attempts any more, and may have arrived before."""

    def test_is_not_taken_for_unsent_when_it_expires(self, put_back: tuple[House, list[str]]) -> None:
        house, cases = put_back
        house.advance(hours=1)
        assert swept(house) == 1
        assert states(house, cases) == {("expired", "with_person"): 2}
        (message,) = messages_out(house)
        assert "It was sent before it was put back: it may have had its effect." in str(message.last_error)

    def test_nor_when_a_worker_finds_it_useless(self, put_back: tuple[House, list[str]]) -> None:
        house, cases = put_back
        (call,) = claimed(house)
        assert call.sent_before
        assert SqlOutbox(house.engine).expired(call, reason="of no use", now=house.clock.now())
        assert states(house, cases) == {("expired", "with_person"): 2}

    def test_nor_when_an_order_bars_it(self, put_back: tuple[House, list[str]]) -> None:
        house, cases = put_back
        order: Json = {"kind": "forbid", "branch": "notify", "owner": "customer-service", "reason": "they call"}
        with house.container.sessions.begin() as session:
            directive = Directive.from_json({"id": "dir_1", **order, "since": at(), "until": at(hours=9), "where": {}})
            issue(session, directive, SubjectType.SHIPMENT, by="dana", at=house.clock.now())
        assert claimed(house) == []
        (message,) = messages_out(house)
        (item,) = items_about(house, message.call_id)
        assert "notify was sent before it was put back and may have arrived; it is not sent again" in item.why
        assert states(house, cases) == {("dismissed", "with_person"): 2}

    def test_nor_when_a_worker_gives_it_back(self, put_back: tuple[House, list[str]]) -> None:
        house, cases = put_back
        (call,) = claimed(house)
        assert SqlOutbox(house.engine).release(call, now=house.clock.now())
        assert states(house, cases) == {("gathered", "sent"): 2}


class TestTwoAtOnce:
    """On the database on which two transactions write at once."""

    def test_a_message_of_which_somebody_holds_a_case_expires_at_the_next_look(self, postgresql_url: str) -> None:
        with House(postgresql_url, changed(acting, together("customer_id", "origin"))) as house:
            for name, customer in (("SH-1", "C-1"), ("SH-2", "C-2")):
                told(house, name, customer_id=customer, promised_at=at(hours=1))
            house.advance(minutes=30)
            for call in claimed(house):
                assert SqlOutbox(house.engine).release(call, now=house.clock.now())
            house.advance(hours=1)
            first = house.rows(OutgoingCallRow)[0].call_id
            with ThreadPoolExecutor(1) as pool, session_factory(house.engine).begin() as session:
                locked(session, first)
                assert pool.submit(swept, house).result(timeout=20) == 1
            assert swept(house) == 1
            assert {row.status for row in house.rows(OutgoingCallRow)} == {"expired"}

    def test_no_later_call_of_a_case_is_leased_while_its_message_is_put_back(
        self, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with House(postgresql_url, changed(acting, together("customer_id", "origin"))) as house:
            told(house, "SH-1", "SH-2", customer_tier="critical", value_minor=500_000, risk=0.49)
            house.advance(minutes=30)
            (call,) = claimed(house)
            assert SqlOutbox(house.engine).dead(call, reason="HTTP 400", now=house.clock.now())
            house.send(delivery("E-1", "loaded"))
            later = house.decided("SH-1", risk=0.9)
            assert later["branch"] == "escalate"
            real, leased = dead_letters._taking_effect_after, []

            def while_looking(session: Any, row: OutgoingCallRow) -> Any:
                found = real(session, row)
                with ThreadPoolExecutor(1) as pool:
                    leased.extend(pool.submit(claimed, house).result(timeout=20))
                return found

            monkeypatch.setattr(dead_letters, "_taking_effect_after", while_looking)
            dead_letters.replay(house.engine, call.call_id, actor="dana", now=house.clock.now())
            assert leased == []
            assert delivered(house) == [call.call_id]
            assert delivered(house) == [later["call_id"]]
