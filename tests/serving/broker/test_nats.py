"""NATS JetStream on loopback: taken, repeated, refused, killed in the middle, stopped, shared."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest

from serving.broker.consuming import Backoff
from serving.broker.errors import ConsumerMismatchError, NowhereError, SamePlaceError
from serving.broker.handler import EventHandler
from serving.broker.metrics import ConsumerMetrics
from serving.broker.nats import NatsSource, covers
from serving.broker.running import run_consumer
from serving.db.tables import EventRow
from tests.serving.broker.fakes import FakeHandler, binary, database_down
from tests.serving.broker.processes import DIES_BEFORE_IT_ACKNOWLEDGES, consumer
from tests.serving.broker.servers import NATS_URL, NatsPlace, nats_place, need, until
from tests.serving.house import House, at, planned

pytestmark = pytest.mark.service


@pytest.fixture(autouse=True)
def _nats() -> None:
    need("NATS", 4222)


def source(place: NatsPlace, **changes: str) -> NatsSource:
    return NatsSource(NATS_URL, **{"subject": place.subject, "dead_letter": place.dead_letter, **changes})


def body(number: int) -> bytes:
    return json.dumps(planned(f"SH-{number}")).encode()


def options(place: NatsPlace, database: str) -> list[str]:
    return ["nats", "--subject", place.subject, "--dead-letter", place.dead_letter, "--database", database]


async def consume(
    place: NatsPlace, handler: EventHandler | FakeHandler, metrics: ConsumerMetrics | None = None
) -> None:
    """Consume until nothing is pending."""
    made = source(place)
    await run_consumer(
        made,
        handler,
        metrics or ConsumerMetrics(made.origin),
        until_empty=True,
        look_seconds=0.05,
        backoff=Backoff(0.01, 0.02),
    )


def with_place(test: Callable[[NatsPlace], Awaitable[None]]) -> None:
    async def go() -> None:
        async with nats_place() as place:
            await test(place)

    asyncio.run(go())


class TestConsuming:
    def test_events_are_taken_once_in_both_modes_and_in_order(self, any_house: House) -> None:
        async def test(place: NatsPlace) -> None:
            await place.send(*map(body, range(20)))
            content, headers = binary(planned("SH-20"))
            await place.send(content, headers=headers)
            await place.send(body(3))
            metrics = ConsumerMetrics("nats")
            await consume(place, EventHandler(any_house.container.events, 100_000), metrics)

            assert await place.unacknowledged() == 0
            assert await place.dead_letters() == []
            figure = metrics.registry.get_sample_value
            counted = {
                name: figure("triage_consumer_messages_total", {"origin": "nats", "outcome": name})
                for name in ("taken", "repeat", "refused")
            }
            assert counted == {"taken": 21, "repeat": 1, "refused": 0}
            assert figure("triage_consumer_pending_messages", {"origin": "nats"}) == 0

        with_place(test)
        rows = any_house.rows(EventRow)
        assert [row.event_id for row in rows] == [f"plan-SH-{number}" for number in range(21)]
        assert [row.known_at for row in rows] == sorted(row.known_at for row in rows)

    def test_what_is_refused_is_a_dead_letter_and_can_be_replayed(self, house: House) -> None:
        handler = EventHandler(house.container.events, 100_000)

        async def test(place: NatsPlace) -> None:
            event = planned("SH-1", carrier_id=None)
            await place.send(json.dumps(event).encode(), b"\xff", body(2))
            await consume(place, handler)

            letters = await place.dead_letters()
            assert [letter.headers["triage-problem-type"] for letter in letters if letter.headers] == [
                "/problems/invalid-record",
                "/problems/malformed-body",
            ]
            told = json.loads(letters[0].data)
            assert json.loads(told["body"]) == event
            assert told["problems"][0]["problem"]["errors"][0]["path"] == "data.carrier_id"
            assert json.loads(letters[1].data)["body_base64"] == "/w=="
            assert await place.unacknowledged() == 0

            mended = letters[0].data.replace(b'\\"pieces\\"', b'\\"carrier_id\\": \\"NWX\\", \\"pieces\\"')
            assert mended != letters[0].data
            await place.jetstream.publish(place.subject, mended, headers=letters[0].headers)
            await consume(place, handler)
            assert len(await place.dead_letters()) == 2

        with_place(test)
        assert [row.event_id for row in house.rows(EventRow)] == ["plan-SH-2", "plan-SH-1"]

    def test_a_dead_letter_larger_than_the_server_takes_is_kept_in_the_database(self, house: House) -> None:
        async def test(place: NatsPlace) -> None:
            await place.send(b'"' * 1_000_000)  # each of them is two bytes in a dead letter
            await consume(place, EventHandler(house.container.events, 1_048_576))
            (letter,) = await place.dead_letters()
            assert json.loads(letter.data)["kept_in"] == "rejected_events"

        with_place(test)
        assert house.kept() == (0, 1)

    def test_a_database_that_is_down_holds_messages_and_loses_none(self) -> None:
        handler = FakeHandler(database_down(3))

        async def test(place: NatsPlace) -> None:
            await place.send(body(1), body(2))
            await consume(place, handler)
            assert await place.unacknowledged() == 0
            assert await place.dead_letters() == []

        with_place(test)
        assert handler.groups[:3] == [handler.groups[0]] * 3
        assert sorted({one for group in handler.groups for one in group}) == [body(1), body(2)]

    def test_consuming_the_dead_letters_replays_them_when_their_cause_is_gone(self, house: House) -> None:
        handler = EventHandler(house.container.events, 100_000)
        early = json.dumps(planned("SH-1", occurred_at=at(hours=1))).encode()

        async def test(place: NatsPlace) -> None:
            await place.send(early, b"never")
            await consume(place, handler)
            assert len(await place.dead_letters()) == 2
            house.advance(hours=2)

            made = source(place, subject=place.dead_letter, dead_letter=f"{place.stream}.again", durable="replay")
            await run_consumer(made, handler, ConsumerMetrics("x"), until_empty=True, look_seconds=0.05)
            (again,) = await place.messages(f"{place.stream}.again")
            assert json.loads(again.data)["body"] == "never"  # not a dead letter within a dead letter
            assert json.loads(again.data)["origin"] == f"nats:{place.dead_letter}"

        with_place(test)
        assert [row.event_id for row in house.rows(EventRow)] == ["plan-SH-1"]


class TestStarting:
    @pytest.mark.parametrize(
        ("pattern", "subject", "is_covered"),
        [
            ("a.in", "a.in", True),
            ("a.in", "a.dead", False),
            ("a.*", "a.dead", True),
            ("*.dead", "a.dead", True),
            ("a.*", "a.b.dead", False),
            ("a.>", "a.b.dead", True),
            ("a.>", "a", False),
            ("a.b", "a", False),
            ("a", "a.b", False),
            (">", "a", True),
        ],
    )
    def test_dead_letters_may_not_lie_where_is_consumed(self, pattern: str, subject: str, is_covered: bool) -> None:
        assert covers(pattern, subject) == is_covered
        with pytest.raises(SamePlaceError) if is_covered else nullcontext():
            NatsSource(NATS_URL, subject=pattern, dead_letter=subject)

    def test_a_subject_that_no_stream_holds_is_told(self) -> None:
        async def test(place: NatsPlace) -> None:
            made = source(place, dead_letter=f"{place.stream}.elsewhere")
            with pytest.raises(NowhereError, match="no stream that holds subject"):
                await run_consumer(made, FakeHandler(), ConsumerMetrics("x"))

        with_place(test)

    def test_asked_to_it_makes_the_stream(self) -> None:
        async def test(place: NatsPlace) -> None:
            name = f"{place.stream}_made"
            made = source(place, subject=f"{name}.in", dead_letter=f"{name}.dead", create=name)
            try:
                await run_consumer(made, FakeHandler(), ConsumerMetrics("x"), until_empty=True)
                info = await place.jetstream.stream_info(name)
                assert info.config.subjects == [f"{name}.dead", f"{name}.in"]
            finally:
                await place.jetstream.delete_stream(name)

        with_place(test)

    def test_a_consumer_of_another_subject_is_told(self) -> None:
        async def test(place: NatsPlace) -> None:
            await consume(place, FakeHandler())
            made = source(place, subject=place.dead_letter, dead_letter=place.subject)
            with pytest.raises(ConsumerMismatchError, match="Give another name with --durable"):
                await run_consumer(made, FakeHandler(), ConsumerMetrics("x"))

        with_place(test)


class TestProcesses:
    def test_killed_between_commit_and_acknowledgement_the_event_has_its_effect_once(self, shared_house: House) -> None:
        async def test(place: NatsPlace) -> None:
            await place.send(body(1))
            command = [*options(place, shared_house.database_url), "--acknowledge-within-seconds", "1"]
            with consumer(*command, program=DIES_BEFORE_IT_ACKNOWLEDGES) as killed:
                assert await asyncio.to_thread(killed.wait, 30) == -signal.SIGKILL
            assert shared_house.kept() == (1, 0)
            assert await place.unacknowledged() == 1

            with consumer(*command, "--until-empty") as after:
                _, said = await asyncio.to_thread(after.communicate, timeout=30)
            assert after.returncode == 0, said
            assert await place.unacknowledged() == 0
            assert await place.dead_letters() == []

        with_place(test)
        assert shared_house.kept() == (1, 0)

    def test_sigterm_finishes_what_is_in_hand_and_the_metrics_are_there_meanwhile(self, house: House) -> None:
        async def test(place: NatsPlace) -> None:
            await place.send(*map(body, range(300)))
            with consumer(*options(place, house.database_url), "--metrics-port", "0") as process:
                await until(lambda: house.count(EventRow) >= 256)
                process.send_signal(signal.SIGTERM)
                _, said = await asyncio.to_thread(process.communicate, timeout=30)
            assert process.returncode == 0, said
            assert "Stopped consuming" in said
            assert await place.unacknowledged() == 300 - house.count(EventRow)

        with_place(test)

    def test_metrics_are_served_on_loopback(self, sqlite_url: str) -> None:
        async def test(place: NatsPlace) -> None:
            await place.send(body(1))
            with consumer(*options(place, sqlite_url)) as process:
                assert process.stderr is not None
                line = await asyncio.to_thread(process.stderr.readline)
                url = line.split("Metrics at ")[1].strip()
                assert url.startswith("http://127.0.0.1:")

                def taken() -> bool:
                    return 'outcome="taken"} 1.0' in httpx.get(url).text.replace(f'origin="nats:{place.subject}",', "")

                await until(taken)

        with_place(test)

    def test_two_consumers_share_the_messages_and_each_event_has_its_effect_once(self, shared_house: House) -> None:
        async def test(place: NatsPlace) -> None:
            command = [*options(place, shared_house.database_url), "--until-empty"]
            await place.send(*(body(number % 400) for number in range(800)))
            with consumer(*command) as one, consumer(*command) as other:
                for process in (one, other):
                    _, said = await asyncio.to_thread(process.communicate, timeout=60)
                    assert process.returncode == 0, said
            assert await place.unacknowledged() == 0
            assert await place.dead_letters() == []

        with_place(test)
        assert shared_house.kept() == (400, 0)

    @pytest.mark.slow
    def test_what_a_consumer_takes_counts_in_a_score_of_the_service(self, shared_house: House) -> None:
        async def test(place: NatsPlace) -> None:
            await place.send(body(1))
            with consumer(*options(place, shared_house.database_url), "--until-empty") as process:
                _, said = await asyncio.to_thread(process.communicate, timeout=30)
            assert process.returncode == 0, said

        with_place(test)
        assert not shared_house.state.knows("SH-1")
        shared_house.clock.set(shared_house.rows(EventRow)[0].known_at)  # the other process has the machine's clock
        answer = shared_house.api.post("/v1/score/delay", json={"shipment_id": "SH-1", "moment": "24h_before"})
        assert answer.json()["probability"] == 0.5


class TestTheCommand:
    def test_a_wrong_option_ends_it_with_a_sentence(self, tmp_path: Path) -> None:
        with consumer(
            "nats", "--subject", "a", "--dead-letter", "a", "--database", f"sqlite:///{tmp_path}/x.db"
        ) as one:
            _, said = one.communicate(timeout=30)
        assert one.returncode == 2
        assert "Give dead letters a place of their own" in said
        assert "Traceback" not in said
