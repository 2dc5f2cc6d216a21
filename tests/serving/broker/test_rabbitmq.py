"""RabbitMQ on loopback: taken, repeated, refused, killed in the middle, stopped, shared."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serving.broker.consuming import Backoff
from serving.broker.errors import NowhereError, SamePlaceError
from serving.broker.handler import EventHandler
from serving.broker.metrics import ConsumerMetrics
from serving.broker.rabbitmq import RabbitSource
from serving.broker.running import run_consumer
from serving.db.tables import EventRow
from tests.serving.broker.fakes import FakeHandler, database_down
from tests.serving.broker.processes import DIES_BEFORE_IT_ACKNOWLEDGES, consumer
from tests.serving.broker.servers import RABBITMQ_URL, RabbitPlace, need, rabbit_place, until
from tests.serving.house import House, planned

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def _rabbitmq() -> None:
    need("RabbitMQ", 5672)


def source(place: RabbitPlace, **changes: Any) -> RabbitSource:
    return RabbitSource(RABBITMQ_URL, **{"queue": place.queue, "dead_letter": place.dead_letter, **changes})


def body(number: int) -> bytes:
    return json.dumps(planned(f"SH-{number}")).encode()


def options(place: RabbitPlace, database: str) -> list[str]:
    return ["rabbitmq", "--queue", place.queue, "--dead-letter", place.dead_letter, "--database", database]


async def consume(
    place: RabbitPlace, handler: EventHandler | FakeHandler, metrics: ConsumerMetrics | None = None
) -> None:
    """Consume until the queue is empty."""
    made = source(place)
    await run_consumer(
        made,
        handler,
        metrics or ConsumerMetrics(made.origin),
        until_empty=True,
        look_seconds=0.1,
        backoff=Backoff(0.01, 0.02),
    )


def with_place(test: Callable[[RabbitPlace], Awaitable[None]]) -> None:
    async def go() -> None:
        async with rabbit_place() as place:
            await test(place)

    asyncio.run(go())


class TestConsuming:
    def test_events_are_taken_once_in_both_modes_and_in_order(self, any_house: House) -> None:
        async def test(place: RabbitPlace) -> None:
            await place.send(*map(body, range(20)), content_type="application/cloudevents+json")
            event = planned("SH-20")
            attributes = {f"cloudEvents:{name}": value for name, value in event.items() if name != "data"}
            await place.send(json.dumps(event["data"]).encode(), headers=attributes, content_type="application/json")
            await place.send(body(3))
            metrics = ConsumerMetrics("rabbitmq")
            await consume(place, EventHandler(any_house.container.events, 100_000), metrics)

            assert await place.waiting() == 0
            assert await place.dead_letters() == []
            figure = metrics.registry.get_sample_value
            counted = {
                name: figure("triage_consumer_messages_total", {"origin": "rabbitmq", "outcome": name})
                for name in ("taken", "repeat", "refused")
            }
            assert counted == {"taken": 21, "repeat": 1, "refused": 0}
            assert figure("triage_consumer_pending_messages", {"origin": "rabbitmq"}) == 0

        with_place(test)
        rows = any_house.rows(EventRow)
        assert [row.event_id for row in rows] == [f"plan-SH-{number}" for number in range(21)]
        assert [row.known_at for row in rows] == sorted(row.known_at for row in rows)

    def test_what_is_refused_is_a_dead_letter_and_can_be_replayed(self, house: House) -> None:
        handler = EventHandler(house.container.events, 100_000)

        async def test(place: RabbitPlace) -> None:
            event = planned("SH-1", carrier_id=None)
            await place.send(json.dumps(event).encode(), body(2))
            await consume(place, handler)

            (letter,) = await place.dead_letters()
            assert letter.headers["triage-problem-type"] == "/problems/invalid-record"
            told = json.loads(letter.body)
            assert (json.loads(told["body"]), told["origin"]) == (event, f"rabbitmq:{place.queue}")

            mended = letter.body.replace(b'\\"pieces\\"', b'\\"carrier_id\\": \\"NWX\\", \\"pieces\\"')
            await place.send(mended, headers=letter.headers, content_type=letter.content_type)
            await consume(place, handler)
            assert await place.dead_letters() == []

        with_place(test)
        assert [row.event_id for row in house.rows(EventRow)] == ["plan-SH-2", "plan-SH-1"]

    def test_a_database_that_is_down_holds_messages_and_loses_none(self) -> None:
        handler = FakeHandler(database_down(3))

        async def test(place: RabbitPlace) -> None:
            await place.send(body(1), body(2))
            await consume(place, handler)
            assert await place.waiting() == 0
            assert await place.dead_letters() == []

        with_place(test)
        assert len(handler.groups) >= 4
        assert {one for group in handler.groups for one in group} == {body(1), body(2)}

    def test_stopped_while_the_database_is_down_the_messages_go_back_into_the_queue(self) -> None:
        handler = FakeHandler(database_down(1000))

        async def test(place: RabbitPlace) -> None:
            await place.send(body(1), body(2))
            stop = asyncio.Event()
            made = source(place)
            running = asyncio.create_task(run_consumer(made, handler, ConsumerMetrics("x"), stop=stop))
            await until(lambda: handler.groups)
            stop.set()
            await running
            assert await place.waiting() == 2

        with_place(test)

    def test_what_is_in_hand_is_finished_when_it_is_told_to_stop(self) -> None:
        async def test(place: RabbitPlace) -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            handler = FakeHandler(on_handle=lambda: loop.call_soon_threadsafe(stop.set))
            await place.send(body(1))
            await run_consumer(source(place), handler, ConsumerMetrics("x"), stop=stop)
            assert await place.waiting() == 0
            assert handler.groups == [[body(1)]]

        with_place(test)


class TestStarting:
    def test_dead_letters_may_not_lie_where_is_consumed(self) -> None:
        with pytest.raises(SamePlaceError):
            RabbitSource(RABBITMQ_URL, queue="a", dead_letter="a")

    @pytest.mark.parametrize("missing", ["queue", "dead_letter"])
    def test_a_queue_that_is_not_there_is_told(self, missing: str) -> None:
        async def test(place: RabbitPlace) -> None:
            made = source(place, **{missing: f"{place.queue}.none"})
            with pytest.raises(NowhereError, match=f"no queue '{place.queue}.none'"):
                await run_consumer(made, FakeHandler(), ConsumerMetrics("x"))

        with_place(test)

    def test_asked_to_it_makes_the_queues_on_disk(self) -> None:
        async def test(place: RabbitPlace) -> None:
            queue, dead_letter = f"{place.queue}.made", f"{place.queue}.made.dead"
            made = source(place, queue=queue, dead_letter=dead_letter, create=True)
            try:
                await run_consumer(made, FakeHandler(), ConsumerMetrics("x"), until_empty=True, look_seconds=0.05)
                for name in (queue, dead_letter):
                    await place.channel.declare_queue(name, durable=True)  # fails if it is not as declared here
            finally:
                for name in (queue, dead_letter):
                    await place.channel.queue_delete(name)

        with_place(test)


class TestProcesses:
    def test_killed_between_commit_and_acknowledgement_the_event_has_its_effect_once(self, shared_house: House) -> None:
        async def test(place: RabbitPlace) -> None:
            await place.send(body(1))
            command = options(place, shared_house.database_url)
            with consumer(*command, program=DIES_BEFORE_IT_ACKNOWLEDGES) as killed:
                assert await asyncio.to_thread(killed.wait, 30) == -signal.SIGKILL
            assert shared_house.kept() == (1, 0)
            await until(lambda: _is(place.waiting, 1))

            with consumer(*command, "--until-empty") as after:
                _, said = await asyncio.to_thread(after.communicate, timeout=30)
            assert after.returncode == 0, said
            assert await place.waiting() == 0
            assert await place.dead_letters() == []

        with_place(test)
        assert shared_house.kept() == (1, 0)

    @pytest.mark.slow
    def test_two_consumers_share_the_messages_and_each_event_has_its_effect_once(self, shared_house: House) -> None:
        async def test(place: RabbitPlace) -> None:
            command = [*options(place, shared_house.database_url), "--until-empty"]
            await place.send(*(body(number % 400) for number in range(800)))
            with consumer(*command) as one, consumer(*command) as other:
                for process in (one, other):
                    _, said = await asyncio.to_thread(process.communicate, timeout=60)
                    assert process.returncode == 0, said
            assert await place.waiting() == 0
            assert await place.dead_letters() == []

        with_place(test)
        assert shared_house.kept() == (400, 0)


async def _is(asked: Callable[[], Awaitable[int]], expected: int) -> bool:
    return await asked() == expected
