"""Several processes on one record log: what one takes counts in what another answers, and once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from features.errors import RecordError
from serving.app import create_app
from serving.clock import Clock, SystemClock
from serving.db.tables import EventRow
from serving.events import following, repository
from serving.events.following import Following
from serving.events.records import AnyRecord
from tests.serving.house import NOW, House, Json, at, delivery, planned
from tests.serving.recommendations.agreed import rate


class Noted:
    """A state that notes what it is told, and refuses the events it is told to refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.heard: list[str] = []

    def check(self, record: AnyRecord) -> None:
        pass

    def add(self, record: AnyRecord) -> bool:
        name = getattr(record, "shipment_id", "weather")
        if name in self.refused:
            raise RecordError(f"{name} is refused")
        self.heard.append(name)
        return True


@contextmanager
def two(any_house: House) -> Iterator[tuple[House, House]]:
    with any_house.another() as other:
        yield any_house, other


def score(house: House, shipment_id: str) -> Any:
    return house.api.post("/v1/score/delay", json={"shipment_id": shipment_id})


def take(house: House, *events: Json) -> list[str]:
    """Let a process take events in, one by one; return what became of each."""
    return [house.container.events.receive([event])[0].status for event in events]


def in_threads(*tasks: Callable[[], Any]) -> list[Any]:
    """Run tasks at once, as processes would; return their results."""
    results: list[Any] = [None] * len(tasks)
    start = threading.Barrier(len(tasks))

    def run(place: int) -> None:
        start.wait()
        results[place] = tasks[place]()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


