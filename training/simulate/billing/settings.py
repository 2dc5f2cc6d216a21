"""What may be set about generated invoices on recorded rates. The seed is not here: the caller passes the generator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=0.5)]


class PaperShares(BaseModel):
    """How right bills are written.

    Attributes
    ----------
    rounded_otherwise_share
        Share of bills whose fuel surcharge the carrier rounds the other way.
    supplement_share, replaced_share
        Shares of right bills that come in two parts, where they have charges that come later; and of those that are
        cancelled and written anew.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounded_otherwise_share: Share = 0.03
    supplement_share: Share = 0.02
    replaced_share: Share = 0.005


class QuoteSettings(PaperShares):
    """Temper of a set of invoices on recorded freight costs.

    Attributes
    ----------
    quoted_share
        Share of loads whose price was agreed beforehand and is on record: what was recorded as their cost.
    error_share
        Share of bills with an injected error.
    novel_after
        Kinds of error that are kept out of training come only with loads that leave later.
    """

    quoted_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    error_share: Share = 0.105
    novel_after: AwareDatetime = datetime(2013, 1, 1, tzinfo=UTC)


class BillingSettings(PaperShares):
    """Size and temper of a set of invoices on a recorded rate card.

    Attributes
    ----------
    start, days
        Loads leave in this time. The recorded rate card has no dates; it is agreed before the start.
    loads
        Number of loads; each is billed once, but for supplements, replacements and repeats.
    error_share
        Share of bills with an injected error.
    novel_after_days
        Kinds of error that are kept out of training come only after so many days.
    missing_weight_share, late_evidence_share, revised_share
        Shares of loads without a weight on record; of events that are known only after the bill; of loads whose weight
        was put right before the bill, so that it agrees with it.
    order_weight_share
        Share of loads with the weight of a recorded order; the others have that of a recorded delivery, for spread.
    """

    start: AwareDatetime = datetime(2013, 6, 3, tzinfo=UTC)
    days: Annotated[int, Field(ge=60, le=1_500)] = 360
    loads: Annotated[int, Field(ge=50, le=200_000)] = 12_000
    error_share: Share = 0.105
    novel_after_days: Annotated[int, Field(ge=0)] = 255
    missing_weight_share: Share = 0.01
    late_evidence_share: Share = 0.003
    revised_share: Share = 0.01
    order_weight_share: Annotated[float, Field(ge=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _novel_within(self) -> Self:
        if self.novel_after_days >= self.days:
            raise ValueError(f"novel_after_days ({self.novel_after_days}) is not within the {self.days} days")
        return self
