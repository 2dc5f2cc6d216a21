"""Errors of models.

ModelError
 ├─ BundleError           a saved model is incomplete or was changed
 ├─ FingerprintError      a model was made with other features than the program has
 ├─ NoChampionError       the registry holds no champion of that name
 └─ AuditFileError        a file of what the invoice rules need to know cannot be used
"""

from __future__ import annotations

from pathlib import Path


class ModelError(Exception):
    """Base of every error this package raises on purpose."""


class BundleError(ModelError):
    """A saved model is incomplete or was changed after it was saved."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"Model bundle {folder} cannot be used: {reason} Train and register it again.")


class FingerprintError(ModelError):
    """A model was made with other features than the program has."""

    def __init__(self, model: str, found: str, expected: str) -> None:
        self.model = model
        self.found = found
        self.expected = expected
        super().__init__(
            f"Model '{model}' was trained with features {found[:12]}, the program computes {expected[:12]}. "
            f"Train it again with this version, or run the version that it was trained with."
        )


class NoChampionError(ModelError):
    """The registry holds no champion of that name."""

    def __init__(self, name: str, tracking_uri: str, reason: str) -> None:
        self.name = name
        self.tracking_uri = tracking_uri
        super().__init__(
            f"No champion of model '{name}' in {tracking_uri} ({reason}). "
            f"Train one with `triage train {name}`, or give the registry that holds it."
        )


class AuditFileError(ModelError):
    """A file of what the invoice rules need to know cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The rules' file {path} cannot be used: {reason}. Give the `audit` part of a training configuration of "
            f"invoices: over, under, payers, bill_within_days, delivery_is_shown, rates_are_on_file."
        )
