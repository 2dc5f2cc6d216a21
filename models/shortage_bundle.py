"""The saved form of the shortage model: a folder with its boosters and one `bundle.json` that binds them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb

from features.inventory import inbound, picks
from features.inventory.features import INVENTORY_FEATURES, INVENTORY_NAMES
from features.vocabulary import LineMoment
from models import bundle_file
from models.calibration import Platt
from models.learnt import Learnt
from models.shortage import ShortageModel

_CONSTANTS = (
    inbound.LATE_AFTER_HOURS,
    inbound.PSEUDO_LOTS,
    inbound.PRIOR_LATE_SHARE,
    picks.PSEUDO_PICKS,
    picks.PRIOR_SHORT_SHARE,
)


def features_fingerprint() -> str:
    """Return the SHA-256 over the declarations of the inventory features and what they reckon with."""
    declared = [asdict(feature) for feature in INVENTORY_FEATURES]
    return hashlib.sha256(json.dumps([declared, _CONSTANTS], sort_keys=True).encode()).hexdigest()


def save(model: ShortageModel, folder: Path, training: dict[str, Any]) -> ShortageModel:
    """Save a model and return it with its `model` fingerprint.

    Parameters
    ----------
    training
        How it was made, kept beside it: the configuration, and what baselines need to know of its training data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {moment.value: booster.model_to_string() for moment, booster in model.boosters.items()}
    bundle_file.write_texts(folder, texts)
    saved = replace(model, fingerprints={**model.fingerprints, "model": bundle_file.digest_of(texts)})
    described = {
        "name": saved.name,
        "fingerprints": dict(saved.fingerprints),
        "features": list(INVENTORY_NAMES),
        "stale_after_hours": saved.stale_after_hours,
        "moments": {moment.value: asdict(saved.calibrations[moment]) for moment in saved.boosters},
        "learnt": saved.learnt.written(),
        "training": training,
    }
    bundle_file.write(folder, described)
    return saved


def load(folder: Path, version: str) -> tuple[ShortageModel, dict[str, Any]]:
    """Load a model and what was kept of its training.

    Raises
    ------
    BundleError
        If a part is missing, or a booster is not the one that was saved.
    FingerprintError
        If the model was made with other features.
    """
    return bundle_file.read(folder, lambda described: _read(folder, described, version))


def _read(folder: Path, described: dict[str, Any], version: str) -> ShortageModel:
    texts = bundle_file.read_texts(folder, described["moments"])
    digest = bundle_file.digest_of(texts)
    bundle_file.check(folder, described, parts="boosters", digest=digest, features=features_fingerprint())
    return ShortageModel(
        name=described["name"],
        version=version,
        fingerprints=described["fingerprints"],
        stale_after_hours=described["stale_after_hours"],
        boosters={LineMoment(name): lgb.Booster(model_str=text) for name, text in texts.items()},
        calibrations={LineMoment(name): Platt(**fitted) for name, fitted in described["moments"].items()},
        learnt=Learnt.read(described["learnt"], INVENTORY_FEATURES),
    )
