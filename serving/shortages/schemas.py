"""The shape of a judged order line: a line of `triage shortages`, and of the answer of `POST /v1/score/shortage`.

Quantities are in the article's own unit. What is not known is null, never zero.
"""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import LineMoment, ShortageCause
from models.contracts import Explanation
from models.customer_words import OF_SHORTAGE
from models.shortage_evidence import Evidence, LineVerdict
from serving.scores.schemas import CustomerReasonShape, ReasonShape
from serving.shortages.stake import Stake

Floats = NDArray[np.float64]


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
            holders=[HolderShape(name=each.name, quantity=each.quantity) for each in evidence.holders],
            nodes=[NodeShape(place=each.place, free=each.free) for each in evidence.nodes],
            covered_by=evidence.covered_by,
            substitute=evidence.substitute,
        )


class StockShape(BaseModel):
    """What is known of the article at the line's place, and of how far it can be trusted."""

    on_hand: float
    free: float = Field(description="on hand, less what is held, damaged or reserved for others")
    reserved_for_others: float
    held: float
    damaged: float
    unreserved_ahead: float = Field(description="wanted by lines that come first and have not reserved it")
    inbound: float | None = Field(description="in transit; null where nothing was ever told in transit to the place")
    inbound_due: float | None = Field(description="of it, what is expected before the line is due; null if unknown")
    inbound_overdue: float | None = Field(description="of it, what should have come")
    inbound_put_off: float | None = Field(description="of it, what was put off")
    inbound_late_share: float | None = Field(description="share late that is reckoned with for such lots")
    adjustments_28d: float | None
    adjusted_28d: float | None = Field(description="what these adjustments added in all; negative if they took away")
    short_share_28d: float | None = Field(description="share short that is reckoned with for such picks")

    @classmethod
    def of(cls, values: Floats) -> StockShape:
        """Shape the features of a line: float64 [len(INVENTORY_FEATURES)], with stock known."""
        given = dict(zip(INVENTORY_NAMES, values.tolist(), strict=True))
        known = {name: None if math.isnan(given[feature]) else given[feature] for name, feature in _STOCK.items()}
        return cls(**known)


_STOCK = {
    **{name: name for name in ("on_hand", "free", "reserved_for_others", "held", "damaged", "unreserved_ahead")},
    **{name: name for name in ("inbound", "inbound_due", "inbound_overdue", "inbound_put_off", "short_share_28d")},
    "inbound_late_share": "lots_late_share_90d",
    "adjustments_28d": "adjustment_count_28d",
    "adjusted_28d": "adjustment_net_28d",
}
"""The feature that each number of `StockShape` is."""


class StakeShape(BaseModel):
    """What a shortage of the line costs, and what an analyst's minute on it saves; minor units of `currency`."""

    currency: str
    unit_value_minor: int
    lateness_share: float = Field(description="share of its value that lateness costs a customer of that tier")
    loss_minor: float = Field(description="quantity at risk × value of a unit × lateness share")
    expected_loss_minor: float = Field(description="probability × loss")
    saved_share: float = Field(description="share of the quantity at risk that other places could give")
    saving_minor: float = Field(description="expected loss × saved share")
    minutes: float = Field(description="of an analyst, as the bundle in force says")
    worth_minor_per_minute: float = Field(description="what all that waits is ordered by")

    @classmethod
    def of(cls, stake: Stake) -> StakeShape:
        """Shape a stake."""
        matter = stake.matter
        return cls(
            currency=stake.currency,
            unit_value_minor=stake.unit_value_minor,
            lateness_share=stake.lateness_share,
            loss_minor=matter.loss_minor,
            expected_loss_minor=matter.expected_loss_minor,
            saved_share=matter.saved_share,
            saving_minor=matter.saving_minor,
            minutes=matter.minutes,
            worth_minor_per_minute=matter.worth_minor_per_minute,
        )


class LineModelShape(BaseModel):
    """Which model spoke: "none" if none did."""

    name: str
    version: str
    fingerprints: dict[str, str]


class LineExplanationShape(BaseModel):
    """Why a probability is what it is, in log-odds: base and reasons add up to `log_odds`, which the probability is of.

    The last reason is the sum of all that are not listed; its `feature` is empty.
    """

    base_log_odds: float
    log_odds: float
    reasons: list[ReasonShape]
    customer_reasons: list[CustomerReasonShape] = Field(
        description="the same in words for a customer, by subject; with the base they add up too"
    )

    @classmethod
    def of(cls, explanation: Explanation) -> LineExplanationShape:
        """Shape a model's explanation."""
        reasons = [ReasonShape.of(reason) for reason in explanation.reasons]
        for_customer = CustomerReasonShape.all_of(explanation.contributions, OF_SHORTAGE)
        return cls(
            base_log_odds=explanation.base_log_odds,
            log_odds=explanation.log_odds,
            reasons=reasons,
            customer_reasons=for_customer,
        )


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
    verdict: LineVerdict | None = Field(default=None, description="what the books say; null in older files")
    evidence: EvidenceShape | None = Field(description="null where its stock is unknown or stale")
    stock: StockShape | None = Field(default=None, description="null where its stock is unknown or stale")
    reasons: list[str] = Field(description="what weighs most in the probability, in words")
    explanation: LineExplanationShape | None = Field(
        default=None, description="the reasons with what each adds; null where nobody asked, and in files"
    )
    stake: StakeShape | None = Field(default=None, description="null where it cannot be told, and in files")
    stake_unknown_because: str | None = None
    abstained_because: list[str]
    model: LineModelShape
    features_digest: str = Field(description="SHA-256 of the feature values")
