"""Settling messages: in groups, after the commit, with a database or a broker that is away for a while."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest

from serving.broker.consuming import Backoff, Consumer, DeadLetterTooLargeError
from serving.broker.dead_letters import DEAD_LETTER_TYPE
from serving.broker.messages import Handled, Outcome
from serving.broker.metrics import ConsumerMetrics
from tests.serving.broker.fakes import REFUSED, FakeDelivery, FakeHandler, FakePlace, database_down, message

SHORT = Backoff(first=0.001, longest=0.002)


class Bench:
    """A consumer of fakes."""

    def __init__(self, **options: Any) -> None:
        self.handler = FakeHandler(**options)
        self.place = FakePlace()
        self.metrics = ConsumerMetrics("nats:in")
        self.consumer: Consumer | None = None

    def take(self, deliveries: Sequence[FakeDelivery], *, backoff: Backoff = SHORT, stop_after: float | None = None,
             group: int = 256) -> list[bool]:  # fmt: skip
        async def go() -> list[bool]:
            consumer = Consumer(
                self.handler, self.place.publish, self.metrics, origin="nats:in", backoff=backoff, group=group
            )
            if stop_after is not None:
                asyncio.get_running_loop().call_later(stop_after, consumer.stop)
            try:
                return list(await asyncio.gather(*map(consumer.take, deliveries)))
            finally:
                assert consumer.in_hand == 0
                consumer.close()

        return asyncio.run(go())

    def figure(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"triage_consumer_{name}", {"origin": "nats:in", **labels})


def deliveries(count: int) -> list[FakeDelivery]:
    return [FakeDelivery(message({"id": str(number)})) for number in range(count)]


class TestTake:
    def test_messages_that_come_together_share_a_group_in_their_order(self) -> None:
        bench, given = Bench(), deliveries(5)
        assert bench.take(given, group=3) == [True] * 5
        assert bench.handler.groups == [
            [one.message.body for one in given[:3]],
            [one.message.body for one in given[3:]],
        ]
        assert [one.told for one in given] == [["acknowledge"]] * 5

    def test_a_message_is_acknowledged_after_it_was_handled(self) -> None:
        (given,) = deliveries(1)
        bench = Bench(on_handle=lambda: given.told.append("handle"))
        bench.take([given])
        assert given.told == ["handle", "acknowledge"]

    def test_the_handler_runs_beside_the_event_loop(self) -> None:
        names: list[str] = []
        Bench(on_handle=lambda: names.append(threading.current_thread().name)).take(deliveries(1))
        assert names[0].startswith("triage-consumer")

    def test_what_is_refused_is_put_aside_before_it_is_acknowledged(self) -> None:
        bench = Bench(answers=deque([Handled(Outcome.REPEAT), REFUSED, Handled(Outcome.TAKEN)]))
        given = deliveries(3)
        bench.take(given)

        (letter,) = bench.place.letters
        assert letter.headers["content-type"] == DEAD_LETTER_TYPE
        assert json.loads(letter.body)["body"] == given[1].message.body.decode()
        assert [one.told for one in given] == [["acknowledge"]] * 3
        counted = {name: bench.figure("messages_total", outcome=name) for name in ("taken", "repeat", "refused")}
        assert counted == {"taken": 1, "repeat": 1, "refused": 1}
        assert bench.figure("poison_total", reason="invalid-record") == 1
        assert bench.figure("handling_seconds_count") == 3

    def test_a_dead_letter_that_could_not_be_published_is_tried_again(self) -> None:
        bench = Bench(answers=deque([REFUSED]))
        bench.place.failures.extend([ConnectionError("away"), TimeoutError()])
        (given,) = deliveries(1)
        assert bench.take([given]) == [True]
        assert len(bench.place.letters) == 1
        assert given.told == ["hold", "hold", "acknowledge"]

    def test_one_that_is_larger_than_the_broker_takes_goes_without_its_body(self) -> None:
        bench = Bench(answers=deque([REFUSED]))
        bench.place.failures.append(DeadLetterTooLargeError())
        bench.take(deliveries(1))
        assert json.loads(bench.place.letters[0].body)["kept_in"] == "rejected_events"

    def test_told_to_stop_it_gives_back_what_it_could_not_put_aside(self) -> None:
        bench = Bench(answers=deque([REFUSED]))
        bench.place.failures.extend([ConnectionError("away")] * 10_000)
        (given,) = deliveries(1)
        assert bench.take([given], stop_after=0.01) == [False]
        assert "acknowledge" not in given.told
        assert given.told[-1] == "give back"
        assert bench.figure("messages_total", outcome="refused") == 0

    def test_a_broker_that_is_away_at_the_acknowledgement_stops_nothing(self) -> None:
        bench, given = Bench(), deliveries(2)
        given[0].is_broker_away = True
        assert bench.take(given) == [False, True]
        assert bench.figure("messages_total", outcome="taken") == 1

    def test_a_handler_that_fails_in_an_unforeseen_way_leaves_its_messages_to_the_broker(self) -> None:
        bench, given = Bench(answers=deque([KeyError("oh")])), deliveries(2)
        with pytest.raises(KeyError):
            bench.take(given)
        assert [one.told for one in given] == [[], []]


class TestADatabaseThatIsDown:
    def test_messages_wait_unacknowledged_until_it_is_back(self) -> None:
        bench, given = Bench(answers=database_down(3)), deliveries(2)
        assert bench.take(given) == [True, True]
        assert len(bench.handler.groups) == 4
        assert [one.told for one in given] == [["hold"] * 3 + ["acknowledge"]] * 2
        assert bench.place.letters == []
        assert bench.figure("database_failures_total") == 3

    def test_told_to_stop_it_gives_them_back(self, caplog: pytest.LogCaptureFixture) -> None:
        bench, given = Bench(answers=database_down(1)), deliveries(2)
        assert bench.take(given, backoff=Backoff(first=60.0), stop_after=0.01) == [False, False]
        assert [one.told for one in given] == [["hold", "give back"]] * 2
        assert "The database keeps nothing now (it is away); 2 messages wait 10.0 s" in caplog.text


class TestBackoff:
    def test_waits_double_up_to_the_longest(self) -> None:
        backoff = Backoff(first=0.5, longest=3.0)
        assert [backoff.after(tries) for tries in (1, 2, 3, 4, 5000)] == [0.5, 1.0, 2.0, 3.0, 3.0]