class TestAnAnswer:
    def test_a_score_counts_what_another_process_took(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            assert score(one, "SH-1").status_code == 404
            other.announce("SH-1")
            assert score(one, "SH-1").json()["probability"] == 0.5
            other.send(delivery("d-1", "departed"))
            assert score(one, "SH-1").json()["moment"] == "at_departure"

    def test_so_does_a_decision_and_its_version(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            other.announce("SH-1")
            first = one.decided("SH-1")
            other.send(delivery("d-1", "departed"))
            second = one.decided("SH-1")
            assert second["moment"] == "at_departure"
            assert not second["already_decided"]
            assert second["decision_id"] != first["decision_id"]
            assert other.decided("SH-1")["already_decided"]

    def test_both_processes_come_to_the_same_state(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            for number in range(6):
                (one, other)[number % 2].announce(f"SH-{number}")
                (other, one)[number % 2].send(delivery(f"d-{number}", "departed", f"SH-{number}"))
            for house in (one, other):
                house.container.following.catch_up()
                assert [house.state.events_known(f"SH-{number}") for number in range(6)] == [1] * 6
            assert one.container.following.position == other.container.following.position

    def test_the_second_process_knows_an_events_first_known_at(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            other.announce("SH-1")
            one.advance(hours=2)
            score(one, "SH-1")
            assert one.state.shipment("SH-1").known_at == NOW


class TestTheSameEvent:
    def test_taken_by_two_one_after_the_other_it_is_one(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            one.announce("SH-1")
            assert other.send(planned("SH-1"))["duplicate"] == 1
            assert any_house.kept() == (1, 0)

    def test_taken_by_two_at_once_it_is_one(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            events = [planned(f"SH-{number}") for number in range(20)]
            answers = in_threads(*(partial(take, house, *events) for house in (one, other)))
            statuses = [sorted(pair) for pair in zip(*answers, strict=True)]
            assert statuses == [["accepted", "duplicate"]] * 20
            assert any_house.kept() == (20, 0)

    def test_two_that_contradict_each_other_at_once_are_one_and_a_refusal(self, any_house: House) -> None:
        """Each has an id of its own, so only the state can tell; it must be the same in both processes."""
        with two(any_house) as (one, other):
            departed = delivery("d-1", "departed")
            delivered = {**delivery("d-1", "delivered"), "id": "another", "source": "/other"}
            answers = in_threads(partial(take, one, departed), partial(take, other, delivered))
            assert sorted(answers) == [["accepted"], ["rejected"]]
            for house in (one, other):
                house.container.following.catch_up()
            assert one.state.events("SH-1") == other.state.events("SH-1")
            assert any_house.kept() == (1, 1)


class TestOrder:
    def test_no_event_appears_before_one_that_was_appended_earlier(self, any_house: House) -> None:
        """While a process is between its append and its commit, no other appends; else the first would be missed."""
        with two(any_house) as (one, other):
            appended, may_commit = threading.Event(), threading.Event()
            seen: list[list[str]] = []

            def slow() -> None:
                with one.container.sessions.begin() as session:
                    repository.lock_log(session)
                    session.execute(insert(EventRow).values(**_row("SH-1")))
                    appended.set()
                    may_commit.wait(10)

            def quick() -> None:
                appended.wait(10)
                threading.Timer(0.3, may_commit.set).start()
                assert take(other, planned("SH-2")) == ["accepted"]

            def reader() -> None:
                state = Noted()
                follower = Following(any_house.container.reads, state)
                appended.wait(10)
                while len(state.heard) < 2:
                    follower.catch_up()
                    seen.append(list(state.heard))

            in_threads(slow, quick, reader)
            assert seen[-1] == ["SH-1", "SH-2"]

    def test_known_at_goes_with_the_position_whoever_takes_it(self, any_house: House) -> None:
        with two(any_house) as (one, other):
            for house in (one, other):
                object.__setattr__(house.container.events, "clock", SystemClock())
            mine, yours = ([planned(f"SH-{who}-{number}") for number in range(25)] for who in ("mine", "yours"))
            in_threads(partial(take, one, *mine), partial(take, other, *yours))
            rows = any_house.rows(EventRow)
            assert len(rows) == 50
            assert [row.known_at for row in rows] == sorted(row.known_at for row in rows)

    @pytest.mark.service
    def test_a_decision_waits_for_who_is_about_to_append(self, postgresql_house: House) -> None:
        """An event known before the moment a decision is made as of must be in it, though its commit comes later."""
        with two(postgresql_house) as (one, other):
            one.announce("SH-1")
            looked, may_commit = threading.Event(), threading.Event()

            class Slow(Clock):
                def now(self) -> datetime:
                    looked.set()
                    may_commit.wait(10)
                    return NOW

            object.__setattr__(other.container.events, "clock", Slow())

            def decide() -> tuple[datetime, int]:
                looked.wait(10)
                threading.Timer(0.3, may_commit.set).start()
                with one.container.sessions.begin() as session:
                    now = one.container.following.catch_up_as_of(session, one.clock)
                return now, one.state.events_known("SH-1")

            slow = partial(take, other, delivery("d-1", "departed"))
            assert in_threads(slow, decide) == [["accepted"], (NOW, 1)]

    @pytest.mark.service
    def test_nobody_waits_for_the_rest_of_a_decision(self, postgresql_house: House) -> None:
        with two(postgresql_house) as (one, other), one.container.sessions.begin() as session:
            one.container.following.catch_up_as_of(session, one.clock)
            assert in_threads(partial(take, other, planned("SH-1"))) == [["accepted"]]


class TestFollowing:
    def test_more_than_a_chunk_is_learnt_once_each_in_order(
        self, any_house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(following, "CHUNK", 3)
        any_house.announce(*(f"SH-{number}" for number in range(8)))
        state = Noted()
        follower = Following(any_house.container.reads, state)
        follower.catch_up()
        follower.catch_up()
        assert state.heard == [f"SH-{number}" for number in range(8)]
        assert follower.behind() == 0

    def test_behind_counts_what_is_not_learnt(self, any_house: House) -> None:
        follower = Following(any_house.container.reads, Noted())
        any_house.announce("SH-1", "SH-2")
        assert follower.behind() == 2

    def test_an_event_that_contradicts_the_history_is_left_out_and_told(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.announce("SH-1", "SH-2", "SH-3")
        state = Noted("SH-2")
        Following(house.container.reads, state).catch_up()
        assert state.heard == ["SH-1", "SH-3"]
        assert "contradicts the history files and is left out: SH-2 is refused" in caplog.text

    def test_an_event_that_is_refused_now_is_left_out_and_told(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A rate whose break ends below where it begins was taken in before, and held for nothing."""
        house.announce("SH-1", "SH-2")
        empty = json.loads(rate("C", 100, weight_from_kg=100).model_dump_json()) | {"weight_until_kg": 50.0}
        with house.container.sessions.begin() as session:
            row = {"type": "freight.contract.rate", "data": json.dumps(empty)}
            session.execute(update(EventRow).where(EventRow.subject == "SH-1").values(row))
        state = Noted()
        Following(house.container.reads, state).catch_up()
        assert state.heard == ["SH-2"]
        assert "would be refused now and is left out" in caplog.text
        assert "so the rate holds for no weight" in caplog.text

    def test_the_app_keeps_up_by_itself(self, house: House) -> None:
        with house.another() as other:
            other.announce("SH-1")

        async def run() -> None:
            app = create_app(house.container)
            async with app.router.lifespan_context(app):
                for _ in range(500):
                    if house.state.knows("SH-1"):
                        return
                    await asyncio.sleep(0.01)

        asyncio.run(run())
        assert house.state.knows("SH-1")

    def test_a_database_that_is_away_for_a_while_does_not_end_it(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        state = Noted()
        follower = Following(house.container.reads, state)
        house.announce("SH-1")
        times = iter([True, False])

        class Reads:
            def __call__(self) -> Any:
                if next(times, False):
                    raise OperationalError("SELECT 1", {}, Exception("away"))
                return house.container.reads()

        follower._reads = Reads()  # type: ignore[assignment]

        async def run() -> None:
            task = asyncio.create_task(follower.keep_up(every_seconds=0.001))
            for _ in range(500):
                if state.heard:
                    break
                await asyncio.sleep(0.01)
            task.cancel()

        asyncio.run(run())
        assert state.heard == ["SH-1"]
        assert "cannot be followed beyond position 0" in caplog.text


def _row(shipment_id: str) -> dict[str, Any]:
    data = {**planned(shipment_id)["data"], "known_at": at()}
    return {
        "source": "/erp",
        "event_id": f"plan-{shipment_id}",
        "type": "freight.shipment.planned",
        "subject": shipment_id,
        "occurred_at": NOW - timedelta(hours=24),
        "known_at": NOW,
        "received_at": NOW,
        "data": json.dumps(data),
    }
