"""The shortage model as any MLflow tool sees it. MLflow keeps this file's source with the model."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import LineMoment
from models.shortage_bundle import load


class RegisteredShortageModel(PythonModel):  # type: ignore[misc]
    """A frame with the inventory features, `moment` and `news_hours` in, calibrated probabilities out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle that was logged with the model."""
        self._model, _ = load(Path(context.artifacts["bundle"]), version="mlflow")

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> pd.Series:  # noqa: ARG002  MLflow's signature
        """Return the calibrated probability of each line: float64 [n], NaN where it abstains."""
        probabilities = pd.Series(np.nan, index=model_input.index)
        for name, rows in model_input.groupby("moment"):
            values = rows[list(INVENTORY_NAMES)].to_numpy(dtype="float64")
            moment = LineMoment(str(name))
            abstains = self._model.abstains(values, rows["news_hours"].to_numpy(dtype="float64"))
            scored = self._model.probabilities(values, moment)
            probabilities[rows.index] = np.where(abstains, np.nan, scored)
        return probabilities


mlflow.models.set_model(RegisteredShortageModel())
