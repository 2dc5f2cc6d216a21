"""The search for trees that lose less: Optuna's TPE, inside the fit period only, kept in a file and taken up again.

The fit period is parted by planned departure, or by the order of the rows of a flat table. The search fits on its first
three fifths and judges on the next fifth; what it found is then compared with the configuration it began from on the
last fifth, which it has not seen. What is calibrated and judged on later plays no part.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.distributions import FloatDistribution, IntDistribution

from features.definitions import fingerprint
from models.shortage_bundle import features_fingerprint
from training.config import EtaConfig, Split, TrainingConfig, Trees
from training.dataset import Dataset
from training.errors import NothingToTuneOnError
from training.flat.config import FlatConfig
from training.flat.groups import groups_of
from training.flat.judge import order_of
from training.flat.table import FlatTable
from training.shortage.config import ShortageConfig
from training.splits import periods_of
from training.tuning.gain import Gain, gain
from training.tuning.losses import Losses, Rows, mean_loss

Ints = NDArray[np.int64]

SEARCH_FROM, COMPARE_FROM = 0.6, 0.8
"""Shares of the shipments of the fit period, in order of planned departure, at which its parts begin."""

_C = TypeVar("_C", TrainingConfig, EtaConfig, ShortageConfig, FlatConfig)
_K = TypeVar("_K", TrainingConfig, EtaConfig, ShortageConfig)
_D = TypeVar("_D")
_P = TypeVar("_P")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large trees may be: an exact explanation takes longer the more leaves and the deeper (docs/benchmarks.md)."""

    max_leaves: int = 15
    max_depth: int = 5

    def ranges(self) -> dict[str, IntDistribution | FloatDistribution]:
        """Return what is searched, by the name of the field of `Trees`."""
        return {
            "num_leaves": IntDistribution(min(4, self.max_leaves), self.max_leaves),
            "max_depth": IntDistribution(min(2, self.max_depth), self.max_depth),
            "learning_rate": FloatDistribution(0.01, 0.2, log=True),
            "min_child_samples": IntDistribution(10, 500, log=True),
            "feature_fraction": FloatDistribution(0.05, 1.0),
            "bagging_fraction": FloatDistribution(0.5, 1.0),
            "lambda_l2": FloatDistribution(0.1, 100.0, log=True),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes
    ----------
    trials
        Trials of the study that ended, those of earlier runs among them.
    searched
        Mean loss of `trees` on the part that was searched on, and of the trees that it began from.
    compared
        The same on the part that the search has not seen; `gain` is their difference.
    """

    trees: Trees
    trials: int
    searched: tuple[float, float]
    compared: tuple[float, float]
    gain: Gain


@dataclass(frozen=True, slots=True)
class Search(ABC, Generic[_C, _D, _P]):
    """A search over one data set and configuration.

    Attributes
    ----------
    dataset
        All that is searched on.
    losses_of
        What a configuration loses on a part of it: see `training.tuning.losses`.
    """

    dataset: _D
    config: _C
    losses_of: Callable[[_P, _C], Mapping[Any, Losses]]
    limits: Limits

    @abstractmethod
    def parts(self) -> tuple[_P, _P]:
        """Return what is fitted on the first three fifths and judged on the next, then on four fifths and the last."""

    @abstractmethod
    def rests_on(self) -> list[Any]:
        """Return what else the losses rest on beside the configuration, as plain JSON values."""

    def run(
        self,
        study_file: Path,
        *,
        trials: int,
        minutes: float | None = None,
        progress: Callable[[int, int], None] = lambda *_: None,
        note: Callable[[str], None] = lambda _: None,
    ) -> Found:
        """Search until the study has so many trials, or for so many minutes, and compare what was found.

        The study is kept in a SQLite file. A search over the same data, configuration and limits goes on where that
        stands; another one gets a study of its own in the file.

        Raises
        ------
        TooLittleDataError, TooFewArrivalsError
            If a part of the fit period has too few cases.
        """
        searched, compared = self.parts()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study_file.parent.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{study_file}"
        study = optuna.create_study(storage=storage, study_name=self.study_name, load_if_exists=True)
        done = len(_ended(study))
        if done:
            note(f"{done} trials are known from before")
        study.sampler = optuna.samplers.TPESampler(seed=self.config.seed + done)  # goes on, and does not begin anew
        if not done:
            own = self.config.trees.model_dump()
            ranges = self.limits.ranges().items()
            study.enqueue_trial({name: min(max(own[name], of.low), of.high) for name, of in ranges})

        def loss_of(trial: optuna.Trial) -> float:
            return mean_loss(self.losses_of(searched, self.with_trees(self._suggested(trial))))

        def told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            progress(len(_ended(study)), trials)
            if study.best_trial.number == trial.number:
                note(f"trial {trial.number}: loss {trial.value:.5f}")

        progress(done, trials)
        if done < trials:
            timeout = None if minutes is None else 60.0 * minutes
            study.optimize(loss_of, n_trials=trials - done, timeout=timeout, callbacks=[told])
        trees = self.config.trees.model_copy(update=study.best_params)
        of_own = mean_loss(self.losses_of(searched, self.config))
        before, after = (self.losses_of(compared, self.with_trees(each)) for each in (self.config.trees, trees))
        return Found(
            trees=trees,
            trials=len(_ended(study)),
            searched=(float(study.best_value), of_own),
            compared=(mean_loss(after), mean_loss(before)),
            gain=gain(before, after, np.random.default_rng(self.config.seed)),
        )

    @property
    def study_name(self) -> str:
        """The name of the study: the model, and a digest of all that its losses rest on, but for the trees searched."""
        config = self.config.model_dump(mode="json", exclude={"owner", "data"})
        config["trees"] = {name: value for name, value in config["trees"].items() if name not in self.limits.ranges()}
        limits = [self.limits.max_leaves, self.limits.max_depth]
        told = json.dumps([config, limits, *self.rests_on()], sort_keys=True)
        return f"{self.config.name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def with_trees(self, trees: Trees) -> _C:
        """Return the configuration with other trees."""
        return self.config.model_copy(update={"trees": trees})

    def _suggested(self, trial: optuna.Trial) -> Trees:
        suggested: dict[str, int | float] = {}
        for name, of in self.limits.ranges().items():
            if isinstance(of, IntDistribution):
                suggested[name] = trial.suggest_int(name, of.low, of.high, log=of.log)
            else:
                suggested[name] = trial.suggest_float(name, of.low, of.high, log=of.log)
        return self.config.trees.model_copy(update=suggested)


@dataclass(frozen=True, slots=True)
class CaseSearch(Search[_K, Dataset, Dataset]):
    """A search over cases of the fit period, by planned departure; of order lines by the first release of the order."""

    def rests_on(self) -> list[Any]:
        """Return the fingerprints of features and tables, and how many cases there are."""
        config: TrainingConfig | EtaConfig | ShortageConfig = self.config
        features = features_fingerprint() if isinstance(config, ShortageConfig) else fingerprint(config.features)
        return [features, self.dataset.fingerprint, len(self.dataset.cases)]

    def parts(self) -> tuple[Dataset, Dataset]:
        """Return the fit period as the search sees it and as the comparison does.

        In each the trees are fitted on the part called fit and judged on the one called calibrate.
        """
        until = pd.Timestamp(self.config.split.fit_until)
        planned_at = self.dataset.cases["planned_at"]
        planned_at = planned_at[planned_at < until].sort_values()
        searched_from, compared_from = (
            pd.Timestamp(planned_at.iloc[int(share * len(planned_at))]) for share in (SEARCH_FROM, COMPARE_FROM)
        )
        return self._parted(searched_from, compared_from), self._parted(compared_from, until)

    def _parted(self, begin: pd.Timestamp, end: pd.Timestamp) -> Dataset:
        split = Split(fit_until=begin.to_pydatetime(), calibrate_until=end.to_pydatetime())
        cases = self.dataset.cases
        return replace(
            self.dataset, cases=cases.assign(period=periods_of(cases["planned_at"], cases["label_known_at"], split))
        )


@dataclass(frozen=True, slots=True)
class RowSearch(Search[FlatConfig, FlatTable, Rows]):
    """A search over the rows of a flat table that the later ones are judged by.

    Rows that may be the same thing seen twice are judged on one side alone: what was fitted on is not judged again.
    """

    def rests_on(self) -> list[Any]:
        """Return a digest of what the trees see of the rows, and of their labels."""
        rows = hashlib.sha256(np.ascontiguousarray(self.dataset.values).tobytes())
        rows.update(self.dataset.label.tobytes())
        return [rows.hexdigest()]

    def parts(self) -> tuple[Rows, Rows]:
        """Return the rows that are fitted on, in order, parted as the search and the comparison see them.

        Raises
        ------
        NothingToTuneOnError
            If the configuration judges by folds alone.
        """
        table, config = self.dataset, self.config
        if config.later is None:
            raise NothingToTuneOnError(config.name)
        order, blocks = order_of(table, config.later)
        rows = order[: int(len(order) * config.later.fit)]
        groups = None if config.together is None else groups_of(table.frame, config.columns, config.together)
        begin, middle = (int(len(rows) * share) for share in (SEARCH_FROM, COMPARE_FROM))

        def part(fit: Ints, judged: Ints) -> Rows:
            if groups is not None:
                judged = judged[~np.isin(groups[judged], groups[fit])]
            return Rows(table.values[fit], table.label[fit], table.values[judged], table.label[judged], blocks[judged])

        return part(rows[:begin], rows[begin:middle]), part(rows[:middle], rows[middle:])


def every_nth(dataset: Dataset, shipments: int) -> Dataset:
    """Return about so many of the shipments, evenly over the time of their planned departure, with all their cases."""
    first = dataset.cases.drop_duplicates("shipment_id").sort_values(["planned_at", "shipment_id"], kind="stable")
    step = max(1, round(len(first) / shipments))
    kept = dataset.cases["shipment_id"].isin(first["shipment_id"].iloc[::step]).to_numpy()
    return replace(dataset, cases=dataset.cases[kept].reset_index(drop=True), values=dataset.values[kept])


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
