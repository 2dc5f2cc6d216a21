"""The saved form of a model: a folder with its boosters and one `bundle.json` that binds them to features and data."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb

from features.definitions import FEATURES, NAMES, fingerprint
from features.settings import FeatureSettings
from features.vocabulary import Moment
from models import bundle_file
from models.calibration import Platt
from models.delay import DelayModel, Lateness, VerdictThresholds
from models.learnt import Learnt
from models.missed import MissedBound

_HOURS = ".hours"
"""What the file of the booster of hours late is called after its moment."""


def save(model: DelayModel, folder: Path, training: dict[str, Any]) -> DelayModel:
    """Save a model and return it with its `model` fingerprint.

    Parameters
    ----------
    training
        How it was made, kept beside it: the configuration, the late share of its training data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {moment.value: booster.model_to_string() for moment, booster in model.boosters.items()}
    texts |= {f"{moment.value}{_HOURS}": of.booster.model_to_string() for moment, of in model.lateness.items()}
    bundle_file.write_texts(folder, texts)
    saved = replace(model, fingerprints={**model.fingerprints, "model": bundle_file.digest_of(texts)})
    described = {
        "name": saved.name,
        "fingerprints": dict(saved.fingerprints),
        "feature_settings": saved.feature_settings.model_dump(mode="json"),
        "features": list(NAMES),
        "thresholds": asdict(saved.thresholds),
        "moments": {moment.value: asdict(saved.calibrations[moment]) for moment in saved.boosters},
        "missed": {moment.value: asdict(bound) for moment, bound in saved.missed.items()},
        "lateness": {moment.value: of.in_time_hours for moment, of in saved.lateness.items()},
        "learnt": saved.learnt.written(),
        "training": training,
    }
    bundle_file.write(folder, described)
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
    return bundle_file.read(folder, lambda described: _read(folder, described, version))


def _read(folder: Path, described: dict[str, Any], version: str) -> DelayModel:
    lateness = [f"{name}{_HOURS}" for name in described["lateness"]]
    texts = bundle_file.read_texts(folder, [*described["moments"], *lateness])
    settings = FeatureSettings.model_validate(described["feature_settings"])
    digest = bundle_file.digest_of(texts)
    bundle_file.check(folder, described, parts="boosters", digest=digest, features=fingerprint(settings))
    return DelayModel(
        name=described["name"],
        version=version,
        fingerprints=described["fingerprints"],
        feature_settings=settings,
        thresholds=VerdictThresholds(**described["thresholds"]),
        boosters={Moment(name): lgb.Booster(model_str=texts[name]) for name in described["moments"]},
        lateness={
            Moment(name): Lateness(lgb.Booster(model_str=texts[f"{name}{_HOURS}"]), in_time)
            for name, in_time in described["lateness"].items()
        },
        calibrations={Moment(name): Platt(**fitted) for name, fitted in described["moments"].items()},
        missed={Moment(name): MissedBound(**bound) for name, bound in described["missed"].items()},
        learnt=Learnt.read(described["learnt"], FEATURES),
    )
