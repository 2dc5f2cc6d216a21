"""Logging a run of the shortage model to MLflow and registering what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from features.inventory.features import INVENTORY_NAMES
from models.shortage import ShortageModel
from training.shortage.config import ShortageConfig
from training.track import (
    PROBABILITY,
    PROBABILITY_MEASURES,
    Registration,
    register_run,
    schema_of_features,
    split_of,
)


def register_shortage(
    model: ShortageModel, config: ShortageConfig, result: dict[str, Any], bundle: Path, report: Path, tracking_uri: str
) -> str:
    """Log the run with parameters, measures, fingerprints and report; register the model; make it champion.

    Returns
    -------
    str
        The registered version.
    """
    by_moment = result["moments"].items()
    measures = {f"{moment}.{name}": found[name] for moment, found in by_moment for name in PROBABILITY_MEASURES}
    registration = Registration(
        name=config.name,
        file="registered_shortage.py",
        inputs=schema_of_features((*INVENTORY_NAMES, "news_hours"), ("moment",)),
        outputs=PROBABILITY,
        fingerprints=model.fingerprints,
        data=config.data,
        parameters={**config.trees.model_dump(), "seed": config.seed, **split_of(config)},
        metrics=measures,
    )
    return register_run(registration, result, bundle, report, tracking_uri)
