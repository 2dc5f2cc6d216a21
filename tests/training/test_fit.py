"""Fitting and judging on a small generated network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from features.definitions import NAMES
from features.moments import IN_TURN
from features.vocabulary import Moment
from models.delay import DelayModel
from tests.training.small import CONFIG, small_dataset, small_model
from training.about import about
from training.config import TrainingConfig
from training.dataset import Dataset
from training.errors import TooLittleDataError
from training.evaluate import judge, kept_of, summary
from training.fit import fit_delay
from training.report import write_report
from training.splits import Period

ONE_MOMENT = CONFIG.model_copy(update={"moments": (Moment.HOURS_BEFORE,)})
KNOWN = {moment.value: {"late": 0.2, "hours": 1.0, "hours_if_late": 5.0} for moment in IN_TURN}


def same(one: DelayModel, other: DelayModel) -> None:
    moment = Moment.HOURS_BEFORE
    assert one.boosters[moment].model_to_string() == other.boosters[moment].model_to_string()
    assert one.calibrations[moment] == other.calibrations[moment]


class TestFitDelay:
    def test_the_same_data_and_seed_give_the_same_model(self) -> None:
        same(fit_delay(small_dataset(), ONE_MOMENT), small_model())

    def test_labels_of_later_periods_play_no_part_in_the_trees(self) -> None:
        dataset = small_dataset()
        cases = dataset.cases.copy()
        cases.loc[cases["period"] == "test", "late"] = ~cases.loc[cases["period"] == "test", "late"]
        same(fit_delay(Dataset(cases, dataset.values, dataset.fingerprint), ONE_MOMENT), small_model())

    def test_too_few_late_cases_are_refused_with_the_count(self) -> None:
        dataset = small_dataset()
        cases = dataset.cases.assign(late=False)
        with pytest.raises(TooLittleDataError):
            fit_delay(Dataset(cases, dataset.values, dataset.fingerprint), ONE_MOMENT)


class TestLeaveOut:
    def test_no_tree_splits_on_what_is_left_out(self) -> None:
        config = TrainingConfig.model_validate(ONE_MOMENT.model_dump() | {"leave_out": ["hours_to_.*", ".*_7d"]})
        booster = fit_delay(small_dataset(), config).boosters[Moment.HOURS_BEFORE]
        used = dict(zip(booster.feature_name(), booster.feature_importance(), strict=True))
        assert sum(used.values()) > 0
        assert not any(used[NAMES[column]] for column in config.left_out)

    def test_a_pattern_that_names_no_feature_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="no feature is called 'hour'"):
            TrainingConfig.model_validate(CONFIG.model_dump() | {"leave_out": ["hour"]})


class TestJudge:
    def test_at_departure_it_beats_both_baselines(self) -> None:
        found = summary(judge(small_model(), small_dataset(), KNOWN), seed=1)["moments"]
        assert set(found) == {moment.value for moment in IN_TURN}
        moment = found["at_departure"]
        assert moment["auc"] > moment["baselines"]["carrier_lane_rate"]["auc"] > 0.5
        assert moment["baselines"]["base_rate"]["auc"] == 0.5
        assert moment["auc_interval_95"][0] < moment["auc"] < moment["auc_interval_95"][1]

    def test_expected_hours_late_beat_the_mean(self) -> None:
        dataset = small_dataset()
        known = kept_of(dataset, CONFIG)["fit_known"]
        found = summary(judge(small_model(), dataset, known), seed=1)["moments"]["at_departure"]["hours_late"]
        errors = found["root_mean_square_error"]
        assert errors["model"] < 0.97 * errors["mean"]
        low, high = found["more_late_interval_95"]
        assert low < found["mean"] - found["expected"] < high

    def test_cases_out_of_range_are_left_out_and_counted(self) -> None:
        dataset = small_dataset()
        values = dataset.values.copy()
        strange = np.flatnonzero(dataset.chosen(Period.TEST, Moment.HOURS_BEFORE))[:5]
        values[strange, NAMES.index("weight_kg")] = 1e9
        judged = judge(small_model(), Dataset(dataset.cases, values, dataset.fingerprint), KNOWN)
        assert {moment: cases.abstained for moment, cases in judged.items()} == {
            Moment.DAY_BEFORE: 0,
            Moment.HOURS_BEFORE: 5,
            Moment.AT_DEPARTURE: 0,
        }
        assert len(judged[Moment.HOURS_BEFORE].late) == dataset.chosen(Period.TEST, Moment.HOURS_BEFORE).sum() - 5

    def test_the_page_lists_carriers_lanes_and_months(self, tmp_path: Path) -> None:
        judged = judge(small_model(), small_dataset(), KNOWN)
        result = {**about(small_model(), CONFIG), **summary(judged, seed=1)}
        page = write_report(result, judged, tmp_path).read_text(encoding="utf-8")
        assert "## at_departure, by carrier" in page
        assert "| carrier | n | late | predicted | more late than predicted (95 %) | AUC (95 %) |" in page

    def test_the_page_is_a_model_card(self, tmp_path: Path) -> None:
        judged = judge(small_model(), small_dataset(), KNOWN)
        result = {**about(small_model(), CONFIG), **summary(judged, seed=1)}
        page = write_report(result, judged, tmp_path).read_text(encoding="utf-8")
        for told in ("* For: ", "* Not for: ", "* It says nothing, and why, on: ", "* Owner: tests.", "depth 3"):
            assert told in page
        assert small_model().fingerprints["features"] in page
        assert "## Expected hours late" in page
        assert (tmp_path / "report.png").exists()

    def test_shuffled_labels_leave_nothing_to_learn(self) -> None:
        dataset = small_dataset()
        rng = np.random.default_rng(2)
        shuffled = dataset.cases.assign(late=rng.permutation(dataset.cases["late"].to_numpy()))
        fooled = Dataset(shuffled, dataset.values, dataset.fingerprint)
        found = summary(judge(fit_delay(fooled, ONE_MOMENT), fooled, KNOWN), seed=1)["moments"]
        for moment in found.values():
            assert abs(moment["auc"] - 0.5) < 0.1
