"""The shape of a judged order line: a line of `triage shortages`.

Quantities are in the article's own unit. What is not known is null, never zero.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pydantic import BaseModel, Field

from features.vocabulary import LineMoment, ShortageCause
from models.shortage_evidence import Evidence


class HolderShape(BaseModel):
    """Who else has reserved some of the article at the line's place."""

    name: str
    quantity: float


class NodeShape(BaseModel):
    """Another place that has some to give."""

    place: str
    free: float


class EvidenceShape(BaseModel):
    """What speaks for a shortage of the line."""

    cause: ShortageCause = Field(description="the likely one, should it be short")
    quantity_at_risk: float
    words: list[str]
    holders: list[HolderShape]
    nodes: list[NodeShape]
    covered_by: str | None = Field(description="the place that could give all that is at risk; null if no single one")
    substitute: str

    @classmethod
    def of(cls, evidence: Evidence) -> EvidenceShape:
        """Shape evidence."""
        return cls(
            cause=evidence.cause,
            quantity_at_risk=evidence.quantity_at_risk,
            words=list(evidence.words),
            holders=[HolderShape(**asdict(holder)) for holder in evidence.holders],
            nodes=[NodeShape(**asdict(node)) for node in evidence.nodes],
            covered_by=evidence.covered_by,
            substitute=evidence.substitute,
        )


class LineModelShape(BaseModel):
    """Which model spoke: "none" if none did."""

    name: str
    version: str
    fingerprints: dict[str, str]


class LineAnswer(BaseModel):
    """An order line, judged by what was known at `as_of`."""

    order_id: str
    line_id: str
    sku: str | None
    place: str | None
    wave_id: str | None = Field(description="wave of its newest pick, if one is planned")
    as_of: datetime
    moment: LineMoment
    needed: float = Field(description="what it still needs")
    probability: float | None = Field(description="that it is picked short; null when the model abstains")
    evidence: EvidenceShape | None = Field(description="null where its stock is unknown or stale")
    reasons: list[str] = Field(description="what weighs most in the probability, in words")
    abstained_because: list[str]
    model: LineModelShape
    features_digest: str = Field(description="SHA-256 of the feature values")
