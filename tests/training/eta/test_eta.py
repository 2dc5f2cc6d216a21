"""Fitting and judging arrivals on a small generated network."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.history import DAY, HOUR
from features.instants import micros, micros_of
from features.legs import Legs, Time
from features.moments import IN_TURN
from features.tables import RecordTables
from features.vocabulary import Moment
from models.eta import EtaModel, Window
from tests.training.small import small_eta_config, small_eta_dataset, small_eta_model, small_tables
from training.dataset import Dataset
from training.errors import TooFewArrivalsError
from training.eta.baselines import LaneHistory, corrected
from training.eta.evaluate import JudgedArrivals, judge_arrivals, summary
from training.eta.fit import fit_eta
from training.splits import AWAITED, Period

ONE_MOMENT = small_eta_config().model_copy(update={"moments": (Moment.HOURS_BEFORE,)})


def texts(model: EtaModel) -> list[str]:
    return [booster.model_to_string() for booster in model.boosters[Moment.HOURS_BEFORE]]


@pytest.fixture(scope="module")
def judged() -> dict[Moment, JudgedArrivals]:
    return judge_arrivals(small_eta_model(), small_eta_dataset(), RecordTables.read(small_tables()))


class TestFitEta:
    def test_the_same_data_and_seed_give_the_same_model(self) -> None:
        again = fit_eta(small_eta_dataset(), ONE_MOMENT)
        assert texts(again) == texts(small_eta_model())

    def test_delays_of_later_periods_play_no_part_in_the_trees(self) -> None:
        dataset = small_eta_dataset()
        later = dataset.cases["period"] != "fit"
        cases = dataset.cases.assign(delay_hours=dataset.cases["delay_hours"].where(~later, 99.0))
        assert texts(fit_eta(Dataset(cases, dataset.values, dataset.fingerprint), ONE_MOMENT)) == texts(
            small_eta_model()
        )

    def test_too_few_arrivals_are_refused_with_the_count(self) -> None:
        dataset = small_eta_dataset()
        few = np.flatnonzero(dataset.cases["moment"] == Moment.HOURS_BEFORE.value)[:30]
        part = Dataset(dataset.cases.iloc[few], dataset.values[few], dataset.fingerprint)
        with pytest.raises(
            TooFewArrivalsError, match="Period 'calibrate' has 0 arrivals at moment 2h_before; at least 200"
        ):
            fit_eta(part, ONE_MOMENT)


class TestJudgeArrivals:
    def test_it_covers_what_it_states_and_is_worth_more_than_the_history_of_the_lane(
        self, judged: dict[Moment, JudgedArrivals]
    ) -> None:
        found = summary(judged, seed=1)
        assert set(found["moments"]) == {moment.value for moment in IN_TURN}
        overall = found["overall"]
        assert 0.74 < overall["coverage"] < 0.86
        assert overall["coverage_interval_95"][0] < overall["coverage"] < overall["coverage_interval_95"][1]
        assert overall["interval_score_hours"] < 0.9 * overall["baselines"]["lane_history"]["interval_score_hours"]
        assert overall["coverage"] + overall["earlier"] + overall["later"] == pytest.approx(1.0)

    def test_outcomes_after_a_decision_do_not_move_its_interval(self, judged: dict[Moment, JudgedArrivals]) -> None:
        dataset = small_eta_dataset()
        cut = dataset.cases.loc[dataset.cases["period"] == "test", "cutoff_at"].median()
        after = dataset.cases["label_known_at"] > cut
        changed = dataset.cases.assign(delay_hours=dataset.cases["delay_hours"].where(~after, -50.0))
        other = judge_arrivals(
            small_eta_model(),
            Dataset(changed, dataset.values, dataset.fingerprint),
            RecordTables.read(small_tables()),
        )
        for moment, found in judged.items():
            before = (found.cases["cutoff_at"] <= cut).to_numpy()
            assert np.array_equal(found.hours[before], other[moment].hours[before])
            assert not np.array_equal(found.hours[~before], other[moment].hours[~before])

    def test_outcomes_that_were_long_awaited_count_once_they_are_known(self) -> None:
        dataset, tables = small_eta_dataset(), RecordTables.read(small_tables())
        awaited = dataset.cases["period"] == AWAITED
        known = micros_of(dataset.cases.loc[awaited, "label_known_at"])
        assert (known >= micros(small_eta_config().split.fit_until)).all()
        without = Dataset(dataset.cases[~awaited], dataset.values[~awaited.to_numpy()], dataset.fingerprint)
        one, other = (judge_arrivals(small_eta_model(), each, tables) for each in (dataset, without))
        assert any(not np.array_equal(found.hours, other[moment].hours) for moment, found in one.items())


class TestLaneHistory:
    def test_delays_are_those_of_the_legs_known_by_then(self) -> None:
        tables = RecordTables.read(small_tables())
        history = LaneHistory.of(tables, small_eta_config().features)
        cases = small_eta_dataset().cases
        cases = cases[cases["period"] == "test"].iloc[::200]
        found = history.by_promise(cases)
        told, delays = history.delays, history.delays.values[:, 0]
        for place, (at, lane) in enumerate(zip(micros_of(cases["cutoff_at"]), cases["lane"], strict=True)):
            seen = (told.known <= at) & (told.known > at - 90 * DAY)
            mine = seen & (told.groups == lane)
            latest = np.sort(delays[mine if mine.sum() >= 20 else seen])
            n = len(latest)
            assert found[place, 0] == latest[max(int(np.floor((n + 1) * 0.1)), 1) - 1]
            assert found[place, 2] == latest[min(int(np.ceil((n + 1) * 0.9)), n) - 1]

    def test_after_departure_the_transit_of_the_lane_is_added_to_the_departure(self) -> None:
        tables, dataset = RecordTables.read(small_tables()), small_eta_dataset()
        history = LaneHistory.of(tables, small_eta_config().features)
        chosen = np.flatnonzero(dataset.chosen(Period.TEST, Moment.AT_DEPARTURE))[::100]
        cases, values = dataset.cases.iloc[chosen], dataset.values[chosen]
        told, transits = history.from_departure, history.from_departure.values[:, 0]
        legs = Legs.of_tables(tables)
        times = legs.times[legs.last_rows()][pd.Index(legs.shipment_ids).get_indexer(pd.Index(cases["shipment_id"]))]
        departed = (times[:, Time.DEPARTED] - times[:, Time.PROMISED]) / HOUR  # against the promise
        asked = zip(micros_of(cases["cutoff_at"]), cases["lane"], departed, strict=True)
        found = history.by_transit(cases, values)
        for place, (at, lane, start) in enumerate(asked):
            seen = (told.known <= at) & (told.known > at - 90 * DAY)
            mine = seen & (told.groups == lane)
            latest = np.sort(transits[mine if mine.sum() >= 20 else seen])
            assert found[place, 1] == pytest.approx(start + latest[round((len(latest) + 1) * 0.5) - 1], abs=1e-9)


class TestCorrected:
    def test_a_baseline_that_is_always_an_hour_early_is_set_right(self, judged: dict[Moment, JudgedArrivals]) -> None:
        found = judged[Moment.HOURS_BEFORE]
        early = np.repeat(found.delay_hours[:, None] - 1.0, 3, axis=1)
        right = corrected(early, found.cases, found.delay_hours, Window(14, 60))
        told = ~np.isnan(right[:, 0])
        assert told.mean() > 0.5
        assert right[told] == pytest.approx(found.delay_hours[told, None].repeat(3, axis=1))
