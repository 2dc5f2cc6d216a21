"""The model as any MLflow tool sees it. MLflow keeps this file's source with the model, so nothing is pickled."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from features.definitions import NAMES
from features.vocabulary import Moment
from models.bundle import load


class RegisteredDelayModel(PythonModel):  # type: ignore[misc]
    """A frame with the features and a `moment` column in, calibrated probabilities out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle that was logged with the model."""
        self._model, _ = load(Path(context.artifacts["bundle"]), version="mlflow")

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> pd.Series:  # noqa: ARG002  MLflow's signature
        """Return the calibrated probability of each row: float64 [n], NaN where something is out of range."""
        probabilities = pd.Series(float("nan"), index=model_input.index)
        for name, rows in model_input.groupby("moment"):
            values = rows[list(NAMES)].to_numpy(dtype="float64")
            moment = Moment(str(name))
            scored = self._model.probabilities(values, moment)
            probabilities[rows.index] = np.where(self._model.abstains(values), np.nan, scored)
        return probabilities


mlflow.models.set_model(RegisteredDelayModel())
