"""The service tells arrivals as they were judged offline: corrected by the same outcomes, whatever came when."""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.definitions import NAMES
from features.instants import micros, micros_of
from features.legs import Legs, Time
from features.moments import IN_TURN, questions_about
from features.vocabulary import Moment
from routing.policy import Policy
from tests.serving.arrivals.conftest import FEED_FROM, FEED_UNTIL, Network, arrival, replaying, send_all, set_clock
from tests.serving.house import House, Json
from tests.training.small import small_eta_config
from training.dataset import make_dataset
from training.eta.fit import outcomes_of
from training.simulate.replay import history_until

QUESTIONS = 50
EXACTLY = timedelta(microseconds=1)
Told = list[datetime]


def instants(answer: Json) -> Told:
    return [datetime.fromisoformat(answer[name]) for name in ("early", "median", "late")]


def as_instants(network: Network, cases: pd.DataFrame, hours: np.ndarray) -> list[Told]:
    """Return delays against the promise that stood at each cutoff as instants."""
    legs = Legs.of_tables(network.tables)
    shipments = pd.Index(legs.shipment_ids).get_indexer(pd.Index(cases["shipment_id"]))
    promised = legs.times[legs.rows_at(shipments, micros_of(cases["cutoff_at"])), Time.PROMISED]
    starts = pd.to_datetime(promised, unit="us", utc=True)
    return [
        [start.to_pydatetime() + timedelta(hours=float(each)) for each in row]
        for start, row in zip(starts, hours, strict=True)
    ]


def assert_same(found: Told, expected: Told) -> None:
    assert [abs(one - other) <= EXACTLY for one, other in zip(found, expected, strict=True)] == [True] * 3


