"""One row over HTTP: this service, which computes the features as of now, beside `mlflow models serve`, the same model.

MLflow is given the features ready in the request; the service finds them itself, and may explain, decide and record
besides. Both answer in one process of their own, asked in turn, and their probabilities are the same.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

import httpx
import numpy as np
import pytest

from features.definitions import NAMES
from features.state import State
from features.tables import RecordTables
from serving.demo.processes import Processes, free_port
from tests.benchmarks.page import write_section
from tests.serving.worker.stores import postgresql_store
from training.config import TrainingConfig, load_config

PAGE = Path("docs/benchmarks.md")
CONFIG = Path(str(files("training"))) / "configs" / "demo.yaml"
NOW = datetime(2025, 2, 26, 12, tzinfo=UTC)
ROUNDS, CONNECTIONS, SECONDS = 3, 16, 4.0
DECIDED = ("`POST /v1/triage`: scored, decided, sealed on disk", "the same, in PostgreSQL")

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("default")]

Body = dict[str, Any]


class Peer:
    """Something that answers a POST about a shipment."""

    def __init__(self, name: str, url: str, body_of: Callable[[str], Body], *, once: bool = False) -> None:
        self.name, self.url, self._body_of = name, url, body_of
        self._once, self._asked = once, 0
        self.alone: list[float] = []
        self.rates: list[float] = []

    def request(self, shipment_id: str) -> tuple[bytes, dict[str, str]]:
        """Return body and headers; each request about a decision has a key of its own."""
        self._asked += 1
        headers = {"content-type": "application/json"}
        if self._once:
            headers["idempotency-key"] = f"key-{self._asked}"
        return json.dumps(self._body_of(shipment_id)).encode(), headers

    def ask(self, client: httpx.Client, shipment_id: str) -> Any:
        body, headers = self.request(shipment_id)
        answer = client.post(self.url, content=body, headers=headers)
        assert answer.is_success or answer.status_code == 422, answer.text
        return answer.json()

    def measure_alone(self, shipments: Sequence[str]) -> None:
        """One request after another on one connection: microseconds each."""
        made = [self.request(name) for name in shipments]
        with httpx.Client(timeout=60) as client:
            client.post(self.url, content=made[0][0], headers=self.request(shipments[0])[1])
            for body, headers in made:
                began = perf_counter_ns()
                client.post(self.url, content=body, headers=headers).raise_for_status()
                self.alone.append((perf_counter_ns() - began) / 1e3)

    def measure_together(self, shipments: Sequence[str]) -> None:
        """So many connections at once for some seconds: requests a second."""

        async def run() -> float:
            limits = httpx.Limits(max_connections=CONNECTIONS)
            async with httpx.AsyncClient(timeout=60, limits=limits) as client:
                done, began = 0, perf_counter()

                async def line(names: Iterator[str]) -> None:
                    nonlocal done
                    while perf_counter() - began < SECONDS:
                        body, headers = self.request(next(names))
                        (await client.post(self.url, content=body, headers=headers)).raise_for_status()
                        done += 1

                await asyncio.gather(*(line(_round(shipments, place)) for place in range(CONNECTIONS)))
                return done / (perf_counter() - began)

        self.rates.append(asyncio.run(run()))


def _round(shipments: Sequence[str], first: int) -> Iterator[str]:
    while True:
        yield shipments[first % len(shipments)]
        first += CONNECTIONS


def soon_to_leave(history: Path) -> list[str]:
    """Return the shipments that are to leave within a day of the instant."""
    stops = RecordTables.read(history).stops
    first = stops[stops["sequence"] == stops.groupby("shipment_id")["sequence"].transform("min")]
    ahead = (first["planned_at"] > NOW) & (first["planned_at"] <= NOW + timedelta(hours=24))
    return sorted(set(first.loc[ahead, "shipment_id"]))


def ready_row(state: State, shipment_id: str, as_of: datetime, moment: str) -> Body:
    """Return what MLflow's server takes: the features of a shipment in a frame of one row."""
    values = state.features(state.shipment(shipment_id, as_of), as_of).values.tolist()
    row = [None if math.isnan(value) else value for value in values]
    return {"dataframe_split": {"columns": [*NAMES, "moment"], "data": [[*row, moment]]}}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path / "logs") as started:
        yield started


@pytest.fixture
def postgresql() -> Iterator[str | None]:
    """An empty database of PostgreSQL, where it answers."""
    with ExitStack() as stack:
        try:
            store = stack.enter_context(postgresql_store())
        except pytest.skip.Exception:
            yield None
        else:
            with store.engine.begin() as connection:  # what is sealed is on disk, as with SQLite
                connection.exec_driver_sql(f"ALTER DATABASE {store.engine.url.database} SET synchronous_commit = on")
            yield store.engine.url.render_as_string(hide_password=False)


