"""The model of arrival fitted on a small generated network: what it says, when it is silent, and how it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.instants import micros
from features.moments import IN_TURN
from features.state import FeatureRow
from features.vocabulary import Moment
from models.errors import BundleError
from models.eta import EtaModel, residuals
from models.eta_bundle import load, save
from tests.training.small import small_eta_dataset, small_eta_model
from training.splits import Period

AS_OF = datetime(2024, 11, 16, tzinfo=UTC)
PROMISED = datetime(2024, 11, 17, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def model() -> EtaModel:
    return small_eta_model()


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return small_eta_dataset().values[small_eta_dataset().chosen(Period.TEST, Moment.HOURS_BEFORE)][:30]


class TestHours:
    def test_quantiles_rise(self, model: EtaModel, values: np.ndarray) -> None:
        raw = model.raw_hours(values, Moment.HOURS_BEFORE)
        carriers = np.full(len(values), "VELO", dtype=object)
        hours = model.hours(raw, carriers, np.full(len(values), micros(AS_OF)), model.outcomes[Moment.HOURS_BEFORE])
        assert (np.diff(raw, axis=1) >= 0).all()
        assert (np.diff(hours, axis=1) >= 0).all()

    def test_residuals_count_in_widths_of_the_interval(self) -> None:
        raw = np.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
        found = residuals(raw, np.array([2.0, 0.05]))
        assert found == pytest.approx(np.array([[1.5, 1.0, 0.5], [1.0, 1.0, 1.0]]))


class TestScore:
    def test_one_row_is_what_the_batch_says_as_instants(self, model: EtaModel, values: np.ndarray) -> None:
        moment = Moment.HOURS_BEFORE
        carriers = np.full(len(values), "VELO", dtype=object)
        hours = model.hours(
            model.raw_hours(values, moment), carriers, np.full(len(values), micros(AS_OF)), model.outcomes[moment]
        )
        for row, expected in zip(values, hours, strict=True):
            score = model.score(FeatureRow(row, ()), moment, "VELO", PROMISED, AS_OF)
            assert (score.early, score.median, score.late) == tuple(PROMISED + timedelta(hours=h) for h in expected)

    @pytest.mark.parametrize(
        ("missing", "promised", "as_of", "reason"),
        [
            (("carrier X has no history",), PROMISED, AS_OF, "carrier X has no history"),
            ((), None, AS_OF, "no promise is given"),
            ((), PROMISED, AS_OF + timedelta(days=90), "fewer than 60 outcomes are known of the last 14 days"),
        ],
    )
    def test_it_abstains_with_the_reason(
        self, model: EtaModel, values: np.ndarray, missing: tuple[str, ...], promised: datetime | None,
        as_of: datetime, reason: str,
    ) -> None:  # fmt: skip
        score = model.score(FeatureRow(values[0], missing), Moment.HOURS_BEFORE, "VELO", promised, as_of)
        assert (score.early, score.median, score.late, score.abstained_because) == (None, None, None, (reason,))

    def test_a_moment_it_was_not_trained_for_makes_it_abstain(self, model: EtaModel, values: np.ndarray) -> None:
        score = replace(model, boosters={}).score(
            FeatureRow(values[0], ()), Moment.HOURS_BEFORE, "VELO", PROMISED, AS_OF
        )
        assert score.abstained_because == ("the model was not trained for the moment 2h_before",)


class TestBundle:
    @pytest.fixture
    def folder(self, model: EtaModel, tmp_path: Path) -> Path:
        save(model, tmp_path / "bundle", {"config": {}})
        return tmp_path / "bundle"

    def test_it_answers_as_the_model_that_was_saved(self, model: EtaModel, folder: Path, values: np.ndarray) -> None:
        loaded, training = load(folder, version="4")
        assert (loaded.version, training, loaded.window) == ("4", {"config": {}}, model.window)
        for moment in IN_TURN:
            assert np.array_equal(loaded.raw_hours(values, moment), model.raw_hours(values, moment))
            one, other = (
                each.score(FeatureRow(values[0], ()), moment, "VELO", PROMISED, AS_OF) for each in (loaded, model)
            )
            assert one == other

    @pytest.mark.parametrize("part", ["2h_before.q10.txt", "2h_before.outcomes.npz"])
    def test_a_changed_or_missing_part_is_refused(self, folder: Path, part: str) -> None:
        (folder / part).write_bytes((folder / part).read_bytes() + b"\n")
        with pytest.raises(BundleError, match="not those that were saved"):
            load(folder, version="4")
        (folder / part).unlink()
        with pytest.raises(BundleError, match="missing or unreadable"):
            load(folder, version="4")
