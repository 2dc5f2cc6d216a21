"""Training and judging the invoice audit on a small generated set."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import exp, fsum
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner

from models.audit.bundle import load, save
from models.audit.judgement import judge
from models.audit.signs import SIGNS
from models.errors import BundleError, FingerprintError
from tests.training.invoices.small_invoices import (
    small_audit_model,
    small_config,
    small_invoice_dataset,
    small_invoices,
)
from training.about import about
from training.cli import register
from training.errors import TooFewInvoicesError, TruthError
from training.invoices.dataset import TRUTH_FILE, make_invoice_dataset, read_truth
from training.invoices.evaluate import JudgedInvoices, evaluate_invoices, judge_invoices
from training.invoices.fit import fit_invoices
from training.invoices.ranking import Ranked, at_capacity, order_of
from training.invoices.report import write_report
from training.invoices.rules import by_class, found_by_rules, judged, truth_of
from training.splits import Period


@cache
def everything() -> tuple[dict[str, Any], JudgedInvoices]:
    return judge_invoices(small_audit_model(), small_invoice_dataset(), small_config())


def measured() -> dict[str, Any]:
    return everything()[0]


class TestDataset:
    def test_periods_follow_the_arrival_and_labels_mature_within_them(self) -> None:
        dataset, split = small_invoice_dataset(), small_config().split
        arrived = np.array([bill.cutoff for bill in dataset.matrix.bills])
        assert (dataset.rows(Period.FIT) == (arrived < split.fit_until)).all()
        assert (dataset.rows(Period.TEST) == (arrived >= split.calibrate_until)).all()
        unripe = dataset.rows(Period.FIT) & ~dataset.is_labelled
        assert 0 < unripe.sum() < dataset.rows(Period.FIT).sum() / 4
        days_left = [(split.fit_until - when).total_seconds() / 86_400 for when in arrived[unripe]]
        assert max(days_left) <= small_config().label_after_days

    def test_what_is_within_the_tolerance_does_not_ask_too_much(self) -> None:
        dataset = small_invoice_dataset()
        small = (dataset.over_minor > 0) & ~dataset.asks_too_much
        assert small.any()
        assert dataset.over_minor[small].max() <= small_config().audit.over.amount_minor

    def test_truth_that_is_absent_or_lacks_a_column_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(TruthError, match="simulate-invoices"):
            read_truth(tmp_path)
        pd.DataFrame({"invoice_id": ["I"]}).to_parquet(tmp_path / TRUTH_FILE)
        with pytest.raises(TruthError, match="lacks error, overcharge_minor"):
            read_truth(tmp_path)

    def test_truth_from_reviews_needs_three_columns(self, tmp_path: Path) -> None:
        told = {"invoice_id": ["I"], "error": ["tax"], "overcharge_minor": [5]}
        pd.DataFrame(told).to_parquet(tmp_path / TRUTH_FILE)
        (row,) = read_truth(tmp_path).to_dict("records")
        assert row == {"invoice_id": "I", "error": "tax", "overcharge_minor": 5, "kind": "tax", "is_shown": True,
                       "is_novel": False}  # fmt: skip


class TestFit:
    def test_the_same_data_and_seed_give_the_same_scores(self) -> None:
        again = fit_invoices(small_invoice_dataset(), small_config())
        dataset = small_invoice_dataset()
        one, other = (model.score(dataset.matrix, dataset.audits) for model in (small_audit_model(), again))
        assert np.array_equal(one.worth, other.worth)

    def test_labels_of_the_test_period_and_unripe_ones_play_no_part(self) -> None:
        dataset = small_invoice_dataset()
        unknown = dataset.rows(Period.TEST) | ~dataset.is_labelled
        other = replace(dataset, asks_too_much=dataset.asks_too_much ^ unknown)
        found, usual = fit_invoices(other, small_config()), small_audit_model()
        assert (found.weights, found.calibration, found.missed) == (usual.weights, usual.calibration, usual.missed)

    def test_too_few_are_refused_with_the_count(self) -> None:
        dataset = small_invoice_dataset()
        few = np.where(dataset.rows(Period.CALIBRATE), "", dataset.period)
        with pytest.raises(TooFewInvoicesError, match="'calibrate' has 0 invoices"):
            fit_invoices(replace(dataset, period=few), small_config())


class TestScores:
    def test_what_is_proven_is_no_suspicion_and_takes_less_time(self) -> None:
        dataset = small_invoice_dataset()
        scores = small_audit_model().score(dataset.matrix, dataset.audits)
        proven = scores.proven_minor > 0
        assert (scores.probability[proven] == 0).all()
        assert (scores.probability[~proven] > 0).all()
        assert set(scores.minutes[proven]) == {3.0}
        assert (scores.suspected_minor <= np.maximum(dataset.facts.total_minor, 0)).all()
        assert np.allclose(scores.recoverable_minor / scores.minutes, scores.worth)

    def test_signs_name_what_is_odd(self) -> None:
        dataset, model = small_invoice_dataset(), small_audit_model()
        scores = model.score(dataset.matrix, dataset.audits)
        ids = [bill.invoice.invoice_id for bill in dataset.matrix.bills]
        again = dataset.truth[dataset.truth["kind"] == "sent_again_as_another"]["invoice_id"]
        assert len(again) > 0
        for name in again:
            row = ids.index(name)
            twin = next(sign for sign in model.signs(dataset.matrix, scores, row) if sign.name == "twin")
            assert twin.amount_minor == dataset.facts.total_minor[row]
            assert 0 < twin.p_value < 0.05
            assert twin.words == SIGNS["twin"]

    def test_base_signs_and_the_rest_add_up_to_the_suspicion(self) -> None:
        dataset, model = small_invoice_dataset(), small_audit_model()
        scores = model.score(dataset.matrix, dataset.audits)
        judged = judge(dataset.matrix, dataset.audits, model)
        listed = 0
        for row, judgement in enumerate(judged):
            found = judgement.suspicion
            assert found is not None
            if scores.proven_minor[row] == 0:
                assert 1 / (1 + exp(-found.log_odds)) == pytest.approx(found.probability, rel=1e-9)
            every = model.signs(dataset.matrix, scores, row, most=len(SIGNS)) if row < 200 else []
            if every:
                total = found.base_log_odds + fsum(sign.log_odds for sign in every)
                assert total == pytest.approx(found.log_odds, abs=1e-9)
            assert found.rest_log_odds >= -1e-9  # no sign speaks for a bill
            listed += len(found.signs)
        assert listed > 0

    def test_bounds_hold_for_right_bills(self) -> None:
        bounds = measured()["expected_line_haul"]
        assert 0.83 < bounds["covers"] < 0.97


class TestJudge:
    def test_rules_prove_what_records_show(self) -> None:
        rules = measured()["rules"]
        assert rules["recall"] > 0.93
        assert rules["precision"] > 0.9
        low, high = rules["recall_interval_95"]
        assert low <= rules["recall"] <= high
        assert rules["recall"] > rules["baselines"]["largest_component"]["recall"] + 0.3

    def test_ranking_by_worth_beats_rankings_without_a_model(self) -> None:
        review = measured()["review"]
        recovered = review["of_minutes"]["money_recovered"]
        assert set(review["baselines"]) == {
            "proven_claims_only", "unusual_only", "isolation_forest", "largest_bill", "random",
        }  # fmt: skip
        for name, found in review["baselines"].items():
            assert recovered >= found["of_minutes"]["money_recovered"], name
        assert review["all_known"]["of_minutes"]["money_recovered"] >= recovered

    def test_kinds_that_training_has_not_seen_are_told_from_right_bills(self) -> None:
        novel = measured()["unseen"]["novel"]
        assert novel["invoices"] >= 20
        assert novel["model"]["auc"] > max(0.75, novel["isolation_forest"]["auc"])

    def test_the_bound_on_what_is_missed_says_what_it_costs(self) -> None:
        missed = measured()["missed"]
        assert missed["bound"] <= missed["alpha"]
        assert 0 < missed["reviewed_share"] < 1

    def test_json_holds_all_of_it(self) -> None:
        assert json.loads(json.dumps(measured())) == measured()

    def test_the_report_shows_figures_and_picture(self, tmp_path: Path) -> None:
        result, drawn = everything()
        text = write_report({**about(small_audit_model(), small_config()), **result}, drawn, tmp_path).read_text(
            encoding="utf-8"
        )
        assert "synthetic" in text
        assert "| isolation forest |" in text
        assert (tmp_path / "report.png").stat().st_size > 10_000


class TestMeasures:
    def test_recall_and_precision_by_hand(self) -> None:
        dataset = small_invoice_dataset()
        test = dataset.rows(Period.TEST)
        truth, found = truth_of(dataset, test), found_by_rules(dataset, test)
        result = judged(truth, found, dataset.days, np.random.default_rng(1))
        assert result["recall"] == len([one for one in truth.provable if one in found]) / len(truth.provable)
        assert result["precision"] == pytest.approx(
            1 - len([one for one in found if one not in truth.any]) / len(found)
        )
        classes = by_class(truth, found)
        assert sum(one["errors"] or 0 for one in classes.values()) == len(truth.provable)
        assert sum(one["false_alarms"] or 0 for one in classes.values()) == result["false_alarms"]

    def test_capacity_is_spent_from_the_top(self) -> None:
        ranked = Ranked(
            over_minor=np.array([0, 50, 0, 100, -20]),
            is_wrong=np.array([False, True, False, True, True]),
            minutes=np.array([10.0, 5.0, 10.0, 5.0, 10.0]),
            days=np.arange(5),
            full_minutes=10.0,
        )
        found = at_capacity(ranked, order_of(np.array([1.0, 5.0, 2.0, 4.0, 3.0])), 0.2)
        assert found["of_minutes"] == {"invoices": 2, "precision": 1.0, "money_recovered": 1.0}
        assert found["of_invoices"] == {"invoices": 1, "precision": 1.0, "money_recovered": 50 / 150}


class TestBundle:
    def test_a_saved_model_scores_as_before_and_keeps_its_settings(self, tmp_path: Path) -> None:
        saved = save(small_audit_model(), tmp_path, {"config": small_config().model_dump(mode="json")})
        model, training = load(tmp_path, "3")
        dataset = small_invoice_dataset()
        one, other = (each.score(dataset.matrix, dataset.audits) for each in (saved, model))
        assert np.array_equal(one.worth, other.worth)
        assert (model.version, model.settings, model.missed) == ("3", saved.settings, saved.missed)
        assert training["config"]["owner"] == "tests"

    @pytest.mark.slow
    def test_a_loaded_model_is_judged_as_before(self, tmp_path: Path) -> None:
        save(small_audit_model(), tmp_path, {"config": small_config().model_dump(mode="json")})
        again, _ = evaluate_invoices(*load(tmp_path, "3"), small_invoices())
        assert again["same_data_as_training"]
        assert {name: again[name] for name in measured()} == measured()

    def test_a_changed_part_is_noticed(self, tmp_path: Path) -> None:
        save(small_audit_model(), tmp_path, {})
        booster = tmp_path / "line_haul.median.txt"
        changed = booster.read_text(encoding="utf-8").replace("leaf_value=", "leaf_value= ", 1)
        booster.write_text(changed, encoding="utf-8")
        with pytest.raises(BundleError, match="not those that were saved"):
            load(tmp_path, "1")

    def test_other_features_are_refused(self, tmp_path: Path) -> None:
        save(small_audit_model(), tmp_path, {})
        described = json.loads((tmp_path / "bundle.json").read_text(encoding="utf-8"))
        described["fingerprints"]["features"] = "0" * 64
        (tmp_path / "bundle.json").write_text(json.dumps(described), encoding="utf-8")
        with pytest.raises(FingerprintError, match="invoices"):
            load(tmp_path, "1")

    def test_a_folder_without_a_bundle_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="missing"):
            load(tmp_path, "1")


class TestCommands:
    @pytest.mark.slow
    def test_train_registers_a_champion_that_evaluate_judges(self, tmp_path: Path) -> None:
        config = tmp_path / "invoices.yaml"
        config.write_text(yaml.safe_dump(small_config().model_dump(mode="json")), encoding="utf-8")
        uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
        data = ["--data", str(small_invoices()), "--tracking-uri", uri]
        train = ["train", "invoices", *data, "--config", str(config), "--out", str(tmp_path / "out")]
        app = typer.Typer()
        register(app)
        trained = CliRunner().invoke(app, train)
        assert trained.exit_code == 0, trained.output
        assert (tmp_path / "out" / "report" / "report.md").exists()
        ran = CliRunner().invoke(app, ["evaluate", "invoices", *data, "--json"])
        assert ran.exit_code == 0, ran.output
        result = json.loads(ran.stdout)
        assert (result["version"], result["same_data_as_training"]) == ("1", True)
        assert result["rules"] == measured()["rules"]
        assert "synthetic" in result["data"]
        mlflow.set_tracking_uri(uri)
        registered = mlflow.pyfunc.load_model("models:/invoices@champion")
        scored = registered.predict(pd.DataFrame({"data": [str(small_invoices())]}))
        dataset = small_invoice_dataset()
        expected = small_audit_model().score(dataset.matrix, dataset.audits)
        assert scored["worth"].to_numpy() == pytest.approx(expected.worth)

    def test_without_truth_it_says_what_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(TruthError, match=TRUTH_FILE):
            make_invoice_dataset(tmp_path, small_config())
