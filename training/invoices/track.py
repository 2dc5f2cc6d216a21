"""Logging a training run of the invoice audit to MLflow and registering what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.audit.score import AuditModel
from training.invoices.config import InvoicesConfig
from training.track import Registration, register_run, schema_of

_SCORES = ("proven_minor", "probability", "suspected_minor", "unusual", "minutes", "worth")


def register_audit(
    model: AuditModel,
    config: InvoicesConfig,
    result: dict[str, Any],
    bundle: Path,
    report: Path,
    tracking_uri: str,
) -> str:
    """Log the run with parameters, measures, fingerprints and report; register the model; make it champion.

    Returns
    -------
    str
        The registered version.
    """
    review = result["review"]["of_minutes"]
    told = {
        "rules.recall": result["rules"]["recall"],
        "rules.precision": result["rules"]["precision"],
        "review.precision": review["precision"],
        "review.money_recovered": review["money_recovered"],
        **{f"unseen.{name.replace(': ', '.')}.auc": one["model"]["auc"] for name, one in result["unseen"].items()},
    }
    registration = Registration(
        name=config.name,
        file="registered_audit.py",
        inputs=schema_of({"data": str}),
        outputs=schema_of({"invoice_id": str, **dict.fromkeys(_SCORES, float)}),
        fingerprints=model.fingerprints,
        data=config.data,
        parameters={**config.trees.model_dump(), "seed": config.seed, **config.split.model_dump(mode="json")},
        metrics={name: value for name, value in told.items() if value is not None},
    )
    return register_run(registration, result, bundle, report, tracking_uri)
