"""The MLflow registry: where models are registered, and from where service takes the champion."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.exceptions import MlflowException
from mlflow.utils.logging_utils import disable_logging, enable_logging

from models import eta_bundle, shortage_bundle
from models.audit import bundle as audit_bundle
from models.audit.score import AuditModel
from models.bundle import load
from models.delay import DelayModel
from models.errors import NoChampionError
from models.eta import EtaModel
from models.shortage import ShortageModel

CHAMPION = "champion"
BUNDLE_ARTIFACT = "bundle"


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Keep MLflow's progress bars and notices out of a command's own output; what fails is still raised."""
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    disable_logging()
    try:
        yield
    finally:
        enable_logging()


def load_champion(tracking_uri: str, name: str = "delay") -> tuple[DelayModel, dict[str, Any]]:
    """Load the champion of a registered delay model, and how it was trained.

    Raises
    ------
    NoChampionError
        If the registry has none.
    """
    return load(*_champion_bundle(tracking_uri, name))


def load_eta_champion(tracking_uri: str, name: str = "eta") -> tuple[EtaModel, dict[str, Any]]:
    """Load the champion of a registered model of arrival, and how it was trained.

    Raises
    ------
    NoChampionError
        If the registry has none.
    """
    return eta_bundle.load(*_champion_bundle(tracking_uri, name))


def load_audit_champion(tracking_uri: str, name: str = "invoices") -> tuple[AuditModel, dict[str, Any]]:
    """Load the champion of a registered invoice audit, and how it was trained.

    Raises
    ------
    NoChampionError
        If the registry has none.
    """
    return audit_bundle.load(*_champion_bundle(tracking_uri, name))


def load_shortage_champion(tracking_uri: str, name: str = "shortage") -> tuple[ShortageModel, dict[str, Any]]:
    """Load the champion of a registered shortage model, and how it was trained.

    Raises
    ------
    NoChampionError
        If the registry has none.
    """
    return shortage_bundle.load(*_champion_bundle(tracking_uri, name))


@quiet_mlflow()
def _champion_bundle(tracking_uri: str, name: str) -> tuple[Path, str]:
    """Return the folder of the champion's bundle, and its version."""
    client = mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    try:
        version = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        raise NoChampionError(name, tracking_uri, error.message) from error
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    folder = mlflow.artifacts.download_artifacts(f"models:/{name}/{version.version}", tracking_uri=tracking_uri)
    found = sorted(Path(folder).glob("artifacts/**/bundle.json"))
    if not found:
        raise NoChampionError(name, tracking_uri, "its artifacts hold no bundle.json")
    return found[0].parent, str(version.version)
