"""The saved form of the model of arrival: a folder with boosters, outcomes and one `bundle.json` that binds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.definitions import FEATURES, NAMES, fingerprint
from features.settings import FeatureSettings
from features.vocabulary import Moment
from models import bundle_file
from models.conformal import Outcomes
from models.errors import BundleError
from models.eta import LEVELS, EtaModel, Window
from models.learnt import Learnt


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
        "name": saved.name,
        "fingerprints": dict(saved.fingerprints),
        "feature_settings": saved.feature_settings.model_dump(mode="json"),
        "features": list(NAMES),
        "levels": list(LEVELS),
        "window": asdict(saved.window),
        "moments": [moment.value for moment in saved.boosters],
        "learnt": saved.learnt.written(),
        "training": training,
    }
    bundle_file.write(folder, described)
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
    return bundle_file.read(folder, lambda described: _read(folder, described, version))


def _read(folder: Path, described: dict[str, Any], version: str) -> EtaModel:
    if described["levels"] != list(LEVELS):
        raise BundleError(folder, f"its quantiles are {described['levels']}, expected {list(LEVELS)}.")
    moments = [Moment(name) for name in described["moments"]]
    settings = FeatureSettings.model_validate(described["feature_settings"])
    digest = _digest(folder, moments)
    bundle_file.check(folder, described, parts="boosters or outcomes", digest=digest, features=fingerprint(settings))
    return EtaModel(
        name=described["name"],
        version=version,
        fingerprints=described["fingerprints"],
        feature_settings=settings,
        window=Window(**described["window"]),
        boosters={
            moment: tuple(lgb.Booster(model_file=folder / _booster(moment, level)) for level in LEVELS)
            for moment in moments
        },
        outcomes={moment: _read_outcomes(folder / _outcomes(moment)) for moment in moments},
        learnt=Learnt.read(described["learnt"], FEATURES),
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
