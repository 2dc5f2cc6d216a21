"""Events into the record log: one consumer on NATS JetStream beside `POST /v1/events`, the same events in one run."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic, perf_counter, sleep

import httpx
import pytest
from sqlalchemy import func, select

from serving.bootstrap import build
from serving.broker.handler import EventHandler
from serving.broker.metrics import ConsumerMetrics
from serving.broker.nats import NatsSource
from serving.broker.running import run_consumer
from serving.config import Settings
from serving.db.engine import create_engine_for
from serving.db.migrate import upgrade
from serving.db.tables import EventRow
from tests.benchmarks.page import write_section
from tests.serving.broker.servers import NATS_URL, nats_place, need
from tests.serving.house import CLOUD_EVENT, CLOUD_EVENTS, Json, delivery, planned
from tests.serving.worker.processes import free_port
from tests.serving.worker.stores import postgresql_store

PAGE = Path("docs/brokers.md")
SHIPMENTS, EVENTS_EACH, ROUNDS, BATCH, CONNECTIONS = 400, 9, 3, 256, 16

pytestmark = [pytest.mark.benchmark, pytest.mark.service, pytest.mark.filterwarnings("default")]


def events() -> list[Json]:
    """Return a plan for each shipment and its journey, shipment after shipment."""
    made = []
    for number in range(SHIPMENTS):
        made.append(planned(f"SH-{number}"))
        made += [delivery(f"d-{number}-{step}", "in_transit", f"SH-{number}") for step in range(EVENTS_EACH)]
    return made


def by_consumer(database: str, sent: list[Json]) -> float:
    """Return the seconds in which one consumer took all that lies in a stream on disk."""

    async def run() -> float:
        async with nats_place(on_disk=True) as place:
            await place.send(*(json.dumps(event).encode() for event in sent), headers=CLOUD_EVENT)
            source = NatsSource(NATS_URL, subject=place.subject, dead_letter=place.dead_letter)
            metrics = ConsumerMetrics(source.origin)
            stop = asyncio.Event()
            began = perf_counter()
            running = asyncio.create_task(
                run_consumer(source, EventHandler(container.events, 2**20), metrics, stop=stop)
            )
            labels = {"origin": source.origin, "outcome": "taken"}
            while metrics.registry.get_sample_value("triage_consumer_messages_total", labels) != len(sent):
                await asyncio.sleep(0.01)
            seconds = perf_counter() - began
            stop.set()
            await running
            assert await place.unacknowledged() == 0
            return seconds

    container = build(Settings(database_url=database))
    try:
        return asyncio.run(run())
    finally:
        container.engine.dispose()


def by_posts(database: str, sent: list[Json], *, connections: int = 1, batch: int = 1) -> float:
    """Return the seconds in which a service of its own process took all, one request after another on each line."""
    if batch == 1:
        bodies, headers = [json.dumps(event).encode() for event in sent], CLOUD_EVENT
    else:
        parts = [sent[start : start + batch] for start in range(0, len(sent), batch)]
        bodies, headers = [json.dumps(part).encode() for part in parts], CLOUD_EVENTS

    async def run(url: str) -> float:
        limits = httpx.Limits(max_connections=connections)
        async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:
            waiting = iter(bodies)

            async def line() -> None:
                for body in waiting:
                    (await client.post("/v1/events", content=body)).raise_for_status()

            began = perf_counter()
            await asyncio.gather(*(line() for _ in range(connections)))
            return perf_counter() - began

    with service(database) as url:
        return asyncio.run(run(url))


@contextmanager
def service(database: str) -> Iterator[str]:
    """Run `triage serve`; yield its address once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "serving", "serve", "--database", database, "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    deadline = monotonic() + 60
    try:
        while True:
            assert process.poll() is None
            assert monotonic() < deadline, "the service does not answer"
            try:
                if httpx.get(f"{url}/healthz").is_success:
                    break
            except httpx.TransportError:
                sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def kept(database: str) -> int:
    engine = create_engine_for(database)
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(EventRow)).scalar_one()
    engine.dispose()
    return found


WAYS: dict[str, Callable[[str, list[Json]], float]] = {
    "one consumer on NATS": by_consumer,
    "POST, one event each, 1 connection": by_posts,
    f"POST, one event each, {CONNECTIONS} connections": lambda url, sent: by_posts(url, sent, connections=CONNECTIONS),
    f"POST, {BATCH} events each, 1 connection": lambda url, sent: by_posts(url, sent, batch=BATCH),
}


def test_events_a_second(tmp_path: Path) -> None:
    need("NATS", 4222)
    empty = tmp_path / "empty.db"
    engine = create_engine_for(f"sqlite:///{empty}")
    upgrade(engine)
    engine.dispose()

    @contextmanager
    def sqlite() -> Iterator[str]:
        yield f"sqlite:///{shutil.copy(empty, tmp_path / 'triage.db')}"
        for file in tmp_path.glob("triage.db*"):
            file.unlink()

    @contextmanager
    def postgresql() -> Iterator[str]:
        with postgresql_store() as store:
            yield store.engine.url.render_as_string(hide_password=False)

    databases: dict[str, Callable[[], AbstractContextManager[str]]] = {"SQLite": sqlite, "PostgreSQL": postgresql}
    sent = events()
    rows = []
    for name, database in databases.items():
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way, take in WAYS.items():
                with database() as url:
                    seconds[way].append(take(url, sent))
                    assert kept(url) == len(sent)
        best = {way: min(taken) for way, taken in seconds.items()}
        ours = best["one consumer on NATS"]
        rows += [(name, way, f"{len(sent) / one:,.0f}", f"{ours / one:.2f}") for way, one in best.items()]
    write_section(
        PAGE,
        "Throughput",
        f"{len(sent):,} generated events: {SHIPMENTS} plans and {EVENTS_EACH} delivery events for each, one a message. "
        "The stream is on disk and full before the consumer starts; it shares a commit among what it has fetched "
        f"(up to {BATCH} messages) and acknowledges each message after it. The service is a process of its own, the "
        f"client another; two cores for all, database and broker included. Every commit is flushed to the disk. Best "
        f"of {ROUNDS} rounds taken in turn, all events counted afterwards. `make bench` writes this table.",
        ("database", "way", "events a second", "ratio to the consumer"),
        rows,
    )
