"""Logging a training run to MLflow and registering what came of it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from features.definitions import NAMES
from models.delay import DelayModel
from models.eta import LEVELS, EtaModel
from models.registry import BUNDLE_ARTIFACT, CHAMPION, quiet_mlflow
from training.config import BoostedConfig, ModelConfig


@dataclass(frozen=True, slots=True)
class Registration:
    """What is registered of a model.

    Attributes
    ----------
    file
        Module of `models` that MLflow keeps with it, so that any MLflow tool can ask it.
    inputs, outputs
        Columns that a caller gives and gets.
    """

    name: str
    file: str
    inputs: Schema
    outputs: Schema
    fingerprints: Mapping[str, str]
    data: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]


def register(
    model: DelayModel | EtaModel,
    config: ModelConfig,
    result: dict[str, Any],
    bundle: Path,
    report: Path,
    tracking_uri: str,
) -> str:
    """Log the run of a model of shipments, register the model and make it champion; return its version."""
    kind = _ARRIVAL if isinstance(model, EtaModel) else _DELAY
    registration = Registration(
        name=config.name,
        file=kind.file,
        inputs=kind.inputs,
        outputs=kind.outputs,
        fingerprints=model.fingerprints,
        data=config.data,
        parameters={**config.trees.model_dump(), "seed": config.seed, **split_of(config)},
        metrics={
            f"{moment}.{name}": found[name] for moment, found in result["moments"].items() for name in kind.measures
        },
    )
    return register_run(registration, result, bundle, report, tracking_uri)


@quiet_mlflow()
def register_run(
    registration: Registration, result: dict[str, Any], bundle: Path, report: Path, tracking_uri: str
) -> str:
    """Log the run with parameters, measures, fingerprints and report; register the model; make it champion.

    Parameters
    ----------
    bundle, report
        Folders that were written for this model.

    Returns
    -------
    str
        The registered version.
    """
    name, fingerprints = registration.name, registration.fingerprints
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    _choose_experiment(name, tracking_uri)
    with mlflow.start_run():
        mlflow.set_tags(
            {**{f"fingerprint.{part}": digest for part, digest in fingerprints.items()}, "data": registration.data}
        )
        mlflow.log_params(dict(registration.parameters))
        mlflow.log_metrics(dict(registration.metrics))
        mlflow.log_artifacts(str(report), "report")
        mlflow.log_dict(json.loads(json.dumps(result)), "evaluation.json")
        version = _log_model(registration, bundle)
        client = mlflow.MlflowClient()
        client.set_registered_model_alias(name, CHAMPION, version)
        for part, digest in fingerprints.items():
            client.set_model_version_tag(name, version, f"fingerprint.{part}", digest)
    return version


def schema_of(columns: Mapping[str, type]) -> Schema:
    """Return a schema of named columns of `float` and `str`."""
    types = {float: DataType.double, str: DataType.string}
    return Schema([ColSpec(types[kind], name) for name, kind in columns.items()])


def schema_of_features(names: Iterable[str], beside: Iterable[str]) -> Schema:
    """Return a schema of features, each of which may be missing, and columns of text beside them."""
    features = [ColSpec(DataType.double, name, required=False) for name in names]
    return Schema([*features, *(ColSpec(DataType.string, name) for name in beside)])


def split_of(config: BoostedConfig) -> dict[str, str]:
    """Return the split as parameters of a run."""
    return {name: str(value) for name, value in config.split.model_dump(mode="json").items()}


def _log_model(registration: Registration, bundle: Path) -> str:
    """Log the model, register it and return its version."""
    with warnings.catch_warnings():
        # The signature is written out below; an example row of many features would say nothing more.
        warnings.filterwarnings("ignore", message=".*input example was not provided.*")
        warnings.filterwarnings("ignore", message=".*inferred as AnyType.*")  # of MLflow's own classes
        logged = mlflow.pyfunc.log_model(
            name=registration.name,
            python_model=str(_MODELS / registration.file),
            artifacts={BUNDLE_ARTIFACT: str(bundle)},
            signature=ModelSignature(inputs=registration.inputs, outputs=registration.outputs),
            pip_requirements=["freight-triage"],
        )
    with quiet_mlflow():  # once more: logging a model lets MLflow speak again
        return str(mlflow.register_model(logged.model_uri, registration.name).version)


def _choose_experiment(name: str, tracking_uri: str) -> None:
    """Choose the experiment; a local one keeps its artifacts beside its database."""
    if mlflow.get_experiment_by_name(name) is None and tracking_uri.startswith("sqlite:///"):
        beside = Path(tracking_uri.removeprefix("sqlite:///")).resolve().parent / "artifacts"
        mlflow.create_experiment(name, artifact_location=beside.as_uri())
    mlflow.set_experiment(name)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of model is registered: the file that MLflow keeps of it, its columns, what is logged of it."""

    file: str
    beside_features: tuple[str, ...]
    outputs: Schema
    measures: tuple[str, ...]

    @property
    def inputs(self) -> Schema:
        """What a caller gives: the features, and text beside them."""
        return schema_of_features(NAMES, self.beside_features)


_MODELS = Path(__file__).resolve().parent.parent / "models"
PROBABILITY = Schema([ColSpec(DataType.double)])
"""What a model of a probability gives."""
PROBABILITY_MEASURES = ("auc", "average_precision", "brier", "ece")
_DELAY = _Kind("registered.py", ("moment",), PROBABILITY, PROBABILITY_MEASURES)
_ARRIVAL = _Kind(
    "registered_eta.py",
    ("moment", "carrier_id", "as_of"),
    Schema([ColSpec(DataType.double, f"q{round(level * 100)}") for level in LEVELS]),
    ("coverage", "median_width_hours", "interval_score_hours", "median_error_hours"),
)
