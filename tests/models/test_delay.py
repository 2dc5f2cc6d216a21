"""The delay model fitted on a small generated network: what it says, when it is silent, and why it says so."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from math import exp, fsum
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from features.definitions import NAMES
from features.state import FeatureRow
from features.vocabulary import Moment, Verdict
from models.delay import DelayModel
from tests.training.small import small_dataset, small_model
from training.splits import Period


@pytest.fixture(scope="module")
def model() -> DelayModel:
    return small_model()


@pytest.fixture(scope="module")
def values() -> NDArray[np.float64]:
    return small_dataset().part(Period.TEST, Moment.HOURS_BEFORE)[0][:50]


def rows(values: NDArray[np.float64]) -> list[FeatureRow]:
    return [FeatureRow(row, ()) for row in values]


def shapley(booster: lgb.Booster, row: NDArray[np.float64]) -> list[float]:
    """Return the Shapley values of a booster's trees, by summing over every order in which features become known."""
    parts = [0.0] * len(NAMES)
    for tree in booster.dump_model()["tree_info"]:
        used = sorted(features_of(tree["tree_structure"]))
        orders = list(permutations(used))
        for order in orders:
            before = expected(tree["tree_structure"], row, frozenset())
            for place, feature in enumerate(order, 1):
                after = expected(tree["tree_structure"], row, frozenset(order[:place]))
                parts[feature] += (after - before) / len(orders)
                before = after
    return parts


def features_of(node: dict[str, Any]) -> set[int]:
    if "leaf_value" in node:
        return set()
    return {node["split_feature"]} | features_of(node["left_child"]) | features_of(node["right_child"])


