"""Fitting the invoice audit: what charges are expected to be, how usual signs are, what weight each has."""

from __future__ import annotations

from collections.abc import Callable

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import QuantileRegressor

from models.audit.bundle import features_fingerprint
from models.audit.expected import UPPER, Expectation
from models.audit.facts import FACTS, WORDS, Facts, log_of
from models.audit.risk import SignWeights
from models.audit.score import AuditModel, proven_minor
from models.audit.signs import Expected, SignScales, WeightByVolume
from models.calibration import Platt
from models.missed import bound_missed
from training.config import Trees
from training.errors import TooFewInvoicesError
from training.invoices.config import InvoicesConfig
from training.invoices.dataset import InvoiceDataset
from training.splits import Period

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FOLDS = 5
LEAST_INVOICES, LEAST_WRONG = 300, 20
LEAST_SPREAD = {"line_haul": 0.05, "beside_freight": 100.0}
"""In logarithms of the line haul, and in minor units of charges beside it."""


def fit_invoices(
    dataset: InvoiceDataset, config: InvoicesConfig, note: Callable[[str], None] = lambda _: None
) -> AuditModel:
    """Fit the model.

    Expectations are learnt from the fit period without any label; scales from the calibrate period, without any label
    either. The weights of signs are learnt from reviewed bills of the fit period, each judged by expectations that have
    not seen it (cross-fitting, Chernozhukov et al., 2018). Reviewed bills of both periods calibrate the probability,
    those of the calibrate period alone the bound on what is missed.

    Raises
    ------
    TooFewInvoicesError
        If a period has too few invoices or too few that ask too much.
    """
    fit, calibrate = (dataset.rows(period) for period in (Period.FIT, Period.CALIBRATE))
    for period, rows in ((Period.FIT, fit), (Period.CALIBRATE, calibrate)):
        wrong = int((dataset.asks_too_much & dataset.is_labelled & rows).sum())
        if rows.sum() < LEAST_INVOICES or wrong < LEAST_WRONG:
            raise TooFewInvoicesError(period.value, int(rows.sum()), wrong, LEAST_INVOICES, LEAST_WRONG)
        note(f"{period.value}: {rows.sum():,} invoices, {wrong} known to ask too much")
    facts, values = dataset.facts, dataset.matrix.values
    usual = fit & facts.is_comparable
    expected = expectations(facts, usual, config)
    scales = SignScales.fit(
        _part(facts, calibrate), {sign: one[calibrate] for sign, one in expected.strengths(facts, values).items()}
    )
    surprise = scales.surprise(facts, expected.strengths(facts, values))
    for fold in range(FOLDS):
        held = fit & (np.arange(len(fit)) % FOLDS == fold)
        apart = expectations(facts, usual & ~held, config)
        surprise[held] = scales.surprise(facts, apart.strengths(facts, values))[held]
    learnt = fit & dataset.is_labelled
    weights = SignWeights.fit(surprise[learnt], dataset.asks_too_much[learnt])
    proven = proven_minor(dataset.matrix, dataset.audits) > 0
    open_bills = (fit | calibrate) & dataset.is_labelled & ~proven
    calibration = Platt.fit(weights.log_odds(surprise[open_bills]), dataset.asks_too_much[open_bills])
    model = AuditModel(
        name=config.name,
        version="unregistered",
        fingerprints={"features": features_fingerprint(), "data": dataset.fingerprint},
        settings=config.audit.settings(),
        minutes=config.minutes.minutes(),
        expected=expected,
        scales=scales,
        weights=weights,
        calibration=calibration,
        missed=None,
    )
    return _with_bound(model, dataset, config)


def _with_bound(model: AuditModel, dataset: InvoiceDataset, config: InvoicesConfig) -> AuditModel:
    rows = dataset.rows(Period.CALIBRATE) & dataset.is_labelled & dataset.asks_too_much
    scores = model.score(dataset.matrix, dataset.audits)
    worth = np.where(scores.proven_minor > 0, np.inf, scores.worth)[rows]
    missed = bound_missed(worth, config.missed.alpha, config.missed.delta)
    return AuditModel(**{name: getattr(model, name) for name in model.__slots__} | {"missed": missed})


def expectations(facts: Facts, rows: Flags, config: InvoicesConfig) -> Expected:
    """Learn what bills of some rows come to."""
    part = _part(facts, rows)
    vocabulary = part.vocabulary()
    matrix = part.matrix(vocabulary)
    return Expected(
        vocabulary=vocabulary,
        line_haul=_expectation(matrix, log_of(part.haul_minor), config, LEAST_SPREAD["line_haul"]),
        beside_freight=_expectation(matrix, part.beside_minor, config, LEAST_SPREAD["beside_freight"]),
        weight=_weight(part),
    )


def _expectation(matrix: Floats, observed: Floats, config: InvoicesConfig, least_spread: float) -> Expectation:
    told = np.isfinite(observed)
    boosters = [
        lgb.train(
            _parameters(config.trees, level, config.seed),
            lgb.Dataset(
                matrix[told],
                observed[told],
                feature_name=list(FACTS),
                categorical_feature=list(WORDS),
                free_raw_data=False,
            ),
            num_boost_round=config.trees.max_rounds,
        )
        for level in (0.5, UPPER)
    ]
    return Expectation(boosters[0], boosters[1], least_spread)


def _parameters(trees: Trees, level: float, seed: int) -> dict[str, object]:
    return {
        "objective": "quantile",
        "alpha": level,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
        "bagging_freq": 1,
        "min_data_per_group": 10,
        "cat_smooth": 1.0,
        **trees.model_dump(exclude={"max_rounds", "patience_rounds"}),
    }


def _weight(facts: Facts) -> WeightByVolume:
    columns = np.stack([facts.number("log_pieces"), facts.number("log_volume")], axis=1)
    weight = facts.number("log_weight")
    told = np.isfinite(columns).all(axis=1) & np.isfinite(weight)
    if told.sum() < LEAST_INVOICES:
        return WeightByVolume(float("nan"), float("nan"), float("nan"))
    line = QuantileRegressor(quantile=0.5, alpha=0.0).fit(columns[told], weight[told])
    return WeightByVolume(float(line.intercept_), float(line.coef_[0]), float(line.coef_[1]))


def _part(facts: Facts, rows: Flags) -> Facts:
    return Facts(**{name: getattr(facts, name)[rows] for name in Facts.__slots__})
