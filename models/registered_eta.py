"""The model of arrival as any MLflow tool sees it. MLflow keeps this file's source with the model."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from features.definitions import NAMES
from features.instants import micros_of
from features.vocabulary import Moment
from models.eta import LEVELS
from models.eta_bundle import load


class RegisteredEtaModel(PythonModel):  # type: ignore[misc]
    """A frame with the features, `moment`, `carrier_id` and `as_of` (ISO 8601) in, quantiles of the delay out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle that was logged with the model."""
        self._model, _ = load(Path(context.artifacts["bundle"]), version="mlflow")

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG002  MLflow's signature
        """Return the quantiles of the delay of each row in hours: float64 [n, len(LEVELS)]; NaN where it abstains."""
        hours = np.full((len(model_input), len(LEVELS)), np.nan)
        for name, rows in model_input.groupby("moment"):
            moment = Moment(str(name))
            values = rows[list(NAMES)].to_numpy(dtype="float64")
            raw = self._model.raw_hours(values, moment)
            carriers, at = rows["carrier_id"].to_numpy(dtype=object), micros_of(pd.to_datetime(rows["as_of"]))
            places = model_input.index.get_indexer(rows.index)
            hours[places] = self._model.hours(raw, carriers, at, self._model.outcomes[moment])
            hours[places[self._model.abstains(values)]] = np.nan
        return pd.DataFrame(hours, columns=[f"q{round(level * 100)}" for level in LEVELS], index=model_input.index)


mlflow.models.set_model(RegisteredEtaModel())