def test_one_row_over_http(tmp_path: Path, processes: Processes, postgresql: str | None) -> None:
    tracking, history = f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "data" / "replay" / "history"
    processes.run("simulate", ["training", "simulate", "--out", f"{tmp_path / 'data'}", "--replay-days", "2"])
    fit = ["--data", f"{history}", "--config", f"{CONFIG}", "--out", f"{tmp_path / 'model'}"]
    processes.run("train", ["training", "train", "delay", *fit, "--tracking-uri", tracking])
    served = ["--tracking-uri", tracking, "--history", f"{history}", "--demo", "--simulated-from", NOW.isoformat()]
    databases = {"service": f"sqlite:///{tmp_path / 'triage.db'}"}
    if postgresql is not None:
        databases["service on PostgreSQL"] = postgresql
    ports = {name: free_port() for name in databases}
    for name, database in databases.items():
        on = ["--database", database, "--port", f"{ports[name]}"]
        processes.start(name, ["serving", "serve", *on, *served])
    theirs_port = free_port()
    serve = ["mlflow", "models", "serve", "-m", "models:/delay@champion", "-p", f"{theirs_port}"]
    # MLflow starts uvicorn by name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"MLFLOW_TRACKING_URI": tracking, "PATH": path}
    processes.start("mlflow", [*serve, "--env-manager", "local"], environment)
    ours, theirs = f"http://127.0.0.1:{ports['service']}", f"http://127.0.0.1:{theirs_port}"
    for name, port in ports.items():
        processes.wait_for(name, f"http://127.0.0.1:{port}/readyz")
    processes.wait_for("mlflow", f"{theirs}/ping", seconds=180)

    state = State(load_config(CONFIG, TrainingConfig).features)
    state.add_tables(RecordTables.read(history))
    rows: dict[str, Body] = {}
    score = Peer("`POST /v1/score/delay`", f"{ours}/v1/score/delay", lambda name: {"shipment_id": name})
    mlflow = Peer("`mlflow models serve`", f"{theirs}/invocations", rows.__getitem__)
    with httpx.Client(timeout=60) as client:
        for name in soon_to_leave(history):
            said = score.ask(client, name)
            if said.get("probability") is None:
                continue  # closed already, or the model abstains: MLflow's server does not know when to be silent
            rows[name] = ready_row(state, name, datetime.fromisoformat(said["as_of"]), said["moment"])
            (answer,) = mlflow.ask(client, name)["predictions"]
            assert answer["0"] == pytest.approx(said["probability"], abs=1e-12)
    shipments = list(rows)
    assert len(shipments) > 20
    explained = Peer("the same, with its reasons", score.url, lambda name: {"shipment_id": name, "explain": True})
    decided = [
        Peer(words, f"http://127.0.0.1:{port}/v1/triage", lambda name: {"shipment_id": name}, once=True)
        for words, port in zip(DECIDED, ports.values(), strict=False)
    ]
    peers = (mlflow, score, explained, *decided)
    for _ in range(ROUNDS):
        for peer in peers:
            peer.measure_alone(shipments)
            peer.measure_together(shipments)
    write_section(PAGE, TITLE, text_for(len(shipments)), COLUMNS, [row_of(peer, mlflow) for peer in peers])


TITLE = "One row over HTTP"
COLUMNS = (
    "what is asked",
    "p50 at 1, ms",
    "p99 at 1, ms",
    "times as quick",
    f"requests/s at {CONNECTIONS}",
    "times as many",
)


def row_of(peer: Peer, theirs: Peer) -> tuple[str, ...]:
    middle, rate = float(np.median(peer.alone)), max(peer.rates)
    return (
        peer.name,
        f"{middle / 1e3:.2f}",
        f"{np.percentile(peer.alone, 99) / 1e3:.2f}",
        f"{np.median(theirs.alone) / middle:.1f}",
        f"{rate:,.0f}",
        f"{rate / max(theirs.rates):.1f}",
    )


def text_for(shipments: int) -> str:
    return (
        f"A model of {len(NAMES)} features trained on a generated network, registered in MLflow and served by both, "
        f"each in one process; {shipments} shipments that leave within a day, {ROUNDS} rounds taken in turn, client "
        "and servers on the same two cores. `mlflow models serve` is handed the features of this instant in the "
        "request; the service computes them. Both give the same probabilities. `make bench` writes this table."
    )
