"""Kafka through FastStream's test broker, which calls the subscriber as a real one would; no server is needed."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from faststream.kafka import KafkaMessage, testing

from serving.broker import kafka
from serving.broker.consuming import Backoff, Consumer
from serving.broker.dead_letters import DEAD_LETTER_TYPE
from serving.broker.errors import SamePlaceError
from serving.broker.handler import EventHandler
from serving.broker.kafka import KafkaSource, lag, take_batch
from serving.broker.metrics import ConsumerMetrics
from serving.db.tables import EventRow
from tests.serving.broker.fakes import FakeHandler, FakePlace, database_down
from tests.serving.house import House, delivery, planned


def source() -> KafkaSource:
    return KafkaSource("127.0.0.1:9092", topic="shipments", dead_letter="shipments.dead")


def with_kafka(
    handler: EventHandler | FakeHandler, test: Callable[[KafkaSource, list[ConsumerRecord]], Awaitable[None]]
) -> None:
    """Run a test with a source whose dead letters are collected."""

    async def go() -> None:
        made = source()
        consumer = Consumer(handler, made.publish, ConsumerMetrics("kafka"), origin=made.origin)
        made.subscribe(consumer)
        letters: list[ConsumerRecord] = []

        @made.broker.subscriber("shipments.dead", decoder=kafka._undecoded)
        async def collect(letter: KafkaMessage) -> None:
            letters.append(letter.raw_message)  # type: ignore[arg-type]

        async with testing.TestKafkaBroker(made.broker):
            await test(made, letters)
        consumer.close()

    asyncio.run(go())


def record(value: bytes | None, *, offset: int = 0, **headers: bytes | None) -> ConsumerRecord:
    made = asyncio.run(testing.build_message(b"", "shipments", serializer=None))
    return replace(made, value=value, offset=offset, headers=tuple(headers.items()))


@dataclass
class Offset:
    """The consumer of a batch: what was committed, and where the next read begins."""

    said: list[str] = field(default_factory=list)

    async def commit(self) -> None:
        self.said.append("commit")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.said.append(f"seek {partition.partition}:{offset}")


def take(handler: FakeHandler, *offsets: int, stop_after: float | None = None) -> list[str]:
    """Let a batch be taken; return what its consumer was told."""
    said = Offset()
    records = tuple(record(str(offset).encode(), offset=offset) for offset in offsets)

    async def go() -> None:
        consumer = Consumer(handler, FakePlace().publish, ConsumerMetrics("x"), origin="x", backoff=Backoff(0.01, 0.01))
        if stop_after is not None:
            asyncio.get_running_loop().call_later(stop_after, consumer.stop)
        parser = kafka.KafkaBroker(apply_types=False).subscriber("x", batch=True, ack_policy=kafka.AckPolicy.MANUAL)
        parser.parser._setup(said)
        await take_batch(await parser.parser.parse_batch(records), consumer)  # type: ignore[arg-type]
        consumer.close()

    asyncio.run(go())
    return said.said


class TestConsuming:
    def test_events_are_taken_once_in_both_modes_and_in_order(self, any_house: House) -> None:
        async def test(made: KafkaSource, letters: list[ConsumerRecord]) -> None:
            events = [json.dumps(planned(f"SH-{number}")).encode() for number in range(5)]
            structured = {"content-type": "application/cloudevents+json"}
            await made.broker.publish_batch(*events, events[0], topic="shipments", headers=structured)
            one = delivery("d 1", "departed")
            attributes = {f"ce_{name}": value for name, value in one.items() if name != "data"}
            headers = {"content-type": "application/json", **attributes}
            await made.broker.publish(json.dumps(one["data"]).encode(), "shipments", headers=headers)
            assert letters == []

        with_kafka(EventHandler(any_house.container.events, 100_000), test)
        rows = any_house.rows(EventRow)
        assert [row.event_id for row in rows] == [*(f"plan-SH-{number}" for number in range(5)), "d 1"]
        assert [row.known_at for row in rows] == sorted(row.known_at for row in rows)

    def test_what_is_refused_is_a_dead_letter_and_can_be_replayed(self, house: House) -> None:
        async def test(made: KafkaSource, letters: list[ConsumerRecord]) -> None:
            event = planned("SH-1", carrier_id=None)
            await made.broker.publish(json.dumps(event).encode(), "shipments", headers={"content-type": ""})

            (letter,) = letters
            headers = {name: value.decode() for name, value in letter.headers}
            assert headers["content-type"] == DEAD_LETTER_TYPE
            assert headers["triage-problem-type"] == "/problems/invalid-record"
            assert json.loads(json.loads(letter.value)["body"]) == event

            mended = letter.value.replace(b'\\"pieces\\"', b'\\"carrier_id\\": \\"NWX\\", \\"pieces\\"')
            await made.broker.publish(mended, "shipments", headers=headers)
            assert len(letters) == 1

        with_kafka(EventHandler(house.container.events, 100_000), test)
        assert [row.event_id for row in house.rows(EventRow)] == ["plan-SH-1"]

    @pytest.mark.parametrize("odd", [b"\xff", None])
    def test_a_header_that_cannot_be_read_stops_nothing(self, odd: bytes | None) -> None:
        handler = FakeHandler()

        async def test(made: KafkaSource, _: list[ConsumerRecord]) -> None:
            (subscriber,) = (one for one in made.broker.subscribers if one.group_id == "triage")  # type: ignore[attr-defined]
            await subscriber.process_message((strange,))

        strange = record(b"{}", odd=odd)
        with_kafka(handler, test)
        assert handler.groups == [[b"{}"]]

    def test_a_tombstone_is_an_empty_message(self) -> None:
        assert kafka.KafkaDelivery(record(None)).message.body == b""

    def test_dead_letters_may_not_lie_where_is_consumed(self) -> None:
        with pytest.raises(SamePlaceError):
            KafkaSource("127.0.0.1:9092", topic="a", dead_letter="a")


class TestTakeBatch:
    def test_a_batch_is_committed_when_all_of_it_is_settled(self) -> None:
        handler = FakeHandler()
        assert take(handler, 7, 8, 9) == ["commit"]
        assert handler.groups == [[b"7", b"8", b"9"]]

    def test_it_waits_for_the_database(self) -> None:
        handler = FakeHandler(database_down(2))
        assert take(handler, 7) == ["commit"]
        assert len(handler.groups) == 3

    def test_what_is_not_settled_is_read_again(self) -> None:
        assert take(FakeHandler(database_down(1000)), 7, 8, stop_after=0.05) == ["seek 0:7"]

    def test_an_error_nobody_foresaw_commits_nothing(self) -> None:
        with pytest.raises(KeyError):
            take(FakeHandler(deque([KeyError("oh")])), 7)


class TestLag:
    def test_it_counts_from_the_commit_or_the_beginning_to_the_end(self) -> None:
        first, second, third = (TopicPartition("shipments", number) for number in range(3))

        class Told:
            def assignment(self) -> Collection[TopicPartition]:
                return {first, second, third}

            async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
                return dict(zip((first, second, third), (100, 50, 10), strict=True))

            async def beginning_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
                return dict(zip((first, second, third), (0, 20, 0), strict=True))

            async def committed(self, partition: TopicPartition) -> int | None:
                return {first: 90, second: None, third: 10}[partition]

        assert asyncio.run(lag(Told())) == 10 + 30 + 0

    def test_without_partitions_there_is_none(self) -> None:
        class Idle:
            def assignment(self) -> Collection[TopicPartition]:
                return ()

        assert asyncio.run(lag(Idle())) == 0  # type: ignore[arg-type]

    def test_before_it_is_started_there_is_none(self) -> None:
        assert asyncio.run(source().pending()) == 0
