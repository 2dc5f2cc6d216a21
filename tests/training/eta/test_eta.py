"""Fitting and judging arrivals on a small generated network."""

from __future__ import annotations

import numpy as np
import pytest

from features.instants import micros_of
from features.tables import RecordTables
from features.vocabulary import Moment
from models.eta import EtaModel
from tests.training.small import small_dataset, small_eta_config, small_eta_model, small_tables
from training.dataset import Dataset
from training.errors import TooFewArrivalsError
from training.eta.baselines import lane_history, lane_quantiles
from training.eta.evaluate import JudgedArrivals, judge_arrivals, summary
from training.eta.fit import fit_eta

ONE_MOMENT = small_eta_config().model_copy(update={"moments": (Moment.HOURS_BEFORE,)})


def texts(model: EtaModel) -> list[str]:
    return [booster.model_to_string() for booster in model.boosters[Moment.HOURS_BEFORE]]


@pytest.fixture(scope="module")
def judged() -> dict[Moment, JudgedArrivals]:
    return judge_arrivals(small_eta_model(), small_dataset(), RecordTables.read(small_tables()))


class TestFitEta:
    def test_the_same_data_and_seed_give_the_same_model(self) -> None:
        again = fit_eta(small_dataset(), ONE_MOMENT)
        assert texts(again) == texts(small_eta_model())

    def test_delays_of_later_periods_play_no_part_in_the_trees(self) -> None:
        dataset = small_dataset()
        later = dataset.cases["period"] != "fit"
        cases = dataset.cases.assign(delay_hours=dataset.cases["delay_hours"].where(~later, 99.0))
        assert texts(fit_eta(Dataset(cases, dataset.values, dataset.fingerprint), ONE_MOMENT)) == texts(
            small_eta_model()
        )

    def test_too_few_arrivals_are_refused_with_the_count(self) -> None:
        dataset = small_dataset()
        few = np.flatnonzero(dataset.cases["moment"] == Moment.HOURS_BEFORE.value)[:30]
        part = Dataset(dataset.cases.iloc[few], dataset.values[few], dataset.fingerprint)
        with pytest.raises(TooFewArrivalsError, match="30 arrivals at moment 2h_before"):
            fit_eta(part, ONE_MOMENT)


class TestJudgeArrivals:
    def test_it_covers_what_it_states_and_is_worth_more_than_the_history_of_the_lane(
        self, judged: dict[Moment, JudgedArrivals]
    ) -> None:
        found = summary(judged, seed=1)
        assert set(found["moments"]) == {moment.value for moment in Moment}
        overall = found["overall"]
        assert 0.74 < overall["coverage"] < 0.86
        assert overall["coverage_interval_95"][0] < overall["coverage"] < overall["coverage_interval_95"][1]
        assert overall["interval_score_hours"] < 0.9 * overall["baselines"]["lane_history"]["interval_score_hours"]
        assert overall["coverage"] + overall["earlier"] + overall["later"] == pytest.approx(1.0)

    def test_outcomes_after_a_decision_do_not_move_its_interval(self, judged: dict[Moment, JudgedArrivals]) -> None:
        dataset = small_dataset()
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


class TestLaneQuantiles:
    def test_they_equal_those_of_the_legs_known_by_then(self) -> None:
        tables = RecordTables.read(small_tables())
        history = lane_history(tables, small_eta_config().features)
        cases = small_dataset().cases
        cases = cases[cases["period"] == "test"].iloc[::200]
        found = lane_quantiles(history, cases)
        delays = history.values[:, 0]
        for case, hours in zip(cases.itertuples(), found, strict=True):
            at = micros_of(cases.loc[[case.Index], "cutoff_at"])[0]
            seen = (history.known <= at) & (history.known > at - 90 * 86_400_000_000)
            mine = seen & (history.groups == case.lane)
            latest = np.sort(delays[mine if mine.sum() >= 20 else seen])
            n = len(latest)
            assert hours[0] == latest[max(int(np.floor((n + 1) * 0.1)), 1) - 1]
            assert hours[2] == latest[min(int(np.ceil((n + 1) * 0.9)), n) - 1]
