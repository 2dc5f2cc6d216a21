"""The model of arrival fitted on a small generated network: what it says, when it is silent, and how it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path

import numpy as np
import pytest

from features.definitions import NAMES
from features.instants import micros
from features.moments import IN_TURN
from features.state import FeatureRow
from features.vocabulary import Moment
from models.conformal import ranks_of
from models.errors import BundleError
from models.eta import LEAST_LATER, LEVELS, EtaModel, residuals
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

    def test_what_is_out_of_range_makes_it_abstain_with_the_reason(self, model: EtaModel, values: np.ndarray) -> None:
        row = values[0].copy()
        row[NAMES.index("weight_kg")] = 1e9
        score = model.score(FeatureRow(row, ()), Moment.HOURS_BEFORE, "VELO", PROMISED, AS_OF)
        assert score.median is None
        assert [reason.startswith("out of range: weight is") for reason in score.abstained_because] == [True]

    def test_a_moment_it_was_not_trained_for_makes_it_abstain(self, model: EtaModel, values: np.ndarray) -> None:
        score = replace(model, boosters={}).score(
            FeatureRow(values[0], ()), Moment.HOURS_BEFORE, "VELO", PROMISED, AS_OF
        )
        assert score.abstained_because == ("the model was not trained for the moment 2h_before",)


class TestSilence:
    """One that has not come by now is told by those that came later than now."""

    def test_as_long_as_every_instant_lies_ahead_nothing_changes(self, model: EtaModel, values: np.ndarray) -> None:
        raw, asked = model.raw_hours(values, Moment.HOURS_BEFORE), np.full(len(values), micros(AS_OF))
        known, carriers = model.outcomes[Moment.HOURS_BEFORE], np.full(len(values), "VELO", dtype=object)
        usual = model.hours(raw, carriers, asked, known)
        assert np.array_equal(model.hours(raw, carriers, asked, known, usual[:, 0]), usual)
        later = model.hours(raw, carriers, asked, known, usual[:, 1])
        assert np.array_equal(later, np.column_stack([usual[:, 1], usual[:, 1:]]))  # only the first was past

    def test_nothing_that_is_past_is_told_and_the_later_it_is_the_longer_it_takes(
        self, model: EtaModel, values: np.ndarray
    ) -> None:
        promised, before = AS_OF, None
        for hours in range(0, 40, 4):
            score = model.score(
                FeatureRow(values[0], ()), Moment.HOURS_BEFORE, "VELO", promised, AS_OF + timedelta(hours=hours)
            )
            if score.early is None:
                assert score.abstained_because[0].startswith("it is overdue, and fewer than 9 such shipments")
                break
            assert AS_OF + timedelta(hours=hours) <= score.early <= score.median <= score.late
            assert before is None or before <= score.median
            before = score.median
        assert before is not None

    def test_they_are_the_quantiles_of_the_outcomes_that_came_still_later(
        self, model: EtaModel, values: np.ndarray
    ) -> None:
        moment, passed = Moment.HOURS_BEFORE, 1.0
        raw = model.raw_hours(values[:1], moment)
        width = max(raw[0, 2] - raw[0, 0], 0.05)
        known = model.outcomes[moment]
        seen = (known.known > micros(AS_OF - timedelta(days=14))) & (known.known <= micros(AS_OF))
        came = np.sort(raw[0, 1] + known.values[seen, 1] * width)
        later = came[came > passed]
        assert len(later) >= LEAST_LATER
        nobody = np.array(["nobody"], dtype=object)
        found = model.hours(raw, nobody, np.array([micros(AS_OF)]), known, np.array([passed]))[0]
        expected = [later[place] for place in ranks_of(LEVELS, len(later))]
        assert found == pytest.approx(expected)

    def test_one_that_is_known_to_have_come_is_told_as_if_asked_before(
        self, model: EtaModel, values: np.ndarray
    ) -> None:
        moment, late = Moment.HOURS_BEFORE, AS_OF + timedelta(hours=6)
        one = model.score(FeatureRow(values[0], ()), moment, "VELO", AS_OF, late, is_awaited=False)
        assert one.early is not None
        assert one.early < late


class TestExplain:
    @pytest.mark.parametrize("hours", [-36.0, 0.5])
    def test_all_parts_add_up_to_the_middle(self, model: EtaModel, values: np.ndarray, hours: float) -> None:
        as_of, answered = PROMISED + timedelta(hours=hours), 0
        for moment in IN_TURN:
            for row in values:
                asked = (FeatureRow(row, ()), moment, "VELO", PROMISED, as_of)
                told, score = model.explain(*asked), model.score(*asked)
                if score.median is None:
                    continue
                answered += 1
                median = (score.median - PROMISED) / timedelta(hours=1)
                parts = fsum(part for _, part in told.contributions)
                assert told.base_hours + parts + told.correction_hours == pytest.approx(median, abs=1e-6)
                assert told.base_hours + fsum(each.hours for each in told.reasons) == pytest.approx(median, abs=1e-6)
                assert told.hours == pytest.approx(median, abs=1e-6)
        assert answered > len(values)

    def test_reasons_say_which_way_and_the_last_what_the_newest_outcomes_add(
        self, model: EtaModel, values: np.ndarray
    ) -> None:
        told = model.explain(FeatureRow(values[0], ()), Moment.HOURS_BEFORE, "VELO", PROMISED, AS_OF)
        for each in told.reasons:
            assert each.words.endswith("(makes it later)" if each.hours > 0 else "(makes it earlier)")
        assert told.reasons[-1].words.startswith("What came of such shipments lately")
        assert told.reasons[-1].hours == told.correction_hours


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
