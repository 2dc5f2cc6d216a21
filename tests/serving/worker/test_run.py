from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from routing.dispatch.delivery import DispatchSettings
from routing.dispatch.ports import Answer
from routing.dispatch.retry import RetryPolicy
from routing.dispatch.targets import Limits
from serving.clock import FastClock, SystemClock
from serving.db.engine import DatabaseMissingError
from serving.errors import DatabaseNotMigratedError
from serving.worker.run import Until, WorkerSettings, deliver_from, run_worker
from tests.routing.dispatch.fakes import NOON, FakeCaller, FakeClock, FakeOutbox, a_target
from tests.serving.worker.stores import SqlStore, Store


def settings(until: Until = Until.EMPTY, *, owner: str = "w1", database_url: str = "sqlite://") -> WorkerSettings:
    return WorkerSettings(
        database_url=database_url,
        targets=[a_target()],
        dispatch=DispatchSettings(
            owner=owner,
            limits=Limits(
                concurrency=3,
                retry=RetryPolicy(first=timedelta(milliseconds=10), longest=timedelta(milliseconds=10)),
                breaker_threshold=1000,
            ),
        ),
        poll_seconds=0.005,
        until=until,
        seed=1,
    )


class TestDeliverFrom:
    def test_until_empty_it_waits_for_what_was_put_off(self, store: Store) -> None:
        for number in range(6):
            store.put(f"c{number}", f"s{number % 2}", due=SystemClock().now())
        caller = FakeCaller()
        caller.will_answer("c0", 503, 503)
        tally = asyncio.run(
            deliver_from(store.outbox, settings(), clock=SystemClock(), stop=asyncio.Event(), caller=caller)
        )
        assert (tally["delivered"], tally["retried"]) == (6, 2)
        assert [call for call in caller.seen if call in ("c0", "c2", "c4")] == ["c0", "c0", "c0", "c2", "c4"]

    def test_once_leaves_what_was_put_off_for_another_time(self, store: Store) -> None:
        store.put("c0", "A")
        store.put("c1", "B")
        caller = FakeCaller()
        caller.will_answer("c0", 503)
        tally = asyncio.run(
            deliver_from(store.outbox, settings(Until.ONCE), clock=FakeClock(), stop=asyncio.Event(), caller=caller)
        )
        assert (tally["delivered"], tally["retried"]) == (1, 1)
        assert store.seen("c0").status == "pending"

    def test_what_was_put_off_goes_out_after_a_restart_when_its_time_has_come(self, store: Store) -> None:
        store.put("c0", "A")
        caller, clock = FakeCaller(), FakeClock()
        caller.will_answer("c0", Answer(status=503, retry_after="3600"))

        def run() -> Counter[str]:
            once = settings(Until.ONCE)
            return asyncio.run(deliver_from(store.outbox, once, clock=clock, stop=asyncio.Event(), caller=caller))

        assert run()["retried"] == 1
        clock.advance(minutes=59)
        assert run().total() == 0
        clock.advance(minutes=2)
        assert run()["delivered"] == 1

    def test_told_to_stop_it_lets_the_calls_in_flight_end_and_starts_no_other(self, store: Store) -> None:
        for number in range(9):
            store.put(f"c{number}", f"s{number}")
        caller = FakeCaller()

        async def run() -> int:
            stop, caller.gate = asyncio.Event(), asyncio.Event()
            running = asyncio.create_task(
                deliver_from(store.outbox, settings(Until.STOPPED), clock=FakeClock(), stop=stop, caller=caller)
            )
            while len(caller.seen) < 3:
                await asyncio.sleep(0.001)
            stop.set()
            await asyncio.sleep(0.02)
            assert not running.done()
            caller.gate.set()
            return (await running)["delivered"]

        assert asyncio.run(run()) == 3
        assert {store.seen(f"c{number}").status for number in range(9)} == {"delivered", "pending"}

    def test_an_outbox_that_does_not_answer_is_asked_again(self, caplog: pytest.LogCaptureFixture) -> None:
        outbox = FakeOutbox()
        outbox.put("c1", "s1")
        outbox.available = False

        async def run() -> int:
            running = asyncio.create_task(
                deliver_from(outbox, settings(), clock=FakeClock(), stop=asyncio.Event(), caller=FakeCaller())
            )
            await asyncio.sleep(0.03)
            outbox.available = True
            return (await running)["delivered"]

        assert asyncio.run(run()) == 1
        assert "did not answer" in caplog.text

    def test_two_workers_at_once_never_make_the_same_call_at_the_same_time(self, store: Store) -> None:
        """The caller they share fails when a call is in flight twice."""
        due = SystemClock().now()
        for number in range(60):
            store.put(f"c{number}", f"s{number % 20}", due=due)
        caller = FakeCaller()
        caller.seconds = 0.002
        for number in range(0, 60, 3):
            caller.will_answer(f"c{number}", 503, 500)

        async def run() -> tuple[int, int]:
            tallies = await asyncio.gather(
                *(
                    deliver_from(
                        store.outbox,
                        settings(owner=owner),
                        clock=SystemClock(),
                        stop=asyncio.Event(),
                        caller=caller,
                    )
                    for owner in ("w1", "w2")
                )
            )
            return tallies[0]["delivered"], tallies[1]["delivered"]

        first, second = asyncio.run(run())
        assert first + second == 60
        assert min(first, second) > 0
        assert len(caller.seen) == 60 + 2 * 20

    def test_on_a_fast_clock_long_waits_are_short(self, store: Store) -> None:
        start = NOON
        store.put("c1", "s1", due=start)
        caller = FakeCaller()
        caller.will_answer("c1", 503, 503, 503)
        slow = WorkerSettings(
            database_url="sqlite://",
            targets=[a_target()],
            dispatch=DispatchSettings(owner="w1", limits=Limits(retry=RetryPolicy(first=timedelta(minutes=10)))),
            poll_seconds=0.005,
            until=Until.EMPTY,
            seed=5,
        )
        began = time.monotonic()
        tally = asyncio.run(
            deliver_from(store.outbox, slow, clock=FastClock(start, 36_000), stop=asyncio.Event(), caller=caller)
        )
        assert (tally["delivered"], tally["retried"]) == (1, 3)
        assert time.monotonic() - began < 5
        delivered_at = store.seen("c1").delivered_at
        assert delivered_at is not None
        assert delivered_at > start + timedelta(minutes=1)


class TestRunWorker:
    def test_it_works_on_the_database_it_is_told(self, sqlite: SqlStore, sqlite_file: Path) -> None:
        tally = asyncio.run(run_worker(settings(database_url=f"sqlite:///{sqlite_file}"), clock=SystemClock()))
        assert tally.total() == 0

    def test_a_database_without_our_tables_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "empty.db").touch()
        url = f"sqlite:///{tmp_path / 'empty.db'}"
        with pytest.raises(DatabaseNotMigratedError, match="triage db upgrade"):
            asyncio.run(run_worker(settings(database_url=url), clock=SystemClock()))

    def test_and_one_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'new' / 'triage.db'}"
        with pytest.raises(DatabaseMissingError, match="There is no database at"):
            asyncio.run(run_worker(settings(database_url=url), clock=SystemClock()))
        assert list(tmp_path.iterdir()) == []
