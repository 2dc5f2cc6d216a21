"""Judging the invoice audit on its test period: what rules prove, what a ranking recovers, what is missed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.progress import Progress
from models.audit.facts import log_of
from models.audit.score import AuditModel, Scores
from models.audit.signs import carriers
from training.about import about
from training.dataset import fingerprint_of
from training.invoices import ranking, rules
from training.invoices.config import InvoicesConfig
from training.invoices.dataset import InvoiceDataset, make_invoice_dataset
from training.invoices.ranking import Ranked
from training.splits import Period

Flags = NDArray[np.bool_]
LEVEL = 0.9
LEAST_OF_A_CARRIER = 50


@dataclass(frozen=True, slots=True)
class JudgedInvoices:
    """Test invoices with what is drawn of them: the ranking, and scores by which they may be ranked."""

    ranked: Ranked
    rankings: dict[str, NDArray[np.float64]]


def judge_invoices(
    model: AuditModel, dataset: InvoiceDataset, config: InvoicesConfig
) -> tuple[dict[str, Any], JudgedInvoices]:
    """Judge a model and return the measures as plain JSON values, and what is drawn."""
    test = dataset.rows(Period.TEST)
    scores = model.score(dataset.matrix, dataset.audits)
    wrong_ids = set(dataset.truth["invoice_id"])
    is_wrong = np.array([bill.invoice.invoice_id in wrong_ids for bill in dataset.matrix.bills])
    ranked = Ranked(
        over_minor=dataset.over_minor[test],
        is_wrong=is_wrong[test],
        minutes=scores.minutes[test],
        days=dataset.days[test],
        full_minutes=model.minutes.suspicion,
    )
    by_name = ranking.rankings(dataset, scores, config.seed)
    tested = {name: score[test] for name, score in by_name.items()}
    result = {
        "invoices": int(test.sum()),
        "wrong": int(is_wrong[test].sum()),
        "spend_minor": int(dataset.facts.total_minor[test].sum()),
        "overcharge_minor": int(np.maximum(dataset.over_minor[test], 0).sum()),
        "rules": _rules(dataset, test, config.seed),
        "review": _review(ranked, tested, config),
        "unseen": _unseen(dataset, by_name, test, test & ~is_wrong, config.seed),
        "expected_line_haul": _bounds(model, dataset, test & ~is_wrong),
        "missed": _missed(model, dataset, scores, test),
    }
    return result, JudgedInvoices(ranked, tested)


def evaluate_invoices(
    model: AuditModel, training: dict[str, Any], folder: Path, progress: Progress | None = None
) -> tuple[dict[str, Any], JudgedInvoices]:
    """Judge a model on the test period of the split that it was trained with.

    Parameters
    ----------
    training
        What the bundle keeps of its training: `config`.
    """
    config = InvoicesConfig.model_validate(training["config"])
    dataset = make_invoice_dataset(folder, config, progress)
    result, drawn = judge_invoices(model, dataset, config)
    same = fingerprint_of(folder) == model.fingerprints["data"]
    return {**about(model, config), "same_data_as_training": same, **result}, drawn


def _rules(dataset: InvoiceDataset, rows: Flags, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    truth, found = rules.truth_of(dataset, rows), rules.found_by_rules(dataset, rows)
    determined = rows & np.array([not audit.undetermined for audit in dataset.audits])
    thumb = rules.found_by_thumb(dataset, rows)
    return {
        **rules.judged(truth, found, dataset.days, rng),
        "within_tolerance": truth.tolerated,
        "where_all_is_determined": rules.judged(
            rules.truth_of(dataset, determined), rules.found_by_rules(dataset, determined), dataset.days, rng
        ),
        "claims": rules.judged(
            rules.Truth(rules.claims(truth.provable), truth.any, truth.tolerated),
            rules.claims(found),
            dataset.days,
            rng,
        ),
        "baselines": {"largest_component": rules.judged(truth, thumb, dataset.days, rng)},
        "classes": rules.by_class(truth, found),
    }


def _review(ranked: Ranked, by_name: dict[str, NDArray[np.float64]], config: InvoicesConfig) -> dict[str, Any]:
    orders = {name: ranking.order_of(score) for name, score in by_name.items()}
    found = {name: ranking.at_capacity(ranked, order, config.review_share) for name, order in orders.items()}
    intervals = ranking.capacity_intervals(
        ranked, by_name["model"], config.review_share, np.random.default_rng(config.seed)
    )
    best = ranking.order_of(np.maximum(ranked.over_minor, 0) / ranked.minutes)
    return {
        "share": config.review_share,
        **found.pop("model"),
        "of_minutes_interval_95": intervals,
        "baselines": found,
        "all_known": ranking.at_capacity(ranked, best, config.review_share),
    }


def _unseen(
    dataset: InvoiceDataset, by_name: dict[str, NDArray[np.float64]], test: Flags, right: Flags, seed: int
) -> dict[str, Any]:
    """Return how well kinds of error that no training data held are told from right invoices, without any rule."""
    row_of = {bill.invoice.invoice_id: row for row, bill in enumerate(dataset.matrix.bills)}
    told = {"model": by_name["unusual_only"], "isolation_forest": by_name["isolation_forest"]}
    rng = np.random.default_rng(seed)
    groups = {
        "novel": dataset.truth[dataset.truth["is_novel"]],
        "not_shown_by_records": dataset.truth[~dataset.truth["is_shown"]],
        "all": dataset.truth,
    }
    kinds = groups["novel"].groupby("kind")
    groups |= {f"novel: {kind}": part for kind, part in kinds}
    found = {}
    for name, part in groups.items():
        wrong = np.zeros(len(test), dtype=bool)
        wrong[[row_of[one] for one in part["invoice_id"] if one in row_of]] = True
        wrong &= test
        if wrong.any():
            found[name] = {
                "invoices": int(wrong.sum()),
                **ranking.auc_of(wrong, right, told, dataset.days, rng),
            }
    return found


def _bounds(model: AuditModel, dataset: InvoiceDataset, rows: Flags) -> dict[str, Any]:
    """Return how often the line haul of right bills lies under its upper bound, over all and by carrier."""
    kept = rows & dataset.facts.is_comparable & np.isfinite(dataset.facts.haul_minor)
    _, upper = model.bounds(dataset.matrix, LEVEL)
    under = log_of(dataset.facts.haul_minor) <= np.log(upper) + 1e-9
    names = carriers(dataset.facts)
    by_carrier = {
        str(name): float(under[kept & (names == name)].mean())
        for name in np.unique(names[kept])
        if (kept & (names == name)).sum() >= LEAST_OF_A_CARRIER
    }
    return {"level": LEVEL, "covers": float(under[kept].mean()), "invoices": int(kept.sum()), "by_carrier": by_carrier}


def _missed(model: AuditModel, dataset: InvoiceDataset, scores: Scores, test: Flags) -> dict[str, Any] | None:
    """Return the bound on what is missed, and what was missed: over kinds seen in training, and over all."""
    bound = model.missed
    if bound is None:
        return None
    looked_at = (scores.proven_minor > 0) | (scores.worth >= bound.threshold)
    novel = set(dataset.truth.loc[dataset.truth["is_novel"], "invoice_id"])
    is_novel = np.array([bill.invoice.invoice_id in novel for bill in dataset.matrix.bills])
    wrong = test & dataset.asks_too_much

    def share(rows: Flags) -> float | None:
        return float((~looked_at)[rows].mean()) if rows.any() else None

    return {
        "alpha": bound.alpha,
        "delta": bound.delta,
        "bound": bound.bound,
        "learnt_from": bound.wrong,
        "threshold_minor_a_minute": bound.threshold,
        "reviewed_share": float(looked_at[test].mean()),
        "missed_share": share(wrong & ~is_novel),
        "missed_share_with_novel_kinds": share(wrong),
        "missed_money_share": float(
            dataset.over_minor[wrong & ~looked_at].sum() / max(dataset.over_minor[wrong].sum(), 1)
        ),
        "judged_on": int((wrong & ~is_novel).sum()),
    }
