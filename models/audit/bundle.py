"""The saved form of the audit model: a folder with boosters, scales and one `bundle.json` that binds them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from features.invoice import INVOICE_FEATURES
from models import bundle_file
from models.audit.expected import Expectation, Scale
from models.audit.findings import AuditSettings, Tolerance
from models.audit.risk import SignWeights
from models.audit.score import AuditModel, ReviewMinutes
from models.audit.signs import SIGNS, Expected, SignScales, WeightByVolume
from models.calibration import Platt
from models.missed import MissedBound

_EXPECTED = ("line_haul", "beside_freight")
_SCALES = "scales.npz"


def features_fingerprint() -> str:
    """Return the SHA-256 over the declarations of the invoice features and the names of the signs."""
    declared = [asdict(feature) for feature in INVOICE_FEATURES]
    return hashlib.sha256(json.dumps([declared, list(SIGNS)], sort_keys=True).encode()).hexdigest()


def save(model: AuditModel, folder: Path, training: dict[str, Any]) -> AuditModel:
    """Save a model and return it with its `model` fingerprint.

    Parameters
    ----------
    training
        How it was made, kept beside it: the configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _EXPECTED:
        expectation: Expectation = getattr(model.expected, name)
        for part in ("median", "upper"):
            text = getattr(expectation, part).model_to_string()
            (folder / f"{name}.{part}.txt").write_text(text, encoding="utf-8")
    scores = {
        f"{sign}|{group}": values
        for sign, scale in model.scales.scales.items()
        for group, values in scale.scores.items()
    }
    np.savez_compressed(folder / _SCALES, **scores)  # type: ignore[arg-type]  # names are free
    saved = replace(model, fingerprints={**model.fingerprints, "model": _digest(folder)})
    described = {
        "name": saved.name,
        "fingerprints": dict(saved.fingerprints),
        "settings": {**asdict(saved.settings), "payers": sorted(saved.settings.payers)},
        "minutes": asdict(saved.minutes),
        "vocabulary": dict(saved.expected.vocabulary),
        "least_spread": {name: getattr(saved.expected, name).least_spread for name in _EXPECTED},
        "weight": asdict(saved.expected.weight),
        "weights": asdict(saved.weights),
        "calibration": asdict(saved.calibration),
        "missed": asdict(saved.missed) if saved.missed is not None else None,
        "training": training,
    }
    bundle_file.write(folder, described)
    return saved


def load(folder: Path, version: str) -> tuple[AuditModel, dict[str, Any]]:
    """Load a model and what was kept of its training.

    Raises
    ------
    BundleError
        If a part is missing, or is not the one that was saved.
    FingerprintError
        If the model was made with other features.
    """
    return bundle_file.read(folder, lambda described: _read(folder, described, version))


def _read(folder: Path, described: dict[str, Any], version: str) -> AuditModel:
    features = features_fingerprint()
    bundle_file.check(folder, described, parts="boosters or scales", digest=_digest(folder), features=features)
    expectations = {name: _expectation(folder, name, described["least_spread"][name]) for name in _EXPECTED}
    return AuditModel(
        name=described["name"],
        version=version,
        fingerprints=described["fingerprints"],
        settings=_settings(described["settings"]),
        minutes=ReviewMinutes(**described["minutes"]),
        expected=Expected(
            vocabulary=described["vocabulary"], weight=WeightByVolume(**described["weight"]), **expectations
        ),
        scales=_scales(folder),
        weights=SignWeights(described["weights"]["intercept"], tuple(described["weights"]["weights"])),
        calibration=Platt(**described["calibration"]),
        missed=MissedBound(**described["missed"]) if described["missed"] is not None else None,
    )


def _expectation(folder: Path, name: str, least_spread: float) -> Expectation:
    median, upper = (lgb.Booster(model_file=folder / f"{name}.{part}.txt") for part in ("median", "upper"))
    return Expectation(median, upper, least_spread)


def _settings(given: dict[str, Any]) -> AuditSettings:
    return AuditSettings(
        over=Tolerance(**given["over"]),
        under=Tolerance(**given["under"]),
        payers=frozenset(given["payers"]),
        bill_within_days=given["bill_within_days"],
        delivery_is_shown=given["delivery_is_shown"],
        rates_are_on_file=given["rates_are_on_file"],
        kg_per_m3=tuple(given["kg_per_m3"]),
    )


def _scales(folder: Path) -> SignScales:
    scores: dict[str, dict[str, Any]] = {}
    with np.load(folder / _SCALES) as told:
        for key in told.files:
            sign, group = key.split("|", 1)
            scores.setdefault(sign, {})[group] = told[key]
    return SignScales({sign: Scale(groups) for sign, groups in scores.items()})


def _digest(folder: Path) -> str:
    """Return the SHA-256 of all boosters and scales."""
    digest = hashlib.sha256()
    names = [f"{name}.{part}.txt" for name in _EXPECTED for part in ("median", "upper")]
    for name in (*names, _SCALES):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()
