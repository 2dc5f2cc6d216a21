"""The search stays inside the fit period, goes on where it stood, and its gain is measured on days it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.vocabulary import Moment
from tests.training.shortage.small_shortage import SHORTAGE as LINES
from tests.training.shortage.small_shortage import small_lines
from tests.training.small import CONFIG, small_dataset, small_eta_config, small_eta_dataset
from training.config import TrainingConfig, Trees
from training.dataset import Dataset
from training.errors import NothingToTuneOnError, TooLittleDataError
from training.flat.config import FlatConfig
from training.flat.table import FlatTable
from training.splits import Period
from training.tuning.gain import gain
from training.tuning.losses import Losses, log_losses, mean_loss, pinball_losses, row_losses, short_losses
from training.tuning.search import CaseSearch, Limits, RowSearch, every_nth

FAST = CONFIG.model_copy(update={"moments": (Moment.AT_DEPARTURE,)})


def fit_cases(dataset: Dataset) -> Dataset:
    """Return what `make_dataset` gives for the fit period alone."""
    return dataset.only(Period.FIT)


def table_of_rows() -> FlatTable:
    """Return 2,000 rows numbered at random, every tenth seen twice, of which the smaller are late more often."""
    rng = np.random.default_rng(3)
    size = np.round(rng.random(1800), 6)
    frame = pd.DataFrame({"number": rng.permutation(2000), "size": np.concatenate([size, size[:200]])})
    label = rng.random(2000) < 0.8 - 0.6 * frame["size"].to_numpy()
    return FlatTable(frame, frame[["size"]].to_numpy(), ("size",), label, None)


def row_config(**told: Any) -> FlatConfig:
    given = dict.fromkeys(("name", "owner", "data", "outcome", "things", "file"), "rows")
    return FlatConfig.model_validate(
        {
            **given,
            "label": {"column": "late", "positive": "1"},
            "columns": {"numbers": ["size"]},
            "later": {"column": "number", "fit": 0.6, "calibrate": 0.2},
            "together": {"agreeing": []},
            "rounds": 20,
            "trees": {"num_leaves": 4, "max_depth": 2, "min_child_samples": 20},
            **told,
        }
    )


def bowl(_: Dataset, config: TrainingConfig) -> Mapping[Moment, Losses]:
    """Lose the less the nearer the rate of learning is to 0.1, on each of twenty days alike."""
    loss = (np.log(config.trees.learning_rate) - np.log(0.1)) ** 2
    return {Moment.AT_DEPARTURE: Losses(np.full(200, loss), np.arange(200) // 10)}


def flat(_: Dataset, config: TrainingConfig) -> Mapping[Moment, Losses]:
    """Lose by chance alone, whatever the trees."""
    rng = np.random.default_rng(int(config.trees.learning_rate * 1e9))
    return {Moment.AT_DEPARTURE: Losses(rng.normal(1.0, 1.0, 2000), np.arange(2000) // 100)}


class TestSearch:
    def test_it_finds_what_loses_less_and_says_by_how_much(self, tmp_path: Path) -> None:
        slow = FAST.model_copy(update={"trees": Trees(learning_rate=0.011)})
        found = CaseSearch(fit_cases(small_dataset()), slow, bowl, Limits()).run(tmp_path / "study.db", trials=15)
        assert found.trials == 15
        assert 0.06 < found.trees.learning_rate < 0.16
        assert found.gain.is_beyond_chance
        assert found.gain.value == pytest.approx(found.compared[1] - found.compared[0])

    def test_luck_on_the_days_searched_is_no_gain_on_others(self, tmp_path: Path) -> None:
        found = CaseSearch(fit_cases(small_dataset()), FAST, flat, Limits()).run(tmp_path / "study.db", trials=15)
        assert found.searched[0] < found.searched[1]
        assert found.gain.low < 0.0 < found.gain.high

    def test_it_goes_on_where_it_stood_and_not_with_other_limits(self, tmp_path: Path) -> None:
        search = CaseSearch(fit_cases(small_dataset()), FAST, bowl, Limits())
        asked: list[int] = []
        search.run(tmp_path / "study.db", trials=5, progress=lambda done, _: asked.append(done))
        search.run(tmp_path / "study.db", trials=8, progress=lambda done, _: asked.append(done))
        assert asked == [0, 1, 2, 3, 4, 5, 5, 6, 7, 8]
        assert (
            search.study_name
            == replace(search, config=search.with_trees(CONFIG.trees.model_copy(update={"num_leaves": 9}))).study_name
        )
        other = FAST.features.model_copy(update={"late_after_minutes": 33})
        for change in ({"config": FAST.model_copy(update={"features": other})}, {"dataset": small_dataset()}):
            assert search.study_name != replace(search, **change).study_name
        deeper = replace(search, limits=Limits(31, 6))
        assert deeper.run(tmp_path / "study.db", trials=2).trials == 2

    def test_the_same_seed_finds_the_same(self, tmp_path: Path) -> None:
        search = CaseSearch(fit_cases(small_dataset()), FAST, bowl, Limits())
        one, two = (search.run(tmp_path / name, trials=4) for name in ("one.db", "two.db"))
        assert one == two

    def test_no_tree_is_larger_than_the_limits(self, tmp_path: Path) -> None:
        seen: list[Trees] = []

        def noting(dataset: Dataset, config: TrainingConfig) -> Mapping[Moment, Losses]:
            seen.append(config.trees)
            return bowl(dataset, config)

        large = FAST.model_copy(update={"trees": Trees(num_leaves=63, max_depth=9)})
        CaseSearch(fit_cases(small_dataset()), large, noting, Limits(7, 3)).run(tmp_path / "study.db", trials=6)
        tried = seen[:6]
        assert (tried[0].num_leaves, tried[0].max_depth) == (7, 3)  # the configuration's own, cut to the limits
        assert all(trees.num_leaves <= 7 and trees.max_depth <= 3 for trees in tried)

    def test_all_its_parts_lie_before_the_end_of_the_fit_period_and_in_order(self) -> None:
        whole = small_dataset()
        searched, compared = CaseSearch(whole, CONFIG, log_losses, Limits()).parts()
        until = CONFIG.split.fit_until
        for part in (searched, compared):
            used = part.cases[part.cases["period"].isin([Period.FIT.value, Period.CALIBRATE.value])]
            assert (used["label_known_at"] < until).all()
            fit, judged = (used[used["period"] == period.value] for period in (Period.FIT, Period.CALIBRATE))
            assert fit["label_known_at"].max() < judged["planned_at"].min()
        on = searched.cases[searched.cases["period"] == Period.CALIBRATE.value]
        unseen = compared.cases[compared.cases["period"] == Period.CALIBRATE.value]
        assert on["planned_at"].max() < unseen["planned_at"].min()


class TestRowSearch:
    def test_all_its_parts_come_before_what_is_calibrated_and_judged_on_and_in_order(self) -> None:
        table, config = table_of_rows(), row_config(together=None)
        numbers = np.sort(table.frame["number"].to_numpy())
        table = replace(table, values=table.frame[["number"]].to_numpy(dtype=np.float64))
        searched, compared = RowSearch(table, config, row_losses, Limits()).parts()
        assert compared.held.max() == numbers[1199]  # of 2,000 rows the first 60 % are fitted on
        assert searched.values.max() < searched.held.min()
        assert searched.held.max() < compared.held.min()
        assert len(np.concatenate([compared.values, compared.held])) == 1200

    def test_what_may_be_the_same_thing_is_judged_on_one_side_alone(self) -> None:
        for part in RowSearch(table_of_rows(), row_config(), row_losses, Limits()).parts():
            assert not np.isin(part.held, part.values).any()
        apart = RowSearch(table_of_rows(), row_config(together=None), row_losses, Limits()).parts()[1]
        assert np.isin(apart.held, apart.values).any()

    def test_it_finds_trees_that_lose_less(self, tmp_path: Path) -> None:
        slow = row_config(trees={"learning_rate": 0.011, "num_leaves": 4, "max_depth": 2, "min_child_samples": 20})
        search = RowSearch(table_of_rows(), slow, row_losses, Limits(7, 3))
        found = search.run(tmp_path / "study.db", trials=12)
        assert found.gain.is_beyond_chance
        assert found.trees.learning_rate > 0.03
        other = table_of_rows()
        other.label[0] = not other.label[0]
        assert search.study_name != replace(search, dataset=other).study_name

    def test_where_every_row_is_judged_none_is_left_to_search_on(self) -> None:
        search = RowSearch(table_of_rows(), row_config(later=None), row_losses, Limits())
        with pytest.raises(NothingToTuneOnError, match="Give `later` too"):
            search.parts()


class TestLosses:
    @pytest.mark.parametrize("kind", ["delay", "eta", "shortage"])
    def test_trees_that_learn_lose_less_than_trees_that_hardly_do(self, kind: str) -> None:
        few, many = (CONFIG.trees.model_copy(update={"max_rounds": rounds}) for rounds in (1, 30))
        if kind == "delay":
            search = CaseSearch(small_dataset(), FAST, log_losses, Limits())
            losses = [log_losses(search.parts()[0], search.with_trees(trees)) for trees in (few, many)]
        elif kind == "shortage":
            of_lines = CaseSearch(small_lines().only(Period.FIT), LINES, short_losses, Limits())
            losses = [short_losses(of_lines.parts()[0], of_lines.with_trees(trees)) for trees in (few, many)]
        else:
            config = small_eta_config().model_copy(update={"moments": FAST.moments})
            of_eta = CaseSearch(small_eta_dataset(), config, pinball_losses, Limits())
            losses = [pinball_losses(of_eta.parts()[0], of_eta.with_trees(trees)) for trees in (few, many)]
        assert mean_loss(losses[1]) < 0.95 * mean_loss(losses[0])
        less = mean_loss(losses[0]) - mean_loss(losses[1])
        assert gain(*losses, np.random.default_rng(1)).value == pytest.approx(less)

    def test_too_few_cases_are_refused_with_what_is_needed(self) -> None:
        few = every_nth(fit_cases(small_dataset()), 60)
        with pytest.raises(TooLittleDataError, match="at least 20 of each outcome"):
            log_losses(CaseSearch(few, FAST, log_losses, Limits()).parts()[0], FAST)


class TestEveryNth:
    def test_shipments_keep_all_their_cases_and_are_spread_over_the_time(self) -> None:
        whole = small_dataset()
        kept = every_nth(whole, 300)
        assert kept.cases["shipment_id"].nunique() == pytest.approx(300, rel=0.2)
        of_kept = whole.cases[whole.cases["shipment_id"].isin(kept.cases["shipment_id"])]
        assert len(of_kept) == len(kept.cases) == len(kept.values)
        middle = whole.cases["planned_at"].quantile(0.5)
        assert (kept.cases["planned_at"] < middle).mean() == pytest.approx(0.5, abs=0.05)
