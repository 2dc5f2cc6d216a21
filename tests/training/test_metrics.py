from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from training.metrics import WeightedAuc, auc_interval, expected_calibration_error, lift, measures, reliability


def honest(n: int = 60_000) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes that happen as often as predicted, and the predictions."""
    rng = np.random.default_rng(8)
    probability = rng.beta(1.5, 6.0, n)
    return rng.random(n) < probability, probability


class TestMeasures:
    def test_by_hand(self) -> None:
        late = np.array([True, False, True, False])
        found = measures(late, np.array([0.9, 0.8, 0.7, 0.1]))
        assert found["auc"] == pytest.approx(3 / 4)
        assert found["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
        assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.09 + 0.01) / 4)
        assert (found["n"], found["base_rate"]) == (4, 0.5)

    def test_one_outcome_alone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="found 0 late of 3"):
            measures(np.zeros(3, dtype=bool), np.ones(3))


class TestCalibrationError:
    def test_honest_predictions_have_almost_none(self) -> None:
        assert expected_calibration_error(*honest()) < 0.006

    def test_a_shift_of_ten_points_is_seen_as_such(self) -> None:
        late, probability = honest()
        assert expected_calibration_error(late, probability + 0.1) == pytest.approx(0.1, abs=0.006)

    def test_groups_are_of_equal_size_and_rise(self) -> None:
        predicted, _, weight = reliability(*honest(1500), bins=15)
        assert np.allclose(weight, 1 / 15)
        assert (np.diff(predicted) > 0).all()


class TestLift:
    def test_a_perfect_order_finds_all_late_cases_first(self) -> None:
        late = np.array([True] * 10 + [False] * 90)
        assert lift(late, late.astype(float), np.array([0.1, 1.0])).tolist() == pytest.approx([10.0, 1.0])


class TestAucInterval:
    def test_a_draw_counts_as_with_weights_ties_too(self) -> None:
        late, probability = honest(500)
        weight = np.random.default_rng(3).integers(0, 4, 500)
        for scores in (probability, np.round(probability, 1)):
            expected = roc_auc_score(late, scores, sample_weight=weight)
            assert WeightedAuc(late, scores).at(weight) == pytest.approx(expected, abs=1e-12)

    def test_days_that_hang_together_make_it_wider(self) -> None:
        late, probability = honest(4_000)
        by_case = auc_interval(late, probability, np.arange(4_000), np.random.default_rng(1))
        by_day = auc_interval(
            np.repeat(late[:400], 10), np.repeat(probability[:400], 10), np.repeat(np.arange(400), 10),
            np.random.default_rng(1),
        )  # fmt: skip
        assert by_day[1] - by_day[0] > 1.5 * (by_case[1] - by_case[0])
        assert by_case[0] < measures(late, probability)["auc"] < by_case[1]
