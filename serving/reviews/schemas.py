"""Shapes of the review queue."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, Field

from features.vocabulary import Branch, SubjectType
from routing.facts import Unknown
from serving.reviews.items import Item, is_of_case
from serving.reviews.reasons import MEANINGS, Answer, ReasonCode
from serving.reviews.service import Claimed, Detail, QueuePage
from serving.reviews.stakes import Stake, stake_in
from serving.shapes import NO_NUL, Body

Token = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL, description="what the claim returned")]
Note = Annotated[str, Field(max_length=2000, pattern=NO_NUL, description="in your own words")]


class ItemStatus(StrEnum):
    """Where an item stands; a claim that ran out is open again."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"


class PriorityShape(BaseModel):
    """What the queue is ordered by, and what went into it. Amounts are minor units of the policy's currency."""

    expected_loss_minor: int = Field(description="probability that it goes wrong × what it costs then")
    saved_share: float = Field(description="share of it that the suggested action can still save")
    in_time: float = Field(description="0 once the latest useful moment of the suggestion is past")
    saving_minor: int
    minutes: float = Field(description="an analyst's, for looking at it and carrying the suggestion out")
    worth_minor_per_minute: float = Field(description="saving_minor ÷ minutes")

    @classmethod
    def of(cls, item: Item) -> PriorityShape:
        """Shape an item's priority."""
        matter = item.matter
        return cls(
            expected_loss_minor=item.value_at_stake_minor,
            saved_share=matter.saved_share,
            in_time=matter.in_time,
            saving_minor=round(matter.saving_minor),
            minutes=matter.minutes,
            worth_minor_per_minute=round(matter.worth_minor_per_minute, 2),
        )


class LossShape(BaseModel):
    """What is behind the expected loss: the risk, and what it costs if it is late."""

    probability: float
    is_guess: bool = Field(description="the risk is not known: as likely late as not")
    loss_if_late_minor: int | None = Field(description="the higher of the two below; null where it is not known")
    by_tier_minor: int | None = Field(description="value × lateness share of the customer's tier")
    by_terms_minor: int | None = Field(description="penalties written into the shipment, for one day")
    unknown_because: str | None

    @classmethod
    def of(cls, stake: Stake) -> LossShape:
        """Shape what is at stake."""
        loss = None if isinstance(stake.loss, Unknown) else stake.loss
        return cls(
            probability=stake.probability,
            is_guess=stake.is_guess,
            loss_if_late_minor=None if loss is None else loss.minor,
            by_tier_minor=None if loss is None else loss.by_tier_minor,
            by_terms_minor=None if loss is None else loss.by_terms_minor,
            unknown_because=stake.loss.reason if isinstance(stake.loss, Unknown) else None,
        )


class ItemAnswer(BaseModel):
    """One item of the queue. `value_at_stake_minor` is in minor units of `currency`: the expected loss."""

    item_id: str
    decision_id: str
    subject_type: SubjectType
    subject_id: str
    shipment_id: str | None = Field(description="null if it is not about a shipment")
    title: str
    why: str
    suggested_branch: Branch = Field(description="`none`: nothing is suggested, a person has to find out")
    value_at_stake_minor: int
    priority: PriorityShape
    currency: str | None
    created_at: datetime
    latest_useful_at: datetime | None
    too_late: bool = Field(description="the suggested action is of no use any more")
    status: ItemStatus
    claimed_by: str | None
    claim_expires_at: datetime | None
    verdict: Answer | None
    verdict_branch: Branch | None
    reason_code: ReasonCode | None
    note: str | None
    closed_by: str | None
    closed_at: datetime | None
    call_id: str | None = Field(description="the call whose effect it asks about; null if it asks what is to be done")

    @classmethod
    def of(cls, item: Item) -> ItemAnswer:
        """Shape an item."""
        plain = {name: getattr(item, name) for name in Item.__dataclass_fields__ if name not in ("saving", "key")}
        about = {"subject_type": item.key.type, "subject_id": item.key.id, "shipment_id": item.shipment_id}
        return cls(**plain, **about, priority=PriorityShape.of(item))


class QueueAnswer(BaseModel):
    """A page of the queue; give `next` as `cursor` for the page after, null if this is the last."""

    items: list[ItemAnswer]
    next: str | None
    counts: dict[str, int] = Field(description="how many items of that kind are open, claimed and done altogether")

    @classmethod
    def of(cls, page: QueuePage) -> QueueAnswer:
        """Shape a page."""
        return cls(items=[ItemAnswer.of(item) for item in page.items], next=page.next_cursor, counts=page.counts)


class DetailAnswer(ItemAnswer):
    """An item with the sealed decision behind it, and the reasons that may be given for an answer."""

    loss: LossShape | None = Field(description="null if it is not about a shipment")
    decision: dict[str, Any]
    reasons_to_override: dict[ReasonCode, str]
    reasons_to_dismiss: dict[ReasonCode, str]

    @classmethod
    def with_decision(cls, detail: Detail) -> DetailAnswer:
        """Shape an item with its decision."""
        return cls(
            **ItemAnswer.of(detail.item).model_dump(),
            loss=_loss(detail),
            decision=detail.decision,
            reasons_to_override=_reasons(Answer.OVERRIDE),
            reasons_to_dismiss=_reasons(Answer.DISMISS),
        )


class ClaimAnswer(BaseModel):
    """A claim: every write to the item needs `claim_token`, until `expires_at`."""

    claim_token: str
    expires_at: datetime
    item: ItemAnswer

    @classmethod
    def of(cls, claimed: Claimed) -> ClaimAnswer:
        """Shape a claim."""
        return cls(claim_token=claimed.token, expires_at=claimed.expires_at, item=ItemAnswer.of(claimed.item))


class ClaimBody(Body):
    """Nothing to claim a free item; the token of a claim that holds, to let it run longer."""

    claim_token: Token | None = None


class ReleaseBody(Body):
    """Give an item back."""

    claim_token: Token


class AcceptBody(Body):
    """Let the suggested branch be carried out."""

    claim_token: Token
    note: Note | None = None


class OverrideBody(Body):
    """Let another branch be carried out."""

    claim_token: Token
    branch: Branch
    reason_code: ReasonCode
    note: Note | None = None


class SettleBody(Body):
    """Say of the call of an item whether it was done."""

    claim_token: Token
    happened: bool
    note: Note | None = None


class UndoBody(Body):
    """Undo the call of an item, or the one that it waits for."""

    claim_token: Token
    call_id: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)] | None = None
    note: Note | None = None


class DismissBody(Body):
    """Do nothing about it."""

    claim_token: Token
    reason_code: ReasonCode
    note: Note | None = None


def _loss(detail: Detail) -> LossShape | None:
    if detail.item.key.type is not SubjectType.SHIPMENT or not is_of_case(detail.item, detail.decision):
        return None
    return LossShape.of(stake_in(detail.decision, detail.policy.costs))


def _reasons(answer: Answer) -> dict[ReasonCode, str]:
    return {code: meaning.words for code, meaning in MEANINGS.items() if answer in meaning.answers}
