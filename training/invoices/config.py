"""How the invoice audit is trained: one YAML file, read once, kept inside the model's bundle."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.audit.company import AuditConfig
from models.audit.score import ReviewMinutes
from training.config import MissedConfig, Share, Split, Strict, Trees


class MinutesConfig(Strict):
    """Minutes of review by what is to be done."""

    proven: Annotated[float, Field(gt=0)] = 3.0
    question: Annotated[float, Field(gt=0)] = 5.0
    suspicion: Annotated[float, Field(gt=0)] = 12.0

    def minutes(self) -> ReviewMinutes:
        """Return them as the model keeps them."""
        return ReviewMinutes(**self.model_dump())


class InvoicesConfig(Strict):
    """Configuration of the invoice audit.

    Attributes
    ----------
    split
        By the arrival of invoices.
    label_after_days
        So many days after its arrival a review of an invoice is known; a label that came after the end of its period
        is not learnt from.
    review_share
        Share of the minutes that a look at every invoice would take, for which the ranking is judged.
    """

    name: str = "invoices"
    owner: str
    data: str = Field(description="what the data is, in words; 'synthetic' must be said where it is")
    split: Split
    label_after_days: Annotated[int, Field(ge=0)] = 30
    trees: Trees = Trees(num_leaves=31, max_depth=8, learning_rate=0.05, min_child_samples=10, feature_fraction=1.0,
                         bagging_fraction=1.0, lambda_l2=0.0, max_rounds=400)  # fmt: skip
    audit: AuditConfig = AuditConfig()
    minutes: MinutesConfig = MinutesConfig()
    missed: MissedConfig = MissedConfig()
    review_share: Share = 0.05
    seed: int = 1
