"""The demo's orchestrator against a service that only notes what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.records import Shipment, Stop
from features.vocabulary import Mode, StopKind
from serving.clock import ManualClock
from serving.demo.orchestrator import Tally, Task, feed, plan, play

START = datetime(2025, 2, 27, tzinfo=UTC)
END = START + timedelta(days=2)


def shipment(name: str, planned_at: datetime, known_at: datetime = START - timedelta(days=3)) -> Shipment:
    return Shipment(
        shipment_id=name,
        carrier_id="RHEI",
        mode=Mode.ROAD_LTL,
        stops=(
            Stop(place="NLRTM", kind=StopKind.PICKUP, planned_at=planned_at),
            Stop(place="DEHAM", kind=StopKind.DELIVERY, promised_at=planned_at + timedelta(hours=20)),
        ),
        occurred_at=known_at,
        known_at=known_at,
    )


def delivery(name: str, status: str, known_at: datetime) -> tuple[datetime, Mapping[str, Any]]:
    data = {"shipment_id": name, "status": status, "known_at": known_at.isoformat()}
    return known_at, {"type": "freight.delivery", "id": f"{name}-{status}", "data": data}


def pick(wave: str, status: str, known_at: datetime) -> tuple[datetime, Mapping[str, Any]]:
    data = {"task_id": "T-1", "wave_id": wave, "status": status, "known_at": known_at.isoformat()}
    return known_at, {"type": "freight.warehouse.task", "id": f"{wave}-{status}-{known_at:%H}", "data": data}


def planned(one: Shipment) -> tuple[datetime, Mapping[str, Any]]:
    data = one.model_dump(mode="json", exclude_none=True)
    return one.known_at, {"type": "freight.shipment.planned", "id": one.shipment_id, "data": data}


def asked(tasks: list[Task]) -> list[tuple[datetime, str, str]]:
    found = []
    for task in tasks:
        if task.ask is not None:
            name, _, moment = task.ask.key.rpartition(":")
            found.append((task.at, name, moment))
    return found


class Service:
    """Answers like the API; keeps what it was asked, in order."""

    def __init__(self, *, over: frozenset[str] = frozenset()) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.keys: list[str] = []
        self.over = over

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer), base_url="http://triage")

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/v1/events":
            self.calls.append(("events", [event["id"] for event in body]))
            assert all("known_at" not in event["data"] for event in body)
            return httpx.Response(200, json={"results": [{"status": "accepted"} for _ in body]})
        if request.url.path == "/v1/triage/shortages":
            lines = [{"decision_id": f"dec-{body['wave_id']}-{number}"} for number in (1, 2)]
            return httpx.Response(200, json={"lines": lines})
        name = body["shipment_id"]
        self.calls.append(("triage", name))
        self.keys.append(request.headers["Idempotency-Key"])
        if name in self.over:
            return httpx.Response(422, json={"type": "/problems/no-decision-moment"})
        if name == "broken":
            return httpx.Response(500, json={"type": "/problems/internal"})
        return httpx.Response(200, json={"decision_id": f"dec-{name}"})


def run(tasks: list[Task], service: Service) -> Tally:
    clock = ManualClock(START)
    seen: list[int] = []

    async def wait(_seconds: float) -> None:
        clock.advance(timedelta(minutes=30))

    async def go() -> Tally:
        async with service.client() as api:
            return await play(tasks, api=api, clock=clock, on_progress=lambda done, _: seen.append(done), wait=wait)

    tally = asyncio.run(go())
    assert seen == sorted(seen)
    assert seen[-1] == len(tasks)
    return tally


class TestPlan:
    def test_asks_a_day_and_two_hours_before_the_planned_departure(self) -> None:
        leaves = START + timedelta(hours=30)
        tasks = plan([], [shipment("S1", leaves)], START, END)
        assert asked(tasks) == [
            (leaves - timedelta(hours=24), "S1", "24h_before"),
            (leaves - timedelta(hours=2), "S1", "2h_before"),
        ]

    def test_asks_nothing_before_the_shipment_is_known_or_outside_the_replay(self) -> None:
        leaves = START + timedelta(hours=30)
        late_known = shipment("S1", leaves, known_at=leaves - timedelta(hours=5))
        assert [moment for _, _, moment in asked(plan([], [late_known], START, END))] == ["2h_before"]
        assert asked(plan([], [shipment("S2", END + timedelta(hours=30))], START, END)) == []

    def test_asks_when_the_departure_becomes_known(self) -> None:
        known = START + timedelta(hours=3)
        assert asked(plan([delivery("S1", "departed", known)], [], START, END)) == [(known, "S1", "at_departure")]

    def test_a_shipment_that_becomes_known_on_the_way_is_asked_for_too(self) -> None:
        leaves = START + timedelta(hours=40)
        tasks = plan([planned(shipment("S1", leaves, known_at=START + timedelta(hours=1)))], [], START, END)
        assert [moment for _, _, moment in asked(tasks)] == ["24h_before", "2h_before"]

    def test_asks_about_an_invoice_when_it_comes_in(self) -> None:
        data = {"invoice_id": "I-1", "known_at": START.isoformat()}
        event, question = plan([(START, {"type": "freight.invoice", "id": "I-1", "data": data})], [], START, END)
        assert event.event is not None
        assert question.ask is not None
        assert (question.ask.path, question.ask.body) == ("/v1/triage/invoices", {"invoice_id": "I-1"})

    def test_asks_about_a_wave_once_an_hour_before_it_is_released(self) -> None:
        release, later = START + timedelta(hours=3), START + timedelta(hours=4)
        tasks = plan(
            [pick("W-1", "planned", START), pick("W-1", "released", release), pick("W-1", "released", later)],
            [],
            START,
            END,
        )
        (question,) = [(task.at, task.ask.path, task.ask.body) for task in tasks if task.ask is not None]
        assert question == (release - timedelta(hours=1), "/v1/triage/shortages", {"wave_id": "W-1"})

    def test_an_event_goes_before_the_question_that_it_raises(self) -> None:
        tasks = plan([delivery("S1", "departed", START)], [], START, END)
        assert [task.event is not None for task in tasks] == [True, False]


class TestPlay:
    def test_sends_events_in_order_and_asks_once_each_with_its_own_key(self) -> None:
        leaves = START + timedelta(hours=30)
        events = [delivery("S0", "delivered", START + timedelta(hours=1)), delivery("S1", "departed", leaves)]
        service = Service()
        tally = run(plan(events, [shipment("S1", leaves)], START, END), service)
        assert service.calls == [
            ("events", ["S0-delivered"]),
            ("triage", "S1"),
            ("triage", "S1"),
            ("events", ["S1-departed"]),
            ("triage", "S1"),
        ]
        assert service.keys == ["S1:24h_before", "S1:2h_before", "S1:at_departure"]
        assert (tally.asked, tally.decision_ids, tally.events["accepted"]) == ({"shipment": 3}, {"dec-S1"}, 2)
        assert len(tally.seconds) == 3

    def test_events_that_are_due_together_go_as_one_batch(self) -> None:
        at = START + timedelta(minutes=10)
        service = Service()
        run(plan([delivery(f"S{number}", "delivered", at) for number in range(5)], [], START, END), service)
        assert [len(ids) for _, ids in service.calls] == [5]

    def test_every_line_of_a_wave_counts_as_a_decision(self) -> None:
        tally = run(plan([pick("W-1", "released", START + timedelta(hours=3))], [], START, END), Service())
        assert (tally.asked, tally.decision_ids) == ({"shortage": 2}, {"dec-W-1-1", "dec-W-1-2"})
        assert tally.seconds == [], "a request about many lines says nothing of what one takes"

    def test_a_shipment_that_is_over_counts_as_such(self) -> None:
        service = Service(over=frozenset({"S1"}))
        tally = run(plan([delivery("S1", "departed", START)], [], START, END), service)
        assert (tally.over, tally.asked.total()) == (1, 0)

    def test_a_failure_of_the_service_ends_the_replay(self) -> None:
        with pytest.raises(httpx.HTTPStatusError):
            run(plan([delivery("broken", "departed", START)], [], START, END), Service())


class TestFeed:
    def test_reads_one_event_a_line_with_the_time_it_becomes_known(self, tmp_path: Path) -> None:
        path = tmp_path / "feed.jsonl"
        known, event = delivery("S1", "departed", START)
        path.write_text(json.dumps(event) + "\n")
        assert list(feed(path)) == [(known, event)]
