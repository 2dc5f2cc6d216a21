from __future__ import annotations

import numpy as np
import pytest

from models.calibration import Platt

RNG_SEED = 7


def overconfident(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores twice as sure as they should be, and what happened: true log-odds are half of the score, less 1."""
    rng = np.random.default_rng(RNG_SEED)
    raw = rng.normal(0.0, 2.0, n)
    truth = 1 / (1 + np.exp(-(0.5 * raw - 1.0)))
    return raw, rng.random(n) < truth


class TestFit:
    def test_it_finds_the_line_that_the_truth_follows(self) -> None:
        fitted = Platt.fit(*overconfident(40_000))
        assert fitted.slope == pytest.approx(0.5, abs=0.02)
        assert fitted.intercept == pytest.approx(-1.0, abs=0.04)

    def test_afterwards_the_mean_probability_is_the_late_share(self) -> None:
        raw, late = overconfident(5_000)
        assert Platt.fit(raw, late).probability(raw).mean() == pytest.approx(late.mean(), abs=1e-4)

    @pytest.mark.parametrize("late", [np.ones(5, dtype=bool), np.zeros(5, dtype=bool)])
    def test_one_outcome_alone_is_refused_with_what_was_found(self, late: np.ndarray) -> None:
        with pytest.raises(ValueError, match=f"found {int(late.sum())} late of 5"):
            Platt.fit(np.arange(5.0), late)


class TestFitByDays:
    def test_many_days_are_believed(self) -> None:
        raw, late = overconfident(200_000)
        fitted = Platt.fit_by_days(raw, late, np.arange(200_000) // 20)
        assert fitted.slope == pytest.approx(0.5, abs=0.03)
        assert fitted.intercept == pytest.approx(-1.0, abs=0.06)

    def test_the_fewer_days_the_nearer_it_stays_to_no_calibration(self) -> None:
        raw, late = overconfident(4_000)
        slopes = [Platt.fit_by_days(raw, late, np.arange(4_000) // (4_000 // days)).slope for days in (4_000, 100, 8)]
        free = Platt.fit(raw, late).slope
        assert free < slopes[0] < 1.0
        # Cases of one day that share its luck tell less than as many of their own.
        rng = np.random.default_rng(1)
        luck = rng.normal(0.0, 1.0, 8)[np.arange(4_000) // 500]
        lucky = rng.random(4_000) < 1 / (1 + np.exp(-(raw + luck)))
        by_day = Platt.fit_by_days(raw, lucky, np.arange(4_000) // 500)
        alone = Platt.fit_by_days(raw, lucky, np.arange(4_000))
        assert abs(by_day.log_odds(np.zeros(1))[0]) < 0.5 * abs(alone.log_odds(np.zeros(1))[0])

    def test_what_is_calibrated_stays_as_it_is(self) -> None:
        rng = np.random.default_rng(2)
        raw = rng.normal(-2.0, 1.0, 50_000)
        late = rng.random(50_000) < 1 / (1 + np.exp(-raw))
        fitted = Platt.fit_by_days(raw, late, np.arange(50_000) // 500)
        assert fitted.slope == pytest.approx(1.0, abs=0.03)
        assert fitted.intercept == pytest.approx(0.0, abs=0.08)

    def test_one_outcome_alone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="found 0 late of 5"):
            Platt.fit_by_days(np.arange(5.0), np.zeros(5, dtype=bool), np.arange(5))


class TestProbability:
    def test_it_keeps_the_order_of_the_scores(self) -> None:
        raw = np.linspace(-5, 5, 101)
        assert (np.diff(Platt(0.7, -0.3).probability(raw)) > 0).all()

    def test_the_most_extreme_scores_neither_overflow_nor_leave_the_unit_interval(self) -> None:
        with np.errstate(all="raise", under="ignore"):
            found = Platt(1.0, 0.0).probability(np.array([-1e4, 0.0, 1e4]))
        assert found.tolist() == [0.0, 0.5, 1.0]

    def test_it_is_the_logistic_of_the_log_odds(self) -> None:
        fitted, raw = Platt(0.8, 0.2), np.array([-2.0, 0.3, 1.7])
        assert fitted.probability(raw) == pytest.approx(1 / (1 + np.exp(-fitted.log_odds(raw))))
