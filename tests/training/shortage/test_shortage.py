from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import LineMoment
from models.errors import BundleError, FingerprintError
from models.shortage import LineRow
from models.shortage_bundle import load, save
from tests.training.shortage.small_shortage import SHORTAGE, row_of, small_lines, small_shortage
from training.errors import TooLittleDataError
from training.shortage.directions import shortage_directions
from training.shortage.evaluate import RULE, judge_shortage, summary_of
from training.shortage.fit import fit_shortage, kept_of
from training.splits import Period


class TestDataset:
    def test_all_lines_and_moments_of_an_order_stand_on_one_side(self) -> None:
        cases = small_lines().cases
        assert set(cases["moment"]) == {moment.value for moment in LineMoment}
        assert cases.groupby("order_id")["period"].nunique().max() == 1

    def test_what_is_learnt_from_was_known_before_its_period_ended(self) -> None:
        cases = small_lines().cases
        assert (cases.loc[cases["period"] == "fit", "label_known_at"] < SHORTAGE.split.fit_until).all()
        assert (cases["label_known_at"] > cases["cutoff_at"]).all()

    def test_too_few_short_lines_are_refused_in_words(self) -> None:
        dataset = small_lines()
        few = replace(dataset, cases=dataset.cases.assign(short=False))
        with pytest.raises(TooLittleDataError, match="0 of them short"):
            fit_shortage(few, SHORTAGE)


class TestModel:
    def test_it_beats_the_rule_when_the_order_comes_in(self) -> None:
        model = small_shortage()
        judged, beside = judge_shortage(model, small_lines(), kept_of(small_lines(), SHORTAGE)["fit_shares"])
        found = summary_of(judged, beside, seed=1)["moments"]
        at_order = found["at_order"]
        assert at_order["average_precision"] > at_order["baselines"][RULE]["average_precision"]
        assert at_order["ece"] < 0.03
        assert found["before_wave"]["auc"] > at_order["auc"]  # more is known by then
        assert found["before_wave"]["causes"]["named_right"] > found["before_wave"]["causes"]["most_frequent"]
        quantity = found["before_wave"]["quantity"]
        assert quantity["mean_error_units"] < quantity["mean_error_units_of_all_needed"]
        json.dumps(found)

    def test_more_free_stock_never_raises_the_risk(self) -> None:
        model, moment = small_shortage(), LineMoment.BEFORE_WAVE
        values, _, _ = small_lines().part(Period.TEST, moment)
        risks = []
        for free in (0.0, 1.0, 4.0, 20.0, 500.0):
            asked = values[:200].copy()
            asked[:, INVENTORY_NAMES.index("free")] = free
            risks.append(model.probabilities(asked, moment))
        assert (np.diff(np.stack(risks), axis=0) <= 1e-12).all()
        assert sorted(set(shortage_directions())) == [-1, 0, 1]

    @pytest.mark.parametrize("moment", LineMoment)
    def test_reasons_add_up_to_the_score(self, moment: LineMoment) -> None:
        model = small_shortage()
        for place in (2000, 2007, 2100):
            probability = model.score(row_of(place), moment).probability
            explained = model.explain(row_of(place), moment)
            assert probability == pytest.approx(1 / (1 + np.exp(-explained.log_odds)))
            parts = explained.base_log_odds + sum(reason.log_odds for reason in explained.reasons)
            assert parts == pytest.approx(explained.log_odds)

    def test_many_lines_get_what_each_gets_alone(self) -> None:
        model, moment = small_shortage(), LineMoment.AT_ORDER
        places = range(2000, 2050)
        many = model.probabilities(small_lines().values[2000:2050], moment)
        assert [model.score(row_of(place), moment).probability for place in places] == pytest.approx(many.tolist())


class TestAbstaining:
    def test_unknown_stock_is_no_score(self) -> None:
        row = row_of(2000)
        values = row.values.copy()
        values[INVENTORY_NAMES.index("on_hand")] = np.nan
        score = small_shortage().score(LineRow(values, row.news_hours), LineMoment.AT_ORDER)
        assert score.probability is None
        assert "no stock of the article is on record" in score.abstained_because[0]

    @pytest.mark.parametrize(("hours", "words"), [(73.0, "for 73 hours"), (np.nan, "nothing was ever told")])
    def test_a_place_that_has_fallen_silent_is_no_score(self, hours: float, words: str) -> None:
        score = small_shortage().score(LineRow(row_of(2000).values, hours), LineMoment.AT_ORDER)
        assert score.probability is None
        assert words in score.abstained_because[0]

    def test_a_quantity_out_of_range_is_no_score(self) -> None:
        row = row_of(2000)
        values = row.values.copy()
        values[INVENTORY_NAMES.index("needed")] = 1e7
        score = small_shortage().score(LineRow(values, row.news_hours), LineMoment.AT_ORDER)
        assert score.probability is None
        assert score.abstained_because[0].startswith("out of range: ")
        assert "10,000,000 units" in score.abstained_because[0]

    def test_many_lines_are_left_out_for_what_one_is_left_out_for(self) -> None:
        model = small_shortage()
        values = np.stack([row_of(2000).values] * 4)
        values[1, INVENTORY_NAMES.index("on_hand")] = np.nan
        hours = np.array([72.0, 1.0, 72.1, np.nan])
        alone = [
            model.score(LineRow(row, hour), LineMoment.AT_ORDER).probability is None
            for row, hour in zip(values, hours, strict=True)
        ]
        assert model.abstains(values, hours).tolist() == alone == [False, True, True, True]

    def test_a_moment_it_was_not_trained_for_is_no_score(self) -> None:
        model = replace(small_shortage(), boosters={}, calibrations={})
        score = model.score(row_of(2000), LineMoment.AT_ORDER)
        assert score.probability is None
        assert "not trained for the moment at_order" in score.abstained_because[0]


class TestBundle:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        save(small_shortage(), tmp_path / "bundle", {"config": {}})
        return tmp_path / "bundle"

    def test_it_answers_as_the_model_that_was_saved(self, folder: Path) -> None:
        loaded, training = load(folder, version="2")
        assert (loaded.version, training) == ("2", {"config": {}})
        for moment in LineMoment:
            values = small_lines().values[:100]
            assert np.array_equal(loaded.probabilities(values, moment), small_shortage().probabilities(values, moment))

    def test_another_booster_than_the_saved_one_is_refused(self, folder: Path) -> None:
        booster = folder / "at_order.txt"
        booster.write_text(booster.read_text().replace("leaf_value=", "leaf_value=0.5 ", 1))
        with pytest.raises(BundleError, match="boosters are not those that were saved"):
            load(folder, version="1")

    def test_other_features_are_refused(self, folder: Path) -> None:
        path = folder / "bundle.json"
        described = json.loads(path.read_text())
        described["fingerprints"]["features"] = "0" * 64
        path.write_text(json.dumps(described))
        with pytest.raises(FingerprintError, match="trained with features 000000000000"):
            load(folder, version="1")
