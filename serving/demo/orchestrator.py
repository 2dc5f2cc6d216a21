"""The demo's orchestrator: sends events as they become known and asks for a decision at each moment of a shipment."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from features.moments import HOURS_BEFORE_DEPARTURE
from features.records import Shipment
from features.vocabulary import EventStatus, EventType, Moment, SubjectType, TaskStatus
from serving.clock import Clock

_BATCH = {"content-type": "application/cloudevents-batch+json"}
_AT_MOST = 200
_BEFORE_RELEASE = timedelta(hours=1)


@dataclass(slots=True)
class Tally:
    """What the replay did."""

    events: Counter[str] = field(default_factory=Counter)
    """What became of them, by status."""
    decision_ids: set[str] = field(default_factory=set)
    asked: Counter[SubjectType] = field(default_factory=Counter)
    """Decisions that were answered, by what they are about."""
    over: int = 0
    """Shipments that were delivered or cancelled before a decision on them was asked."""
    seconds: list[float] = field(default_factory=list)
    """What each decision took that was asked for by itself, as the caller sees it."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A decision to ask for: about which kind of thing, where, with what body and under which key."""

    about: SubjectType
    path: str
    body: Mapping[str, Any]
    key: str


@dataclass(frozen=True, slots=True, order=True)
class Task:
    """One thing to do at a moment of simulated time: send an event, or ask for a decision."""

    at: datetime
    order: int
    event: Mapping[str, Any] | None = field(default=None, compare=False)
    ask: Ask | None = field(default=None, compare=False)


def feed(path: Path) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
    """Yield the events of a feed file, one CloudEvent a line, each with the time at which it becomes known."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            yield datetime.fromisoformat(event["data"]["known_at"]), event


def plan(
    events: Iterable[tuple[datetime, Mapping[str, Any]]],
    open_shipments: Iterable[Shipment],
    start: datetime,
    end: datetime,
) -> list[Task]:
    """Return all there is to do between start and end, in order of time.

    A decision is asked a day and two hours before the planned departure of each shipment, when its departure becomes
    known, about each invoice when it comes in, and about the lines of each wave an hour before it is released.
    """
    tasks: list[Task] = []
    released: set[str] = set()

    def ask(at: datetime, asked: Ask) -> None:
        if start <= at <= end:
            tasks.append(Task(at, len(tasks), ask=asked))

    def ask_before_departure(shipment: Shipment) -> None:
        for moment, hours in HOURS_BEFORE_DEPARTURE.items():
            planned = shipment.planned_departure_at
            if planned is not None and planned - timedelta(hours=hours) >= shipment.known_at:
                ask(planned - timedelta(hours=hours), _about_shipment(shipment.shipment_id, moment))

    for shipment in open_shipments:
        ask_before_departure(shipment)
    for known_at, event in events:
        tasks.append(Task(known_at, len(tasks), event))
        data = event["data"]
        if event["type"] == EventType.SHIPMENT_PLANNED:
            ask_before_departure(Shipment.model_validate(data))
        elif event["type"] == EventType.DELIVERY and data["status"] == EventStatus.DEPARTED:
            ask(known_at, _about_shipment(data["shipment_id"], Moment.AT_DEPARTURE))
        elif event["type"] == EventType.INVOICE:
            ask(known_at, _about_invoice(data["invoice_id"]))
        elif event["type"] == EventType.WAREHOUSE_TASK and data["status"] == TaskStatus.RELEASED:
            wave = data.get("wave_id")
            if wave is not None and wave not in released:
                released.add(wave)
                ask(known_at - _BEFORE_RELEASE, _about_wave(wave))
    heapq.heapify(tasks)
    return [heapq.heappop(tasks) for _ in range(len(tasks))]


def _about_shipment(shipment_id: str, moment: Moment) -> Ask:
    body = {"shipment_id": shipment_id}
    return Ask(SubjectType.SHIPMENT, "/v1/triage", body, f"{shipment_id}:{moment}")


def _about_invoice(invoice_id: str) -> Ask:
    return Ask(SubjectType.INVOICE, "/v1/triage/invoices", {"invoice_id": invoice_id}, f"invoice:{invoice_id}")


def _about_wave(wave_id: str) -> Ask:
    return Ask(SubjectType.SHORTAGE, "/v1/triage/shortages", {"wave_id": wave_id}, f"wave:{wave_id}")


async def play(
    tasks: list[Task],
    *,
    api: httpx.AsyncClient,
    clock: Clock,
    on_progress: Callable[[int, datetime], None],
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Tally:
    """Do every task when its time has come, in order; events that are due together go as one batch."""
    tally = Tally()
    done = 0
    while done < len(tasks):
        now = clock.now()
        if tasks[done].at > now:
            on_progress(done, now)
            await wait(0.02)
            continue
        batch: list[Mapping[str, Any]] = []
        while done < len(tasks) and tasks[done].at <= now and tasks[done].event is not None and len(batch) < _AT_MOST:
            batch.append(_without_known_at(tasks[done].event or {}))
            done += 1
        if batch:
            await _send(batch, api, tally)
        else:
            asked = tasks[done].ask
            if asked is not None:
                await _decide(asked, api, tally)
            done += 1
        on_progress(done, now)
    return tally


def _without_known_at(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event as a sender would send it: when it was learnt is for the receiver to say."""
    return {**event, "data": {name: value for name, value in event["data"].items() if name != "known_at"}}


async def _send(batch: list[Mapping[str, Any]], api: httpx.AsyncClient, tally: Tally) -> None:
    answer = await api.post("/v1/events", content=json.dumps(batch), headers=_BATCH)
    answer.raise_for_status()
    for result in answer.json()["results"]:
        tally.events[result["status"]] += 1


_NOTHING_LEFT = ("no-decision-moment", "nothing-to-decide", "invoice-cancelled")


async def _decide(asked: Ask, api: httpx.AsyncClient, tally: Tally) -> None:
    began = perf_counter()
    answer = await api.post(asked.path, json=asked.body, headers={"Idempotency-Key": asked.key})
    took = perf_counter() - began
    if answer.is_client_error and answer.json()["type"].endswith(_NOTHING_LEFT):
        tally.over += 1  # it was delivered or cancelled before
        return
    answer.raise_for_status()
    found = answer.json()
    if "lines" in found:
        decided = [line["decision_id"] for line in found["lines"]]
    else:
        decided = [found["decision_id"]]
        tally.seconds.append(took)
    tally.decision_ids.update(decided)
    tally.asked[asked.about] += len(decided)
