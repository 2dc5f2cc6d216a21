"""`bundle.json`, the file that binds the parts of a saved model to each other and to features, whatever the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from models.errors import BundleError, FingerprintError

FORMAT = 2
_FILE, _SEAL = "bundle.json", "sha256"

M = TypeVar("M")


def write(folder: Path, described: Mapping[str, Any]) -> None:
    """Write what binds the parts that lie in the folder."""
    text = json.dumps({"format": FORMAT, **described, _SEAL: _seal_of(described)}, indent=1, sort_keys=True)
    (folder / _FILE).write_text(text, encoding="utf-8")


def read(folder: Path, model_of: Callable[[dict[str, Any]], M]) -> tuple[M, dict[str, Any]]:
    """Return the model that was saved, and what was kept of its training.

    Parameters
    ----------
    model_of
        Makes the model of what `write` was given.

    Raises
    ------
    BundleError
        If a part is missing or unreadable, or calibration, thresholds or whatever else it says was changed.
    """
    try:
        described = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if (found := described.pop("format")) != FORMAT:
            raise BundleError(folder, f"its format is {found}, expected {FORMAT}.")
        seal = described.pop(_SEAL)
        model = model_of(described)
        if seal != _seal_of(described):
            raise BundleError(folder, f"{_FILE} was changed after it was saved.")
        return model, described["training"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(folder, f"a part is missing or unreadable ({error}).") from error


def _seal_of(described: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that the file says."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write parts that are texts, each as `<name>.txt`."""
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def read_texts(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return parts that are texts, by name."""
    return {name: (folder / f"{name}.txt").read_text(encoding="utf-8") for name in names}


def digest_of(texts: Mapping[str, str]) -> str:
    """Return the SHA-256 of texts in order of their names."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        digest.update(texts[name].encode())
    return digest.hexdigest()


def check(folder: Path, described: Mapping[str, Any], *, parts: str, digest: str, features: str) -> None:
    """Compare the parts that lie there, and the features of today, with those the model was saved with.

    Parameters
    ----------
    parts
        What the parts are, in words.
    digest, features
        SHA-256 of the parts, and of the declarations of the features.

    Raises
    ------
    BundleError
        If the parts are others.
    FingerprintError
        If the features are.
    """
    found = described["fingerprints"]
    if found["model"] != digest:
        raise BundleError(folder, f"its {parts} are not those that were saved.")
    if found["features"] != features:
        raise FingerprintError(described["name"], found["features"], features)
