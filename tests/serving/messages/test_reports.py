"""What is said of one case while a worker has its message in hand is neither lost nor waited for by both."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Timer
from typing import Any

import httpx
import pytest

from serving.db.tables import OutgoingCallRow
from serving.effects import reporting
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed, together
from tests.serving.effects.calls import acting, claimed, delivered, report, reported
from tests.serving.house import House
from tests.serving.messages.conftest import PEOPLE
from tests.serving.messages.test_messages import states, told

_LONGER = 0.3
"""Seconds for which a report holds its case after the worker begins."""


@pytest.fixture
def two_at_once(postgresql_url: str) -> Iterator[House]:
    """The service on the database on which two transactions write at once."""
    with House(postgresql_url, changed(acting, together("customer_id", "origin")), people=PEOPLE) as made:
        yield made


@contextmanager
def reporting_slowly(
    house: House, call_id: str, outcome: str, patch: pytest.MonkeyPatch, **more: Any
) -> Iterator[Future[httpx.Response]]:
    """Report of a case, and go on once the report holds it, which it does for a while yet."""
    report(house, "none", "done")
    holds, goes_on, real = Event(), Event(), reporting.settle_call

    def slow(session: Any, row: OutgoingCallRow, **by: Any) -> None:
        real(session, row, **by)
        if row.call_id == call_id and not holds.is_set():
            session.flush()
            holds.set()
            goes_on.wait(10)

    patch.setattr(reporting, "settle_call", slow)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(report, house, call_id, outcome, **more)
        assert holds.wait(10)
        Timer(_LONGER, goes_on.set).start()
        yield answer


def test_what_was_said_of_a_case_stands_though_the_worker_settles_its_message_meanwhile(
    two_at_once: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = told(two_at_once, "SH-1", "SH-2")
    two_at_once.advance(minutes=30)
    (call,) = claimed(two_at_once)
    with reporting_slowly(two_at_once, first, "done", monkeypatch) as answer:
        assert SqlOutbox(two_at_once.engine).delivered(call, now=two_at_once.clock.now())
        assert answer.result().status_code == 200
    assert states(two_at_once, [first]) == {("delivered", "verified"): 1}
    assert states(two_at_once, [second]) == {("delivered", "accepted"): 1}


@pytest.mark.parametrize("is_barred", [False, True])
def test_a_message_of_which_somebody_reports_a_failure_is_left_for_the_next_look(
    two_at_once: House, monkeypatch: pytest.MonkeyPatch, is_barred: bool
) -> None:
    first, second = told(two_at_once, "SH-1", "SH-2")
    two_at_once.advance(minutes=30)
    (call,) = claimed(two_at_once)
    now = two_at_once.clock.now()
    assert SqlOutbox(two_at_once.engine).retry_at(call, at=now, reason="HTTP 503", now=now)
    if is_barred:
        order = {"kind": "forbid", "branch": "notify", "owner": "customer-service", "reason": "they call"}
        two_at_once.ordered(by="dana", until=(now + timedelta(hours=5)).isoformat(), **order)
    with reporting_slowly(two_at_once, first, "failed", monkeypatch, reason="bounced") as answer:
        assert claimed(two_at_once) == []
        assert answer.result().status_code == 200, answer.result().text
    assert delivered(two_at_once) == ([] if is_barred else [call.call_id])
    assert states(two_at_once, [first]) == {("delivered", "with_person"): 1}
    assert states(two_at_once, [second]) == {
        ("dismissed", "with_person") if is_barred else ("delivered", "accepted"): 1
    }


def test_the_cases_of_a_message_that_is_known_to_have_arrived_are_settled_with_it(locally: House) -> None:
    cases = told(locally, "SH-1", "SH-2")
    locally.advance(minutes=30)
    (call,) = claimed(locally)
    reported(locally, call.call_id, "done")
    locally.advance(minutes=5)
    assert claimed(locally) == []
    assert states(locally, [call.call_id, *cases]) == {("delivered", "verified"): 3}
