"""Shapes of common causes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field

from features.vocabulary import SubjectType
from serving.causes import repository
from serving.causes.service import Cause
from serving.db.tables import ChildRow
from serving.shapes import NO_NUL, Body


class CauseStatus(StrEnum):
    """Where a cause stands: `over` by its counts, `closed` or `declined` by a person."""

    STANDING = repository.STANDING
    OVER = repository.OVER
    CLOSED = repository.CLOSED
    DECLINED = repository.DECLINED


class ChildStatus(StrEnum):
    """What became of a shipment, invoice or order line that a cause held.

    `drained`: decided anew in its turn when the cause was over; `decided`: decided anew for another reason, e.g. an
    event of its own; `gone`: nothing is left to decide, as it was delivered or picked meanwhile; `failed`: it could not
    be decided anew.
    """

    HELD = repository.HELD
    DRAINED = repository.DRAINED
    DECIDED = repository.DECIDED
    GONE = repository.GONE
    FAILED = repository.FAILED


class SayBody(Body):
    """What a person says of a cause."""

    note: Annotated[str, Field(min_length=1, max_length=2000, pattern=NO_NUL)] | None = None


class CauseAnswer(BaseModel):
    """A common cause, in place of the many exceptions it brings about."""

    cause_id: str
    subject_type: SubjectType = Field(description="what it holds: shipments, invoices or order lines")
    playbook: str
    key: str = Field(description="its scope, e.g. the carrier")
    status: CauseStatus
    title: str
    because: str = Field(description="the counts it was declared by")
    decision_id: str = Field(description="the sealed decision that declared it")
    owner: str
    answer_by: datetime = Field(description="by when the owner has promised to look")
    call_id: str | None = Field(description="the call to the owner, if one was made")
    not_called_because: str | None
    declared_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    ended_by: str | None
    ended_at: datetime | None
    ended_because: str | None
    drained_at: datetime | None = Field(description="when nothing was held any more")
    runbook: list[str]
    children: dict[ChildStatus, int] = Field(description="how many cases it holds or held, by what became of them")
    at_stake_minor: int = Field(description="what is expected to be lost with what is held, in minor units")
    currency: str

    @classmethod
    def of(cls, cause: Cause) -> Self:
        """Shape a cause."""
        row = cause.row
        return cls(
            cause_id=row.cause_id,
            subject_type=SubjectType(row.subject_type),
            playbook=row.playbook,
            key=row.key,
            status=CauseStatus(row.status),
            title=row.title,
            because=row.because,
            decision_id=row.decision_id,
            owner=row.owner,
            answer_by=row.answer_by,
            call_id=row.call_id,
            not_called_because=row.not_called_because,
            declared_at=row.declared_at,
            confirmed_by=row.confirmed_by,
            confirmed_at=row.confirmed_at,
            ended_by=row.ended_by,
            ended_at=row.ended_at,
            ended_because=row.ended_because,
            drained_at=row.drained_at,
            runbook=list(cause.runbook),
            children={status: cause.children.get(status.value, 0) for status in ChildStatus},
            at_stake_minor=cause.at_stake_minor,
            currency=cause.currency,
        )


class CauseList(BaseModel):
    """Common causes, newest first; give `next` as `before` for the page after, null if this is the last."""

    causes: list[CauseAnswer]
    next: int | None

    @classmethod
    def of(cls, causes: list[Cause], limit: int) -> Self:
        """Shape a page."""
        full = len(causes) == limit
        return cls(causes=[CauseAnswer.of(each) for each in causes], next=causes[-1].row.position if full else None)


class ChildAnswer(BaseModel):
    """A shipment, invoice or order line that a cause holds or held."""

    subject_type: SubjectType
    subject_id: str
    shipment_id: str | None = Field(description="null if it is not a shipment")
    title: str | None = Field(description="what it is, in words; null if it was held before that was kept")
    status: ChildStatus
    decision_id: str = Field(description="the newest sealed decision that holds it and names the cause")
    held_at: datetime
    value_at_stake_minor: int
    currency: str | None
    latest_useful_at: datetime | None
    settled_at: datetime | None
    settled_decision_id: str | None
    settled_because: str | None


class ChildList(BaseModel):
    """What it holds or held, by the ids; give `next` as `after` for the page after, null if this is the last."""

    children: list[ChildAnswer]
    next: str | None

    @classmethod
    def of(cls, rows: list[ChildRow], limit: int) -> Self:
        """Shape a page."""
        children = [ChildAnswer.model_validate(row, from_attributes=True) for row in rows]
        return cls(children=children, next=rows[-1].subject_id if len(rows) == limit else None)
