"""The service scores as the offline build does: by id, inline, whatever the order of events, after a restart."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.moments import IN_TURN, questions_of
from features.vocabulary import Moment
from routing.policy import Policy
from serving.clock import ManualClock
from tests.serving.house import House, Json
from tests.serving.scores.conftest import FEED_FROM, FEED_UNTIL, Network, replaying

QUESTIONS = 120
BATCH = 500


def send_all(house: House, events: list[Json]) -> None:
    for first in range(0, len(events), BATCH):
        answer = house.send(*events[first : first + BATCH])
        assert answer["rejected"] == 0, answer


def set_clock(house: House, now: datetime) -> None:
    assert isinstance(house.clock, ManualClock)
    house.clock.set(now)


def score(house: House, asked: Json) -> Json:
    answer: httpx.Response = house.api.post("/v1/score/delay", json=asked)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def questions_in_turn(network: Network) -> pd.DataFrame:
    questions = questions_of(network.tables)
    return questions[questions["moment"].isin(IN_TURN)]


def offline(network: Network, questions: pd.DataFrame) -> np.ndarray:
    """Return the probabilities of the batch build, one a question."""
    values = build(network.tables, questions, network.model.feature_settings).values
    found = np.full(len(questions), np.nan)
    for moment in Moment:
        rows = (questions["moment"] == moment.value).to_numpy()
        if rows.any():
            found[rows] = network.model.probabilities(values[rows], moment)
    return found


def open_at(network: Network, instant: datetime) -> pd.DataFrame:
    """Return a question at the instant for every shipment that can be scored then."""
    cases = questions_in_turn(network)
    known = network.tables.shipments[network.tables.shipments["known_at"] <= instant]["shipment_id"]
    stops = network.tables.stops
    promised = stops[stops["promised_at"].notna()]["shipment_id"]
    cases = cases[cases["shipment_id"].isin(known) & cases["shipment_id"].isin(promised)]
    chosen = cases[cases["cutoff_at"] > pd.Timestamp(instant) - pd.Timedelta(days=2)].drop_duplicates("shipment_id")
    return chosen.assign(cutoff_at=pd.Timestamp(instant)).head(QUESTIONS).reset_index(drop=True)


@pytest.fixture(scope="module")
def fed(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, late_shipments: Policy, network: Network
) -> Iterator[House]:
    """The service after all events of the feed, which came in no order at all."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("fed") / "triage.db")
    with replaying(network, f"sqlite:///{path}", late_shipments) as house:
        set_clock(house, FEED_UNTIL)
        order = np.random.default_rng(5).permutation(len(network.feed))
        send_all(house, [network.feed[number] for number in order])
        yield house


@pytest.fixture(scope="module")
def questions(network: Network) -> pd.DataFrame:
    """A question about each of many shipments, at the end of the feed."""
    found = open_at(network, FEED_UNTIL)
    assert len(found) > 40
    return found


class TestAtEachDecisionMoment:
    def test_every_score_equals_the_batch_build(
        self, sqlite_url: str, late_shipments: Policy, network: Network
    ) -> None:
        questions = questions_in_turn(network)
        within = (questions["cutoff_at"] > FEED_FROM) & (questions["cutoff_at"] <= FEED_UNTIL)
        questions = questions[within].sort_values("cutoff_at", kind="stable")
        questions = questions.iloc[:: max(1, len(questions) // QUESTIONS)].reset_index(drop=True)
        with replaying(network, sqlite_url, late_shipments) as house:
            online = self._replayed(house, network, questions)

        scored = ~np.isnan(online)
        assert scored.sum() > 0.9 * len(questions) > 80
        expected = offline(network, questions)[scored]
        assert np.ptp(expected) > 0.05
        np.testing.assert_allclose(online[scored], expected, rtol=0, atol=1e-9)

    def _replayed(self, house: House, network: Network, questions: pd.DataFrame) -> np.ndarray:
        """Ask each question at its cutoff, after what was known by then; NaN where the model abstains."""
        feed = network.feed
        known = [datetime.fromisoformat(event["data"]["known_at"]) for event in feed]
        sent, online = 0, []
        for question in questions.itertuples():
            cutoff = question.cutoff_at.to_pydatetime()
            until = bisect_right(known, cutoff)
            set_clock(house, cutoff)
            send_all(house, feed[sent:until])
            sent = until
            answer = score(house, {"shipment_id": question.shipment_id})
            assert answer["moment"] == question.moment
            online.append(np.nan if answer["probability"] is None else answer["probability"])
        return np.array(online)


class TestAtOneInstant:
    @pytest.mark.slow
    def test_the_order_of_arrival_changes_nothing(self, fed: House, network: Network, questions: pd.DataFrame) -> None:
        online = [
            score(fed, {"shipment_id": question.shipment_id, "moment": question.moment})["probability"]
            for question in questions.itertuples()
        ]
        np.testing.assert_allclose(online, offline(network, questions), rtol=0, atol=1e-9)

    def test_a_restart_changes_nothing(self, fed: House, questions: pd.DataFrame) -> None:
        with fed.another() as restarted:
            for question in questions.head(40).itertuples():
                asked = {"shipment_id": question.shipment_id, "moment": question.moment, "explain": True}
                before, after = score(fed, asked), score(restarted, asked)
                assert after["features_digest"] == before["features_digest"]
                assert after["probability"] == pytest.approx(before["probability"], rel=0, abs=1e-12)
                assert after == before
            assert restarted.container.following.position == fed.container.following.position > 0

    def test_an_announced_shipment_given_inline_scores_the_same(self, fed: House, questions: pd.DataFrame) -> None:
        for question in questions.head(30).itertuples():
            plan = fed.state.shipment(question.shipment_id).model_dump(mode="json", exclude_none=True)
            by_id = score(fed, {"shipment_id": question.shipment_id, "moment": question.moment})
            inline = score(fed, {"shipment": plan, "moment": question.moment})
            assert inline == by_id

    def test_reasons_add_up_to_the_score(self, fed: House, questions: pd.DataFrame) -> None:
        for question in questions.head(30).itertuples():
            asked = {"shipment_id": question.shipment_id, "moment": question.moment, "explain": True}
            answer = score(fed, asked)
            log_odds = np.log(answer["probability"] / (1 - answer["probability"]))
            explained = answer["explanation"]
            listed = explained["base_log_odds"] + sum(explained["contributions"].values())
            in_words = explained["base_log_odds"] + sum(reason["log_odds"] for reason in answer["reasons"])
            assert listed == pytest.approx(log_odds, abs=1e-9)
            assert in_words == pytest.approx(log_odds, abs=1e-9)
            assert explained["log_odds"] == pytest.approx(log_odds, abs=1e-9)

    def test_a_decision_seals_the_very_score(self, fed: House, questions: pd.DataFrame) -> None:
        question = questions.iloc[0]
        asked = {"moment": question["moment"]}
        scored = score(fed, {"shipment_id": question["shipment_id"], **asked})
        decided = fed.decided(question["shipment_id"], **asked)
        sealed = fed.api.get(f"/v1/decisions/{decided['decision_id']}").json()["body"]["model"]

        assert decided["probability"] == scored["probability"]
        assert sealed["features_digest"] == scored["features_digest"]
        assert sealed["fingerprints"] == dict(fed.model.fingerprints)
