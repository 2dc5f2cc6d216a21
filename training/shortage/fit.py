"""Fitting the shortage model: trees on the fit period, calibration on the time-later calibrate period."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from features.inventory.features import INVENTORY_FEATURES, INVENTORY_NAMES
from models.baselines import not_covered
from models.learnt import OF_A_LINE, Learnt
from models.shortage import ShortageModel
from models.shortage_bundle import features_fingerprint
from training.dataset import Dataset
from training.fit import fit_moments
from training.shortage.config import ShortageConfig
from training.shortage.directions import shortage_directions
from training.splits import Period


def fit_shortage(
    dataset: Dataset, config: ShortageConfig, note: Callable[[str], None] = lambda _: None
) -> ShortageModel:
    """Fit the shortage model, see `training.fit.fit_moments`.

    Raises
    ------
    TooLittleDataError
        If a period has too few lines of an outcome.
    """
    boosters, calibrations = fit_moments(dataset, config, config.moments, shortage_directions(), INVENTORY_NAMES, note)
    return ShortageModel(
        name=config.name,
        version="unregistered",
        fingerprints={"features": features_fingerprint(), "data": dataset.fingerprint},
        stale_after_hours=config.stale_after_hours,
        boosters=boosters,
        calibrations=calibrations,
        learnt=Learnt.of(dataset.values[dataset.of(Period.FIT)], INVENTORY_FEATURES, OF_A_LINE),
    )


def kept_of(dataset: Dataset, config: ShortageConfig) -> dict[str, Any]:
    """Return what the bundle keeps: the configuration, and by moment what baselines know of the fit period.

    `short` is the share short of all lines, `by_rule` that of lines which free stock covers, and which it does not.
    """
    shares = {}
    for moment in config.moments:
        values, short, _ = dataset.part(Period.FIT, moment)
        lacks = not_covered(values)
        by_rule = [float(short[chosen].mean()) if chosen.any() else float(short.mean()) for chosen in (~lacks, lacks)]
        shares[moment.value] = {"short": float(short.mean()), "by_rule": by_rule}
    return {"config": config.model_dump(mode="json"), "fit_shares": shares}
