"""The small generated network with its model of arrival, and the service fed with what became known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.tables import RecordTables
from models.eta import EtaModel
from routing.policy import Policy
from serving.clock import ManualClock
from tests.serving.house import House, Json
from tests.training.small import small_eta_dataset, small_eta_model, small_tables
from training.eta.evaluate import JudgedArrivals, judge_arrivals
from training.eta.judged import together
from training.simulate.replay import history_until, replay_feed

FEED_FROM, FEED_UNTIL = datetime(2024, 11, 21, tzinfo=UTC), datetime(2024, 11, 22, tzinfo=UTC)
BATCH = 500


@dataclass(frozen=True)
class Network:
    """Generated tables, the model fitted to their first weeks, and what it said offline of the later ones."""

    tables: RecordTables
    model: EtaModel
    judged: JudgedArrivals
    feed: list[Json]
    folder: Path


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    tables, model = RecordTables.read(small_tables()), small_eta_model()
    judged = together(judge_arrivals(model, small_eta_dataset(), tables).values())
    feed = list(replay_feed(tables, FEED_FROM, FEED_UNTIL))
    return Network(tables, model, judged, feed, tmp_path_factory.mktemp("network"))


@contextmanager
def replaying(network: Network, url: str, policy: Policy) -> Iterator[House]:
    """A service with the model of arrival and the history before the feed; it believes when senders learnt."""
    settings = network.model.feature_settings
    clock, history = ManualClock(FEED_FROM), history_until(network.tables, FEED_FROM)
    with House(
        url,
        policy,
        clock=clock,
        feature_settings=settings,
        history=history,
        eta_model=network.model,
        trust_known_time=True,
    ) as house:
        yield house


def send_all(house: House, events: Sequence[Json]) -> None:
    for first in range(0, len(events), BATCH):
        answer = house.send(*events[first : first + BATCH])
        assert answer["rejected"] == 0, answer


def set_clock(house: House, now: datetime) -> None:
    assert isinstance(house.clock, ManualClock)
    house.clock.set(now)


def arrival(house: House, **asked: object) -> Json:
    answer = house.api.post("/v1/score/eta", json=asked)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body
