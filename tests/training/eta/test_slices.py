"""Measures and slices of intervals on cases whose coverage is known, and the page that is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.tables import RecordTables
from tests.training.small import small_eta_config, small_eta_dataset, small_eta_model, small_tables
from training.about import about
from training.eta.evaluate import judge_arrivals, summary
from training.eta.judged import JudgedArrivals, together
from training.eta.measures import interval_measures
from training.eta.report import write_report
from training.eta.slices import slices
from training.metrics import mean_interval

START = pd.Timestamp("2024-11-01T00:00:00Z")


def judged(n: int = 400) -> JudgedArrivals:
    """Return cases of which carrier A is always covered and carrier B every second time; the first half are near."""
    place = np.arange(n)
    carrier = np.where(place % 4 == 0, "B", "A").astype(object)
    cases = pd.DataFrame(
        {
            "shipment_id": [f"S{each // 2}" for each in place],
            "carrier": carrier,
            "lane": "X-Y",
            "cutoff_at": START + pd.to_timedelta(place, unit="h"),
        }
    )
    delay = np.where((carrier == "B") & (place % 8 == 0), 5.0, 0.0)
    hours = np.tile([-1.0, 0.0, 1.0], (n, 1))
    return JudgedArrivals(cases, np.where(place < n // 2, 1.0, 30.0), delay, hours, {"lane_history": 2 * hours}, 0)


class TestIntervalMeasures:
    def test_they_are_those_of_a_case_worked_by_hand(self) -> None:
        hours = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 4.0]])
        found = interval_measures(hours, np.array([3.0, 1.0]))
        assert (found["coverage"], found["earlier"], found["later"]) == (0.5, 0.0, 0.5)
        assert (found["median_width_hours"], found["mean_width_hours"]) == (3.0, 3.0)
        assert found["interval_score_hours"] == pytest.approx(((2 + 10 * 1) + 4) / 2)
        # level x shortfall, or (1 - level) x excess: 0.3, 1.0 and 0.9 of the first, 0.1, 0 and 0.3 of the second
        assert found["pinball_hours"] == pytest.approx((0.3 + 1.0 + 0.9 + 0.1 + 0.0 + 0.3) / 6)
        assert found["median_error_hours"] == pytest.approx(1.0)

    def test_the_interval_of_a_mean_is_as_wide_as_days_are_few(self) -> None:
        rng = np.random.default_rng(0)
        values = rng.random(4_000) < 0.8
        few, many = (np.arange(4_000) // (4_000 // days) for days in (10, 400))
        together_moved = np.where(few % 2 == 0, 1.0, 0.6)  # whole days are good or bad
        wide = mean_interval(together_moved, few, np.random.default_rng(1))
        narrow = mean_interval(values, many, np.random.default_rng(1))
        assert narrow[0] < values.mean() < narrow[1]
        assert wide[1] - wide[0] > 4 * (narrow[1] - narrow[0])


class TestSlices:
    def test_each_slice_has_its_own_coverage_and_width(self) -> None:
        found = slices(judged(), seed=1)
        assert [(row["name"], row["n"], row["coverage"]) for row in found["carrier"]] == [
            ("A", 300, 1.0),
            ("B", 100, 0.5),
        ]
        assert {row["width_to_lane_history"] for row in found["carrier"]} == {0.5}
        hours = [(row["name"], row["legs"]) for row in found["hours_before_arrival"]]
        assert hours == [("under 2", 100), ("24 to 48", 100)]

    def test_a_slice_of_few_legs_is_not_listed(self) -> None:
        assert slices(judged(120), seed=1)["lane"] == []

    def test_cases_of_several_moments_count_together(self) -> None:
        both = together([judged(200), judged(100)])
        assert len(both.delay_hours) == len(both.cases) == len(both.days) == 300


def test_the_report_names_every_moment_carrier_and_hour(tmp_path: Path) -> None:
    found = judge_arrivals(small_eta_model(), small_eta_dataset(), RecordTables.read(small_tables()))
    result = {**about(small_eta_model(), small_eta_config()), **summary(found, seed=1)}
    page = write_report(result, found, tmp_path).read_text()
    assert (tmp_path / "report.png").stat().st_size > 10_000
    for name in (*result["moments"], *(row["name"] for row in result["overall"]["slices"]["carrier"])):
        assert f"| {name} |" in page
    assert "## By hours before arrival" in page
    assert "* It says nothing, and why, on: " in page
    assert f"{result['overall']['coverage']:.3f}" in page
