"""How well a ranking of invoices spends review time: precision and money recovered, beside rankings without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from features.invoice import INVOICE_NAMES
from features.likeness import FEATURES as LIKENESS
from models.audit.facts import log_of
from models.audit.score import Scores
from training.invoices.dataset import InvoiceDataset
from training.splits import Period

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """n judged invoices: what each asks too much, whether it is wrong at all, minutes of its review, day of arrival."""

    over_minor: Ints
    is_wrong: Flags
    minutes: Floats
    days: Ints
    full_minutes: float

    def reviewed(self, order: Ints, share: float) -> Ints:
        """Return those that are reviewed within a share of the minutes that a look at every invoice would take."""
        budget = share * self.full_minutes * len(self.minutes)
        return order[np.cumsum(self.minutes[order]) <= budget]

    def first(self, order: Ints, share: float) -> Ints:
        """Return those that are reviewed within a share of the number of invoices."""
        return order[: round(share * len(order))]


def rankings(dataset: InvoiceDataset, scores: Scores, seed: int) -> dict[str, Floats]:
    """Return scores by which invoices may be ranked: the model's, and those that need none; float64 [n] each."""
    return {
        "model": scores.worth,
        "proven_claims_only": scores.proven_minor / scores.minutes,
        "unusual_only": scores.unusual,
        "isolation_forest": isolation_forest(dataset, seed),
        "largest_bill": dataset.facts.total_minor,
        "random": np.random.default_rng(seed).random(len(scores.worth)),
    }


def isolation_forest(dataset: InvoiceDataset, seed: int) -> Floats:
    """Return how isolated each invoice is (Liu et al., 2008), from the facts, amounts and likeness that signs use."""
    facts = dataset.facts
    names = [INVOICE_NAMES.index(feature.name) for feature in LIKENESS]
    fit = dataset.rows(Period.FIT)
    amounts = [log_of(part) for part in (facts.haul_minor, facts.beside_minor, facts.fuel_minor, facts.total_minor)]
    columns = np.column_stack([facts.matrix(facts.vocabulary()), *amounts, dataset.matrix.values[:, names]])
    told = np.isfinite(columns)
    usual = [
        np.median(columns[fit & told[:, place], place]) if told[fit, place].any() else 0.0
        for place in range(told.shape[1])
    ]
    filled = np.where(told, columns, usual)
    forest = IsolationForest(n_estimators=300, random_state=seed, n_jobs=1).fit(filled[fit])
    return -np.asarray(forest.score_samples(filled), dtype=np.float64)


def at_capacity(ranked: Ranked, order: Ints, share: float) -> dict[str, Any]:
    """Return precision and money recovered for a share of the minutes, and for a share of the invoices."""
    paid_too_much = max(int(np.maximum(ranked.over_minor, 0).sum()), 1)

    def measured(chosen: Ints) -> dict[str, float | int]:
        return {
            "invoices": len(chosen),
            "precision": float(ranked.is_wrong[chosen].mean()) if len(chosen) else 0.0,
            "money_recovered": float(np.maximum(ranked.over_minor[chosen], 0).sum() / paid_too_much),
        }

    return {
        "of_minutes": measured(ranked.reviewed(order, share)),
        "of_invoices": measured(ranked.first(order, share)),
    }


def capacity_intervals(
    ranked: Ranked, score: Floats, share: float, rng: np.random.Generator, resamples: int = 200
) -> dict[str, list[float]]:
    """Return 95 % intervals of precision and money recovered at a share of the minutes, resampling whole days."""
    days = np.unique(ranked.days)
    rows_of = {day: np.flatnonzero(ranked.days == day) for day in days.tolist()}
    found = []
    for _ in range(resamples):
        drawn = np.concatenate([rows_of[day] for day in rng.choice(days, size=len(days)).tolist()])
        again = Ranked(
            ranked.over_minor[drawn],
            ranked.is_wrong[drawn],
            ranked.minutes[drawn],
            ranked.days[drawn],
            ranked.full_minutes,
        )
        measured = at_capacity(again, order_of(score[drawn]), share)["of_minutes"]
        found.append((measured["precision"], measured["money_recovered"]))
    low, high = np.percentile(np.array(found), [2.5, 97.5], axis=0)
    return {name: [float(low[k]), float(high[k])] for k, name in enumerate(("precision", "money_recovered"))}


def recovery_curve(ranked: Ranked, order: Ints) -> tuple[Floats, Floats]:
    """Return the share of minutes spent and of money recovered, invoice by invoice."""
    money = np.maximum(ranked.over_minor[order], 0)
    spent = np.cumsum(ranked.minutes[order]) / (ranked.full_minutes * len(order))
    return spent, np.cumsum(money) / max(money.sum(), 1)


def order_of(score: Floats) -> Ints:
    """Return the invoices from the highest score down."""
    return np.argsort(-score, kind="stable")


def auc_of(
    wrong: Flags, right: Flags, scores: Mapping[str, Floats], days: Ints, rng: np.random.Generator, resamples: int = 200
) -> dict[str, dict[str, Any]]:
    """Return the AUC of each score between wrong and right invoices, with its 95 % interval over whole days."""
    kept = wrong | right
    _, day_of = np.unique(days[kept], return_inverse=True)
    n = int(day_of.max(initial=0)) + 1
    weights = [rng.multinomial(n, np.full(n, 1 / n))[day_of] for _ in range(resamples)]
    label = wrong[kept]
    found = {}
    for name, score in scores.items():
        values = [
            roc_auc_score(label, score[kept], sample_weight=weight)
            for weight in weights
            if label[weight > 0].any() and not label[weight > 0].all()
        ]
        low, high = np.percentile(values, [2.5, 97.5])
        found[name] = {"auc": float(roc_auc_score(label, score[kept])), "auc_interval_95": [float(low), float(high)]}
    return found