def expected(node: dict[str, Any], row: NDArray[np.float64], known: frozenset[int]) -> float:
    """Return what a tree says if only some features are known: the others follow the training cases."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = (expected(node[child], row, known) for child in ("left_child", "right_child"))
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        goes_left = node["default_left"] if np.isnan(value) else value <= node["threshold"]
        return left if goes_left else right
    weight = [cases_of(node[child]) for child in ("left_child", "right_child")]
    return (weight[0] * left + weight[1] * right) / sum(weight)


def cases_of(node: dict[str, Any]) -> int:
    return int(node["leaf_count"] if "leaf_value" in node else node["internal_count"])


class TestVerdict:
    def test_the_scale_runs_from_cannot_determine_to_already_past(self) -> None:
        assert [each.scale for each in Verdict] == [0, 1, 2, 3, 4]
        assert (Verdict.CANNOT_DETERMINE.scale, Verdict.ALREADY_PAST.scale) == (0, 4)


class TestScore:
    def test_one_row_equals_many_to_the_last_bit(self, model: DelayModel, values: NDArray[np.float64]) -> None:
        many = model.probabilities(values, Moment.HOURS_BEFORE)
        alone = [model.score(row, Moment.HOURS_BEFORE).probability for row in rows(values)]
        assert alone == many.tolist()

    def test_what_it_cannot_do_without_makes_it_abstain_with_the_reason(
        self, model: DelayModel, values: NDArray[np.float64]
    ) -> None:  # fmt: skip
        score = model.score(FeatureRow(values[0], ("no promise is given",)), Moment.HOURS_BEFORE)
        assert (score.probability, score.verdict) == (None, Verdict.CANNOT_DETERMINE)
        assert score.abstained_because == ("no promise is given",)

    @pytest.mark.parametrize(
        ("feature", "value", "told"),
        [
            ("weight_kg", 1e9, "out of range: weight is"),
            ("carrier_silent_hours", 1e5, "what is known of the carrier is"),
        ],
    )
    def test_what_is_out_of_range_or_out_of_date_makes_it_abstain_with_the_reason(
        self, model: DelayModel, values: NDArray[np.float64], feature: str, value: float, told: str
    ) -> None:  # fmt: skip
        row = values[0].copy()
        row[NAMES.index(feature)] = value
        score = model.score(FeatureRow(row, ()), Moment.HOURS_BEFORE)
        assert (score.probability, score.verdict) == (None, Verdict.CANNOT_DETERMINE)
        assert [reason.startswith(told) for reason in score.abstained_because] == [True]
        assert model.abstains(np.stack([row, values[0]])).tolist() == [True, False]

    def test_a_moment_it_was_not_trained_for_makes_it_abstain(
        self, model: DelayModel, values: NDArray[np.float64]
    ) -> None:  # fmt: skip
        boosters = {moment: each for moment, each in model.boosters.items() if moment is not Moment.DAY_BEFORE}
        score = replace(model, boosters=boosters).score(FeatureRow(values[0], ()), Moment.DAY_BEFORE)
        assert score.probability is None
        assert score.abstained_because == ("the model was not trained for the moment 24h_before",)

    @pytest.mark.parametrize(
        ("behind", "cannot_make_it", "hours_to_promise", "verdict"),
        [
            (1.0, 1.0, 5.0, Verdict.ON_TIME),
            (0.0, 1.0, 5.0, Verdict.BEHIND),
            (0.0, 0.0, 5.0, Verdict.CANNOT_MAKE_IT),
            (1.0, 1.0, -0.1, Verdict.ALREADY_PAST),
        ],
    )
    def test_the_verdict_follows_the_thresholds_and_the_promise(
        self, model: DelayModel, values: NDArray[np.float64], behind: float, cannot_make_it: float,
        hours_to_promise: float, verdict: Verdict,
    ) -> None:  # fmt: skip
        row = values[0].copy()
        row[NAMES.index("hours_to_promise")] = hours_to_promise
        thresholds = replace(model.thresholds, behind=behind, cannot_make_it=cannot_make_it)
        assert replace(model, thresholds=thresholds).score(FeatureRow(row, ()), Moment.HOURS_BEFORE).verdict is verdict


class TestHoursLate:
    def test_they_rise_with_the_risk(self, model: DelayModel) -> None:
        values = small_dataset().part(Period.TEST, Moment.AT_DEPARTURE)[0]
        hours, risk = model.hours_late(values, Moment.AT_DEPARTURE), model.probabilities(values, Moment.AT_DEPARTURE)
        assert (hours >= 0).all()
        assert hours[risk > 0.5].mean() > 3 * hours[risk < 0.1].mean()

    def test_less_than_what_has_passed_is_never_expected(
        self, model: DelayModel, values: NDArray[np.float64]
    ) -> None:  # fmt: skip
        late = values.copy()
        late[:, NAMES.index("hours_to_promise")] = -500.0
        assert (model.hours_late(late, Moment.HOURS_BEFORE) == 500.0).all()

    def test_a_model_that_has_not_learnt_them_says_so(
        self, model: DelayModel, values: NDArray[np.float64]
    ) -> None:  # fmt: skip
        assert np.isnan(replace(model, lateness={}).hours_late(values, Moment.HOURS_BEFORE)).all()


class TestExplain:
    def test_contributions_and_base_add_up_to_the_score(self, model: DelayModel, values: NDArray[np.float64]) -> None:
        for row in rows(values):
            told = model.explain(row, Moment.HOURS_BEFORE)
            total = told.base_log_odds + fsum(part for _, part in told.contributions)
            assert total == pytest.approx(told.log_odds, abs=1e-9)
            assert 1 / (1 + exp(-told.log_odds)) == pytest.approx(
                model.score(row, Moment.HOURS_BEFORE).probability, abs=1e-9
            )

    def test_the_reasons_add_up_too(self, model: DelayModel, values: NDArray[np.float64]) -> None:
        for row in rows(values):
            told = model.explain(row, Moment.HOURS_BEFORE)
            listed = told.base_log_odds + fsum(reason.log_odds for reason in told.reasons)
            assert listed == pytest.approx(told.log_odds, abs=1e-9)

    def test_it_equals_the_shapley_values_of_a_brute_force(
        self, model: DelayModel, values: NDArray[np.float64]
    ) -> None:  # fmt: skip
        booster, slope = model.boosters[Moment.HOURS_BEFORE], model.calibrations[Moment.HOURS_BEFORE].slope
        few = replace(model, boosters={Moment.HOURS_BEFORE: lgb.Booster(model_str=booster.model_to_string(0, 3))})
        for row in values[:3]:
            told = [part for _, part in few.explain(FeatureRow(row, ()), Moment.HOURS_BEFORE).contributions]
            expected = shapley(few.boosters[Moment.HOURS_BEFORE], row)
            assert told == pytest.approx([slope * part for part in expected], abs=1e-9)