@pytest.mark.slow
class TestAtEachDecisionMoment:
    def test_every_interval_equals_the_one_that_was_judged(
        self, sqlite_url: str, late_shipments: Policy, network: Network
    ) -> None:
        cases = self._judged(network)
        known = [datetime.fromisoformat(event["data"]["known_at"]) for event in network.feed]
        sent = answered = 0
        with replaying(network, sqlite_url, late_shipments) as house:
            for case in cases.itertuples():
                cutoff = case.cutoff_at.to_pydatetime()
                until = bisect_right(known, cutoff)
                set_clock(house, cutoff)
                send_all(house, network.feed[sent:until])
                sent = until
                answer = arrival(house, shipment_id=case.shipment_id)
                assert answer["moment"] == case.moment
                if not answer["abstained_because"]:
                    assert_same(instants(answer), case.told)
                    answered += 1
        assert answered > 0.9 * len(cases) > 0.8 * QUESTIONS

    def _judged(self, network: Network) -> pd.DataFrame:
        """Return judged decisions within the feed, in order of time, with what was told offline.

        Judging knows how each delivery was corrected in the end. So those are left out during which a delivery was
        known that was corrected later: then nobody could know what judging knows.
        """
        cases = network.judged.cases.reset_index(drop=True)
        cases["told"] = as_instants(network, cases, network.judged.hours)
        within = (cases["cutoff_at"] > FEED_FROM) & (cases["cutoff_at"] <= FEED_UNTIL)
        chosen = cases[within].sort_values("cutoff_at", kind="stable")
        events = network.tables.events
        wrong = events[(events["status"] == "delivered") & events["event_id"].isin(events["corrects"].dropna())]
        since = wrong.set_index("event_id")["known_at"]
        until = events.dropna(subset="corrects").set_index("corrects")["known_at"].reindex(since.index)
        misled = [((since <= cutoff) & (cutoff < until)).any() for cutoff in chosen["cutoff_at"]]
        assert 0 < np.mean(misled) < 0.6
        chosen = chosen[~np.array(misled)]
        return chosen.iloc[:: max(1, len(chosen) // QUESTIONS)].reset_index(drop=True)


@pytest.fixture(scope="module")
def fed(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, late_shipments: Policy, network: Network
) -> Iterator[House]:
    """The service after all events of the feed, which came in no order at all, some after a first question."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("fed") / "triage.db")
    with replaying(network, f"sqlite:///{path}", late_shipments) as house:
        set_clock(house, FEED_UNTIL)
        order = np.random.default_rng(5).permutation(len(network.feed)).tolist()
        half = len(order) // 2
        send_all(house, [network.feed[number] for number in order[:half]])
        house.container.arrivals.catch_up()
        send_all(house, [network.feed[number] for number in order[half:]])
        yield house


@pytest.fixture(scope="module")
def questions(network: Network) -> pd.DataFrame:
    """A question about each open shipment at the end of the feed, with what the batch side tells from the same past."""
    known = history_until(network.tables, FEED_UNTIL)
    asked = questions_about(Legs.of_tables(network.tables))
    asked = asked[asked["moment"].isin(IN_TURN) & asked["shipment_id"].isin(known.shipments["shipment_id"])]
    asked = asked[asked["cutoff_at"].between(pd.Timestamp(FEED_FROM), pd.Timestamp(FEED_UNTIL))]
    asked = asked.sort_values("cutoff_at", kind="stable").drop_duplicates("shipment_id", keep="last")
    asked = asked.assign(cutoff_at=pd.Timestamp(FEED_UNTIL))
    promised = known.stops[known.stops["promised_at"].notna()]["shipment_id"]
    asked = asked[asked["shipment_id"].isin(promised)].head(QUESTIONS).reset_index(drop=True)
    return asked.assign(told=as_instants(network, asked, _offline(network, asked)))


def _offline(network: Network, asked: pd.DataFrame) -> np.ndarray:
    """Return the quantiles of the delay as training works them out from the tables as known at the end of the feed."""
    model, known = network.model, history_until(network.tables, FEED_UNTIL)
    folder = network.folder / "known"
    known.write(folder)
    dataset = make_dataset(folder, small_eta_config(), awaited=True)
    carriers = asked["shipment_id"].map(known.shipments.set_index("shipment_id")["carrier_id"]).to_numpy(dtype=object)
    values = build(known, asked, model.feature_settings).values
    legs = Legs.of_tables(known)
    positions = pd.Index(legs.shipment_ids).get_indexer(pd.Index(asked["shipment_id"]))
    times = legs.times[legs.rows_at(positions, np.full(len(asked), micros(FEED_UNTIL)))]
    is_over = times[:, [Time.DELIVERED_KNOWN, Time.CLOSED_KNOWN]].min(axis=1) <= micros(FEED_UNTIL)
    passed = np.where(is_over, -np.inf, -values[:, NAMES.index("hours_to_promise")])
    hours = np.full((len(asked), 3), np.nan)
    for moment in IN_TURN:
        rows = (asked["moment"] == moment.value).to_numpy()
        outcomes = model.outcomes_with(moment, outcomes_of(model, dataset, moment))
        at = np.full(rows.sum(), micros(FEED_UNTIL))
        raw = model.raw_hours(values[rows], moment)
        hours[rows] = model.hours(raw, carriers[rows], at, outcomes, passed[rows])
    assert not np.isnan(hours).any()
    return hours


class TestAtOneInstant:
    @pytest.mark.slow
    def test_corrected_deliveries_count_as_they_were_known(self, fed: House, questions: pd.DataFrame) -> None:
        assert len(questions) > 40
        for question in questions.itertuples():
            answer = arrival(fed, shipment_id=question.shipment_id, moment=question.moment)
            assert_same(instants(answer), question.told)

    @pytest.mark.slow
    def test_a_restart_changes_nothing(self, fed: House, questions: pd.DataFrame) -> None:
        with fed.another() as restarted:
            for question in questions.head(10).itertuples():
                asked = {"shipment_id": question.shipment_id, "moment": question.moment}
                assert arrival(restarted, **asked) == arrival(fed, **asked)

    def test_an_announced_shipment_given_inline_is_told_the_same(self, fed: House, questions: pd.DataFrame) -> None:
        for question in questions.head(10).itertuples():
            plan = fed.state.shipment(question.shipment_id).model_dump(mode="json", exclude_none=True)
            inline = arrival(fed, shipment=plan, moment=question.moment)
            assert inline == arrival(fed, shipment_id=question.shipment_id, moment=question.moment)

    def test_what_it_was_made_with_alone_tells_otherwise(
        self, fed: House, network: Network, questions: pd.DataFrame
    ) -> None:
        """So that the tests above would notice if the newest outcomes were left out."""
        moved = 0
        for question in questions.head(20).itertuples():
            shipment = fed.state.shipment(question.shipment_id)
            row, moment = fed.state.features(shipment, FEED_UNTIL), Moment(question.moment)
            score = network.model.score(row, moment, shipment.carrier_id, shipment.promised_at, FEED_UNTIL)
            moved += [score.early, score.median, score.late] != question.told
        assert moved >= 19  # the correction of one may come to nothing

    def test_silence_moves_it(self, fed: House, network: Network, questions: pd.DataFrame) -> None:
        """The same question hours later, with nothing told meanwhile; and not by the window of the outcomes alone."""
        left = questions[questions["moment"] == Moment.AT_DEPARTURE.value]["shipment_id"]
        plans = [fed.state.shipment(each) for each in left]
        under_way = [plan for plan in plans if fed.state.moment(plan, FEED_UNTIL) is not None]
        assert len(under_way) > 20
        times = (FEED_UNTIL, FEED_UNTIL + timedelta(hours=12))
        told, raw = [], []
        try:
            for at in times:
                set_clock(fed, at)
                answers = [arrival(fed, shipment_id=plan.shipment_id) for plan in under_way]
                told.append([None if answer["early"] is None else instants(answer) for answer in answers])
                values = np.array([fed.state.features(plan, at).values for plan in under_way])
                raw.append(network.model.raw_hours(values, Moment.AT_DEPARTURE))
        finally:
            set_clock(fed, FEED_UNTIL)
        assert np.mean([each is not None for each in told[0]]) > 0.8
        assert all(each is None or each[0] >= at for each, at in zip(told[1], [times[1]] * len(under_way), strict=True))
        assert np.mean([now != before for before, now in zip(*told, strict=True)]) > 0.9
        assert (raw[0] != raw[1]).any(axis=1).mean() > 0.5
