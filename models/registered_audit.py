"""The invoice audit as any MLflow tool sees it. MLflow keeps this file's source with the model."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from features.contracts import Contracts
from features.invoice import build_invoices
from features.tables import RecordTables
from models.audit.bundle import load
from models.audit.rules import audit_bills


class RegisteredAuditModel(PythonModel):  # type: ignore[misc]
    """A frame whose column `data` names folders of canonical tables in, the scores of their invoices out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle that was logged with the model."""
        self._model, _ = load(Path(context.artifacts["bundle"]), version="mlflow")

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> pd.DataFrame:  # noqa: ARG002  MLflow's signature
        """Return a row for each invoice: its identity, what is proven, what is suspected, what a review is worth."""
        return pd.concat([self._scored(Path(folder)) for folder in model_input["data"]], ignore_index=True)

    def _scored(self, folder: Path) -> pd.DataFrame:
        tables = RecordTables.read(folder)
        matrix = build_invoices(tables)
        audits = audit_bills(matrix.bills, Contracts.of_tables(tables), self._model.settings)
        scores = self._model.score(matrix, audits)
        return pd.DataFrame(
            {
                "invoice_id": [bill.invoice.invoice_id for bill in matrix.bills],
                "proven_minor": scores.proven_minor,
                "probability": scores.probability,
                "suspected_minor": scores.suspected_minor,
                "unusual": scores.unusual,
                "minutes": scores.minutes,
                "worth": scores.worth,
            }
        )


mlflow.models.set_model(RegisteredAuditModel())
