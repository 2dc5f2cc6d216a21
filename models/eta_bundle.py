"""The saved form of the model of arrival: a folder with boosters, outcomes and one `bundle.json` that binds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.definitions import NAMES, fingerprint
from features.settings import FeatureSettings
from features.vocabulary import Moment
from models.conformal import Outcomes
from models.errors import BundleError, FingerprintError
from models.eta import LEVELS, EtaModel, Window

FORMAT = 1


def save(model: EtaModel, folder: Path, training: dict[str, Any]) -> EtaModel:
    """Save a model and return it with its `model` fingerprint.

    Parameters
    ----------
    training
        How it was made, kept beside it: the configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for moment, boosters in model.boosters.items():
        for level, booster in zip(LEVELS, boosters, strict=True):
            (folder / _booster(moment, level)).write_text(booster.model_to_string(), encoding="utf-8")
        told = model.outcomes[moment]
        np.savez_compressed(
            folder / _outcomes(moment), groups=told.groups.astype(str), known=told.known, values=told.values
        )
    saved = replace(model, fingerprints={**model.fingerprints, "model": _digest(folder, model.boosters)})
    described = {
        "format": FORMAT,
        "name": saved.name,
        "fingerprints": dict(saved.fingerprints),
        "feature_settings": saved.feature_settings.model_dump(mode="json"),
        "features": list(NAMES),
        "levels": list(LEVELS),
        "window": asdict(saved.window),
        "moments": [moment.value for moment in saved.boosters],
        "training": training,
    }
    (folder / "bundle.json").write_text(json.dumps(described, indent=1, sort_keys=True), encoding="utf-8")
    return saved


def load(folder: Path, version: str) -> tuple[EtaModel, dict[str, Any]]:
    """Load a model and what was kept of its training.

    Raises
    ------
    BundleError
        If a part is missing, or is not the one that was saved.
    FingerprintError
        If the model was made with other features.
    """
    try:
        described = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        if described["format"] != FORMAT:
            raise BundleError(folder, f"its format is {described['format']}, expected {FORMAT}.")
        if described["levels"] != list(LEVELS):
            raise BundleError(folder, f"its quantiles are {described['levels']}, expected {list(LEVELS)}.")
        return _read(folder, described, version), described["training"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(folder, f"a part is missing or unreadable ({error}).") from error


def _read(folder: Path, described: dict[str, Any], version: str) -> EtaModel:
    moments = [Moment(name) for name in described["moments"]]
    if _digest(folder, moments) != described["fingerprints"]["model"]:
        raise BundleError(folder, "its boosters or outcomes are not those that were saved.")
    settings, found = FeatureSettings.model_validate(described["feature_settings"]), described["fingerprints"]
    if found["features"] != fingerprint(settings):
        raise FingerprintError(described["name"], found["features"], fingerprint(settings))
    return EtaModel(
        name=described["name"],
        version=version,
        fingerprints=found,
        feature_settings=settings,
        window=Window(**described["window"]),
        boosters={
            moment: tuple(lgb.Booster(model_file=folder / _booster(moment, level)) for level in LEVELS)
            for moment in moments
        },
        outcomes={moment: _read_outcomes(folder / _outcomes(moment)) for moment in moments},
    )


def _read_outcomes(path: Path) -> Outcomes:
    with np.load(path) as told:
        return Outcomes(told["groups"].astype(object), told["known"], told["values"])


def _booster(moment: Moment, level: float) -> str:
    return f"{moment.value}.q{round(level * 100)}.txt"


def _outcomes(moment: Moment) -> str:
    return f"{moment.value}.outcomes.npz"


def _digest(folder: Path, moments: Iterable[Moment]) -> str:
    """Return the SHA-256 of all boosters and outcomes, moment by moment."""
    digest = hashlib.sha256()
    for moment in sorted(moments):
        for name in (*(_booster(moment, level) for level in LEVELS), _outcomes(moment)):
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()
