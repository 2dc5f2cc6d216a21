"""Flat tables: what is read, what is held together, and that a table with a known truth is judged as it deserves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner

from training.cli import register
from training.config import load_config
from training.errors import ConfigError, FlatTableError
from training.flat.config import CONFIGS, Columns, FlatConfig, Together
from training.flat.fit import calibration_of
from training.flat.groups import folds_of, groups_of
from training.flat.judge import judge_flat
from training.flat.table import read_table
from training.metrics import measures

SHARES = {"slow": 0.2, "fast": 0.6}
BASE: dict[str, Any] = {
    "name": "small",
    "owner": "tests",
    "data": "generated rows",
    "outcome": "late",
    "things": "rows",
    "file": "rows.csv",
    "joins": [{"file": "modes.csv", "column": "mode_id"}],
    "label": {"column": "late", "positive": "1"},
    "columns": {"numbers": ["size", "stock"], "categories": ["mode"], "missing": {"size": -99}},
    "rules": {"stock_below_size": ["stock", "size"]},
    "trees": {"num_leaves": 7, "max_depth": 3, "learning_rate": 0.2, "min_child_samples": 20},
    "rounds": 30,
}
BY_ORDER = {
    **BASE,
    "later": {"column": "number", "fit": 0.5, "calibrate": 0.2},
    "truth": {"column": "mode", "shares": SHARES},
}


def rows(n: int = 6000) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    mode = rng.integers(0, 2, n)
    late = rng.random(n) < np.array([SHARES["slow"], SHARES["fast"]])[mode]
    size = rng.integers(0, 50, n)
    size[::10] = -99
    return pd.DataFrame(
        {"number": rng.permutation(n), "mode_id": mode, "size": size, "stock": rng.integers(0, 50, n), "late": late * 1}
    )


def written(folder: Path, frame: pd.DataFrame | None = None) -> Path:
    (rows() if frame is None else frame).to_csv(folder / "rows.csv", index=False)
    pd.DataFrame({"mode_id": [0, 1], "mode": ["slow", "fast"]}).to_csv(folder / "modes.csv", index=False)
    return folder


class TestReading:
    def test_codes_for_missing_are_nan_and_nothing_else_is_seen(self, tmp_path: Path) -> None:
        table = read_table(written(tmp_path), FlatConfig.model_validate(BY_ORDER))
        assert table.names == ("size", "stock", "mode")
        assert np.isnan(table.values[:, 0]).sum() == 600

    def test_without_takes_away_what_was_made_of_a_column_too(self, tmp_path: Path) -> None:
        columns = {**BASE["columns"], "differences": [["size", "stock"]], "ratios": [["stock", "size"]]}
        table = read_table(written(tmp_path), FlatConfig.model_validate({**BY_ORDER, "columns": columns}))
        assert table.names[3:] == ("size less stock", "stock to size")
        assert table.without(("size",)).shape[1] == 2

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"label": {"column": "late", "positive": "Yes"}}, "'late' is 'Yes' in 0 of 6000 rows; it holds"),
            ({"columns": {"numbers": ["weight"]}}, "it lacks weight; it has number, mode_id"),
            ({"columns": {"flags": ["mode"]}}, "flag 'mode' holds"),
            ({"file": "other.csv"}, "other.csv cannot be judged"),
        ],
    )
    def test_another_table_than_the_configuration_says_is_refused_in_words(
        self, tmp_path: Path, changes: dict[str, Any], words: str
    ) -> None:
        config = FlatConfig.model_validate({**BY_ORDER, "rules": {}, **changes})
        with pytest.raises(FlatTableError, match=words):
            read_table(written(tmp_path), config)

    def test_rows_drawn_at_random_are_no_way_to_judge(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(BASE))
        with pytest.raises(ConfigError, match="give `together`, `later` or both"):
            load_config(path, FlatConfig)

    @pytest.mark.parametrize("name", ["backorder", "dataco"])
    def test_what_is_shipped_is_valid(self, name: str) -> None:
        assert load_config(CONFIGS / f"{name}.yaml", FlatConfig).name == name


class TestGroups:
    FRAME = pd.DataFrame(
        {"a": [1, 1, 2, 2, 3, 9, 9, 9], "b": [5, 6, 6, 7, 8, 1, 1, 1], "stock": [0, 1, 2, 3, 4, 5, 6, 6]}
    )

    def grouped(self, *agreeing: tuple[str, ...], at_most: int = 2) -> list[int]:
        columns = Columns(numbers=("a", "b", "stock"))
        return groups_of(self.FRAME, columns, Together(agreeing=agreeing, at_most=at_most)).tolist()

    def test_rows_alike_in_one_list_or_another_hang_together_in_chains(self) -> None:
        assert self.grouped(("a",), ("b",))[:5] == [0, 0, 0, 0, 1]

    def test_what_too_many_share_tells_nothing_but_equal_rows_stay_together(self) -> None:
        assert self.grouped(("a",))[5:] == [3, 4, 4]
        assert len(set(self.grouped(("a",), at_most=3)[5:])) == 1

    def test_no_fold_parts_a_group_and_each_gets_its_share(self) -> None:
        groups = np.repeat(np.arange(2000), np.random.default_rng(1).integers(1, 6, 2000))
        fold = folds_of(groups, 5, np.random.default_rng(2))
        assert pd.Series(fold).groupby(groups).nunique().max() == 1
        assert np.bincount(fold).min() > 0.8 * len(groups) / 5


class TestCalibration:
    @pytest.mark.parametrize("kind", ["beta", "isotonic"])
    def test_scores_that_say_too_much_are_put_right(self, kind: str) -> None:
        rng = np.random.default_rng(3)
        true = rng.normal(-1.0, 1.5, 20_000)
        label = rng.random(20_000) < 1 / (1 + np.exp(-true))
        raw = 2.0 * true + 0.7
        probability = calibration_of(raw[:10_000], label[:10_000], kind)(raw[10_000:])
        assert measures(label[10_000:], 1 / (1 + np.exp(-raw[10_000:])))["ece"] > 0.08
        assert measures(label[10_000:], probability)["ece"] < 0.02
        assert (np.diff(probability[np.argsort(raw[10_000:])]) >= 0).all()


class TestJudging:
    def test_a_model_is_no_better_than_the_truth_and_finds_nothing_where_nothing_is(self, tmp_path: Path) -> None:
        result, drawn = judge_flat(written(tmp_path, rows(20_000)), FlatConfig.model_validate(BY_ORDER))
        found, truth = result["moments"]["later rows"], result["truth"]
        assert truth["model_less_truth_auc_interval_95"][0] < 0.0
        assert found["auc"] > 0.65 > found["baselines"]["stock_below_size"]["auc"]
        assert found["ece"] < 0.05
        assert truth["mean_distance_from_truth"] < 0.06
        for name, share in SHARES.items():
            inside = truth["by_category"][name]
            assert inside["truth"] == pytest.approx(share)
            assert inside["auc_interval_95"][0] < 0.5 < inside["auc_interval_95"][1]
        assert len(drawn["later rows"].late) == 6000

    def test_rows_seen_twice_do_not_flatter_when_they_stand_together(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(8)
        once = rows(600).assign(size=rng.permutation(600), stock=rng.permutation(600), late=rng.integers(0, 2, 600))
        frame = pd.concat([once, once.assign(stock=once["stock"] + 0.01), once.assign(stock=once["stock"] + 0.02)])
        folder = written(tmp_path, frame)
        trees = {"num_leaves": 63, "max_depth": 12, "learning_rate": 0.3, "min_child_samples": 1, "lambda_l2": 0.0}
        base = {**BASE, "rules": {}, "trees": trees}
        apart = {**base, "together": {"agreeing": [["number", "size", "stock"]], "at_most": 2}}
        held = {**base, "together": {"agreeing": [["size"]], "at_most": 5}}
        parted, together = (judge_flat(folder, FlatConfig.model_validate(one))[0] for one in (apart, held))
        assert parted["moments"]["all columns"]["auc"] > 0.9
        assert together["moments"]["all columns"]["auc"] < 0.6
        assert together["groups"]["groups"] == 600

    def test_the_command_prints_json_and_draws(self, tmp_path: Path) -> None:
        config = tmp_path / "small.yaml"
        config.write_text(yaml.safe_dump({**BY_ORDER, "suspects": ["size"]}))
        app = typer.Typer()
        register(app)
        told = [
            "--data",
            str(written(tmp_path)),
            "--config",
            str(config),
            "--json",
            "--report",
            str(tmp_path / "report"),
        ]
        ran = CliRunner().invoke(app, ["evaluate", "table", *told])
        assert ran.exit_code == 0, ran.output
        assert set(json.loads(ran.stdout)["moments"]) == {"later rows, all columns", "later rows, without suspects"}
        assert "the truth" in (tmp_path / "report" / "report.md").read_text()
        assert (tmp_path / "report" / "report.png").exists()
