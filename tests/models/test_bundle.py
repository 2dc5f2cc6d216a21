from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from features.moments import IN_TURN
from models.bundle import load, save
from models.errors import BundleError, FingerprintError
from tests.training.small import small_dataset, small_model
from training.splits import Period

TRAINING = {"fit_known": {"2h_before": {"late": 0.2}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(small_model(), tmp_path / "bundle", TRAINING)
    return tmp_path / "bundle"


def edited(folder: Path, **changes: object) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


class TestLoad:
    def test_it_answers_as_the_model_that_was_saved(self, folder: Path) -> None:
        loaded, training = load(folder, version="3")
        assert (loaded.version, training) == ("3", TRAINING)
        for moment in IN_TURN:
            values, _, _ = small_dataset().part(Period.TEST, moment)
            assert np.array_equal(loaded.probabilities(values, moment), small_model().probabilities(values, moment))
            assert np.array_equal(loaded.hours_late(values, moment), small_model().hours_late(values, moment))

    def test_it_abstains_where_the_model_that_was_saved_did(self, folder: Path) -> None:
        loaded, _ = load(folder, version="3")
        assert loaded.learnt == small_model().learnt
        assert loaded.learnt.ranges

    def test_another_booster_than_the_saved_one_is_refused(self, folder: Path) -> None:
        booster = folder / "2h_before.txt"
        booster.write_text(booster.read_text().replace("leaf_value=", "leaf_value=0.5 ", 1))
        with pytest.raises(BundleError, match="not those that were saved"):
            load(folder, version="3")

    def test_a_missing_booster_is_refused(self, folder: Path) -> None:
        (folder / "2h_before.txt").unlink()
        with pytest.raises(BundleError, match="missing or unreadable"):
            load(folder, version="3")

    def test_another_format_is_refused(self, folder: Path) -> None:
        edited(folder, format=99)
        with pytest.raises(BundleError, match="its format is 99, expected 2"):
            load(folder, version="3")

    def test_other_features_are_refused_with_what_to_do(self, folder: Path) -> None:
        edited(folder, feature_settings={"late_after_minutes": 77})
        with pytest.raises(FingerprintError, match="Train it again with this version"):
            load(folder, version="3")

    def test_a_changed_calibration_is_refused(self, folder: Path) -> None:
        edited(folder, moments={moment.value: {"slope": 1.0, "intercept": 0.0} for moment in IN_TURN})
        with pytest.raises(BundleError, match=r"bundle\.json was changed after it was saved"):
            load(folder, version="3")
