"""The saved form of a model: a folder with its boosters and one `bundle.json` that binds them to features and data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb

from features.definitions import NAMES, fingerprint
from features.settings import FeatureSettings
from features.vocabulary import Moment
from models.calibration import Platt
from models.delay import DelayModel, VerdictThresholds
from models.errors import BundleError, FingerprintError

FORMAT = 1


def save(model: DelayModel, folder: Path, training: dict[str, Any]) -> DelayModel:
    """Save a model and return it with its `model` fingerprint.

    Parameters
    ----------
    training
        How it was made, kept beside it: the configuration, the late share of its training data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {moment: booster.model_to_string() for moment, booster in model.boosters.items()}
    for moment, text in texts.items():
        (folder / f"{moment.value}.txt").write_text(text, encoding="utf-8")
    saved = replace(model, fingerprints={**model.fingerprints, "model": _digest(texts)})
    described = {
        "format": FORMAT,
        "name": saved.name,
        "fingerprints": dict(saved.fingerprints),
        "feature_settings": saved.feature_settings.model_dump(mode="json"),
        "features": list(NAMES),
        "thresholds": asdict(saved.thresholds),
        "moments": {moment.value: asdict(saved.calibrations[moment]) for moment in saved.boosters},
        "training": training,
    }
    (folder / "bundle.json").write_text(json.dumps(described, indent=1, sort_keys=True), encoding="utf-8")
    return saved


def load(folder: Path, version: str) -> tuple[DelayModel, dict[str, Any]]:
    """Load a model and what was kept of its training.

    Raises
    ------
    BundleError
        If a part is missing, or a booster is not the one that was saved.
    FingerprintError
        If the model was made with other features.
    """
    try:
        described = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise BundleError(folder, f"its format is {described['format']}, expected {FORMAT}.")
        return _read(folder, described, version), described["training"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(folder, f"a part is missing or unreadable ({error}).") from error


def _read(folder: Path, described: dict[str, Any], version: str) -> DelayModel:
    texts = {Moment(name): (folder / f"{name}.txt").read_text(encoding="utf-8") for name in described["moments"]}
    if _digest(texts) != described["fingerprints"]["model"]:
        raise BundleError(folder, "its boosters are not those that were saved.")
    settings, found = described["feature_settings"], described["fingerprints"]["features"]
    expected = fingerprint(FeatureSettings.model_validate(settings))
    if found != expected:
        raise FingerprintError(described["name"], found, expected)
    return DelayModel(
        name=described["name"],
        version=version,
        fingerprints=described["fingerprints"],
        feature_settings=FeatureSettings.model_validate(settings),
        thresholds=VerdictThresholds(**described["thresholds"]),
        boosters={moment: lgb.Booster(model_str=text) for moment, text in texts.items()},
        calibrations={Moment(name): Platt(**fitted) for name, fitted in described["moments"].items()},
    )


def _digest(texts: Mapping[Moment, str]) -> str:
    """Return the SHA-256 of the boosters, in the order in which `bundle.json` lists their moments."""
    digest = hashlib.sha256()
    for moment in sorted(texts):
        digest.update(texts[moment].encode())
    return digest.hexdigest()
