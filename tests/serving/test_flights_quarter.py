"""The whole corridor on recorded data: a quarter's events through the API, beside the offline build of the same.

All events of the quarter are sent. A decision is asked on every tenth shipment, on every one with
`TRIAGE_REPLAY_EVERY=1`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select

from features.build import Builder
from features.instants import micros_of
from features.tables import RecordTables
from features.vocabulary import Branch
from models.registry import load_champion
from serving.app import create_app
from serving.bootstrap import Container, build
from serving.clock import ManualClock
from serving.config import Settings
from serving.db.tables import DecisionRow, EventRow, OutgoingCallRow, RejectedEventRow
from serving.decisions.verification import verify
from tests.serving.worker.processes import effects, receiver, start_worker
from training.config import TrainingConfig, load_config
from training.dataset import cases_of
from training.simulate.replay import history_until, replay_feed
from training.splits import Period

ROOT = Path(__file__).parents[2]
SOURCE = ROOT.parent / "shared" / "data" / "flights_pnw14"
CONFIG = ROOT / "training" / "configs" / "flights_pnw14.yaml"
MAPPING = ROOT / "data_samples" / "mappings" / "flights_pnw14.yaml"
QUARTER = datetime(2014, 10, 1, tzinfo=UTC)
END = datetime(2015, 1, 3, tzinfo=UTC)
EVERY = int(os.environ.get("TRIAGE_REPLAY_EVERY", "10"))
BATCH = 200
KILLS = 3
WORKER = (
    *("--timeout-seconds", "2", "--lease-seconds", "4", "--max-attempts", "500", "--breaker-threshold", "1000"),
    *("--first-wait-seconds", "0.02", "--longest-wait-seconds", "0.2", "--simulated-from", END.isoformat()),
)
CLOUD_EVENTS = {"content-type": "application/cloudevents-batch+json"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE.is_dir(), reason=f"the recorded flights are not at {SOURCE}"),
]


def triage(*arguments: object) -> None:
    command = [sys.executable, "-m", "serving", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@dataclass
class Replayed:
    """What the API answered, and what was asked of it."""

    cases: pd.DataFrame
    answers: list[Mapping[str, Any]]
    statuses: Counter[str]
    sent: int


async def replay(
    container: Container,
    clock: ManualClock,
    cases: pd.DataFrame,
    feed: list[dict[str, Any]],
    before_each: Callable[[int], None],
) -> Replayed:
    """Send every event in the order in which they became known, and ask for a decision at the cutoff of each case."""
    known = [datetime.fromisoformat(event["data"]["known_at"]) for event in feed]
    answers: list[Mapping[str, Any]] = []
    statuses: Counter[str] = Counter()
    sent = 0
    transport = httpx.ASGITransport(create_app(container))
    async with httpx.AsyncClient(transport=transport, base_url="http://triage") as api:

        async def send_until(cutoff: datetime) -> None:
            nonlocal sent
            while sent < len(feed) and known[sent] <= cutoff:
                last = sent
                while last < len(feed) and last - sent < BATCH and known[last] <= cutoff:
                    last += 1
                clock.set(known[last - 1])
                answer = await api.post("/v1/events", content=json.dumps(feed[sent:last]), headers=CLOUD_EVENTS)
                statuses.update(result["status"] for result in answer.raise_for_status().json()["results"])
                sent = last

        for number, case in enumerate(cases.itertuples()):
            before_each(number)
            cutoff = case.cutoff_at.to_pydatetime()
            await send_until(cutoff)
            clock.set(cutoff)
            key = {"Idempotency-Key": f"{case.shipment_id}:{case.moment}"}
            answer = await api.post("/v1/triage", json={"shipment_id": case.shipment_id}, headers=key)
            answers.append(answer.raise_for_status().json())
        await send_until(END)
    return Replayed(cases, answers, statuses, sent)


@dataclass
class Story:
    """The quarter as it was played, and everything it left behind."""

    replayed: Replayed
    offline: np.ndarray
    container: Container
    log: Path
    left_in_flight: list[int]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("quarter")
    tracking, data = f"sqlite:///{folder}/mlflow.db", folder / "pnw"
    triage("import", "files", "--mapping", MAPPING, "--source", SOURCE, "--out", data)
    triage("train", "delay", "--data", data, "--config", CONFIG, "--out", folder / "model", "--tracking-uri", tracking)
    tables, config = RecordTables.read(data), load_config(CONFIG, TrainingConfig)
    history_until(tables, QUARTER).write(folder / "history")

    cases = cases_of(tables, config)
    cases = cases[cases["period"] == Period.TEST.value]
    chosen = np.sort(cases["shipment_id"].unique())[::EVERY]
    cases = cases[cases["shipment_id"].isin(chosen)].reset_index(drop=True)

    model, _ = load_champion(tracking)
    builder = Builder.of_tables(tables, config.features)
    offline = np.full(len(cases), np.nan)
    for moment in config.moments:
        rows = (cases["moment"] == moment.value).to_numpy()
        of_moment = cases[rows]
        values = builder.values(builder.positions_of(of_moment["shipment_id"]), micros_of(of_moment["cutoff_at"]))
        offline[rows] = model.probabilities(values, moment)

    clock = ManualClock(QUARTER)
    database = f"sqlite:///{folder}/triage.db"
    settings = Settings(
        database_url=database,
        tracking_uri=tracking,
        history=folder / "history",
        policy=Path(__file__).parent / "flights_policy.yaml",
        trust_known_time=True,
    )
    container = build(settings, clock=clock)
    log = folder / "effects.jsonl"
    feed = list(replay_feed(tables, QUARTER, END))
    left_in_flight: list[int] = []
    with receiver(
        log, "--fail-share", "0.5", "--silent-share", "0.2", "--silence-seconds", "0.4", "--seed", "4"
    ) as url:
        workers = [start_worker(database, url, *WORKER)]

        def kill_in_the_middle(number: int) -> None:
            """Kill the worker at every quarter of the way, as soon as it has calls in flight, and start another."""
            if number < len(cases) * (1 + len(left_in_flight)) // (1 + KILLS) or len(left_in_flight) == KILLS:
                return
            if not count(container, OutgoingCallRow, OutgoingCallRow.status == "leased"):
                return
            worker = workers.pop()
            worker.kill()
            worker.communicate(timeout=10)
            assert worker.returncode == -signal.SIGKILL
            left_in_flight.append(count(container, OutgoingCallRow, OutgoingCallRow.status == "leased"))
            workers.append(start_worker(database, url, *WORKER))

        replayed = asyncio.run(replay(container, clock, cases, feed, kill_in_the_middle))
        stopped = workers.pop()
        stopped.terminate()
        stopped.communicate(timeout=30)
        last = start_worker(database, url, *WORKER, "--until-empty")
        _, errors = last.communicate(timeout=600)
        assert last.returncode == 0, errors
    return Story(replayed, offline, container, log, left_in_flight)


def count(container: Container, table: Any, *where: Any) -> int:
    with container.reads() as session:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0


class TestQuarterOfRecordedFlights:
    def test_online_scores_equal_the_offline_build(self, story: Story) -> None:
        online = np.array([answer["probability"] for answer in story.replayed.answers], dtype=float)
        assert len(online) == len(story.offline) > 100_000 / EVERY
        np.testing.assert_allclose(online, story.offline, rtol=0, atol=1e-9)

    def test_each_case_was_judged_at_its_own_moment(self, story: Story) -> None:
        assert [answer["moment"] for answer in story.replayed.answers] == story.replayed.cases["moment"].tolist()

    def test_every_event_is_kept_once_and_none_is_refused(self, story: Story) -> None:
        assert story.replayed.statuses == {"accepted": story.replayed.sent}
        assert count(story.container, EventRow) == story.replayed.sent
        assert count(story.container, RejectedEventRow) == 0

    def test_every_decision_with_a_branch_reached_the_receiver_exactly_once(self, story: Story) -> None:
        with story.container.reads() as session:
            called = select(DecisionRow.decision_id).where(DecisionRow.branch == Branch.ESCALATE.value)
            decided = Counter(session.scalars(called))
            delivered = count(story.container, OutgoingCallRow, OutgoingCallRow.status == "delivered")
        taken = Counter(effect["decision_id"] for effect in effects(story.log))
        assert taken == decided
        assert delivered == len(decided) > 5_000 / EVERY
        assert set(taken.values()) == {1}

    def test_the_worker_was_killed_in_the_middle_of_calls(self, story: Story) -> None:
        assert len(story.left_in_flight) == KILLS
        assert sum(story.left_in_flight) > 0

    def test_every_decision_is_on_record_and_the_chain_is_whole(self, story: Story) -> None:
        with story.container.reads() as session:
            found = verify(session)
        assert found.problems == ()
        assert found.decisions == len({answer["decision_id"] for answer in story.replayed.answers})
