"""Shapes of outcomes and of the calls they are about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from features.vocabulary import Branch
from routing.effects import Effect, Outcome, Reception, Report
from serving.db.tables import OutcomeRow, OutgoingCallRow
from serving.decisions.schemas import CallShape, PageAsked
from serving.effects.service import Told, call_id_of
from serving.shapes import NO_NUL, Body

CallId = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_NUL)]
Step = Annotated[int, Field(ge=1, le=1000)] | Literal["compensate"]


class OutcomeBody(Body):
    """What became of a call, named by its id, or by decision, branch and step."""

    call_id: CallId | None = Field(default=None, description="`id` of the branch call, its `data.idempotency_key`")
    decision_id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)] | None = None
    branch: Branch | None = None
    step: Step | None = Field(default=None, description="1 if left out; `compensate`: the call that undoes the first")
    outcome: Literal["done", "failed", "partial"]
    occurred_at: AwareDatetime = Field(description="when it was done, or when it failed")
    reference: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)] | None = Field(
        default=None, description="what it is known by elsewhere, e.g. the number of the booking"
    )
    reason: Reason | None = Field(default=None, description="why it failed, or what was done of it; for people")

    @model_validator(mode="after")
    def _names_one_call(self) -> Self:
        by_parts = (self.decision_id, self.branch)
        if (self.call_id is None) == (None in by_parts) or (self.call_id is not None and any((*by_parts, self.step))):
            raise ValueError("name the call either by call_id, or by decision_id and branch (and step)")
        return self

    @property
    def named(self) -> str:
        """The id of the call."""
        if self.call_id is not None:
            return self.call_id
        assert self.decision_id is not None  # noqa: S101  validated
        assert self.branch is not None  # noqa: S101  validated
        return call_id_of(self.decision_id, self.branch, self.step or 1)

    @property
    def report(self) -> Report:
        """What is said of it."""
        return Report(
            outcome=Outcome(self.outcome), occurred_at=self.occurred_at, reference=self.reference, reason=self.reason
        )


class OutcomeAnswer(BaseModel):
    """How a report was taken, and how the effect stands now.

    `counted`: it is the first. `repeated`: it was reported before, and changes nothing. `contradicting`: it excludes
    what is known; both are kept, neither is believed, and a person decides.
    """

    call_id: str
    reception: Reception
    effect: Effect
    outcome: Outcome | None
    reference: str | None
    review_item_id: str | None = Field(description="the item that asks a person about it, if one waits")

    @classmethod
    def of(cls, told: Told) -> Self:
        """Shape what came of a report."""
        row = told.call
        return cls(
            call_id=row.call_id,
            reception=told.received.reception,
            effect=Effect(row.effect),
            outcome=None if row.outcome is None else Outcome(row.outcome),
            reference=row.reference,
            review_item_id=told.item_id,
        )


class ReportShape(BaseModel):
    """A report as it was taken."""

    outcome: Outcome
    occurred_at: datetime
    reported_at: datetime
    reported_by: str
    reference: str | None
    reason: str | None
    reception: Reception


class CallAnswer(CallShape):
    """A call with what was reported of it, oldest first."""

    reports: list[ReportShape]
    review_item_id: str | None = Field(description="the item that asks a person about it, if one waits")

    @classmethod
    def of(cls, row: OutgoingCallRow, reports: list[OutcomeRow], item_id: str | None) -> Self:
        """Shape a call."""
        return cls(
            **CallShape.model_validate(row, from_attributes=True).model_dump(),
            reports=[ReportShape.model_validate(each, from_attributes=True) for each in reports],
            review_item_id=item_id,
        )


class CallsAsked(PageAsked):
    """Which calls are listed: all, or those about one shipment, one invoice or one order line."""

    effect: Effect | None = Field(default=None, description="only those whose effect stands so")


class CallList(BaseModel):
    """Calls, newest first; give `next` as `before` for the page after, null if this is the last."""

    calls: list[CallShape]
    next: int | None

    @classmethod
    def of(cls, rows: list[OutgoingCallRow], limit: int) -> Self:
        """Shape a page."""
        calls = [CallShape.model_validate(row, from_attributes=True) for row in rows]
        return cls(calls=calls, next=rows[-1].position if len(rows) == limit else None)


class UndoCallBody(Body):
    """Why a call is undone."""

    reason: Reason
