"""Shapes of proposals to raise a limit."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, Field

from features.vocabulary import Branch, SubjectType
from routing.policy import Mode
from serving.db.tables import StepUpRow
from serving.directives.schemas import Reason
from serving.shapes import Body


class StepUpBody(Body):
    """What a limit is to be raised to, and why."""

    mode: Mode | None = Field(description="null lifts the limit: then the bundle alone says how far branches go")
    reason: Reason


class ApproveBody(Body):
    """The digest of what was proposed and shown, which the approval signs."""

    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RejectBody(Body):
    """Why a proposal is rejected, or taken back."""

    reason: Reason


class StepUpStatus(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class EvidenceShape(BaseModel):
    """How people answered one branch, of the decisions in which it would then have acted by itself."""

    subject: SubjectType | None = Field(default=None, description="of whose bundle; null in a proposal of before")
    branch: Branch
    against_at_most: float = Field(description="share of its suggestions that may be turned down")
    answers: int
    against: int
    people: int = Field(description="how many gave the answers")
    needed: int = Field(description="answers that show it with 95 % confidence, if no more are against")


class StepUpAnswer(BaseModel):
    """A proposal with its evidence. Whoever approves it signs `digest`: of limit, mode, bundle and evidence."""

    step_up_id: str
    directive_id: str
    mode: Mode | None
    reason: str
    evidence: list[EvidenceShape]
    policy_digest: str
    digest: str
    status: StepUpStatus
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None

    @classmethod
    def of(cls, row: StepUpRow) -> Self:
        """Shape a proposal."""
        pack = json.loads(row.evidence)
        return cls(
            step_up_id=row.step_up_id,
            directive_id=row.directive_id,
            mode=None if row.mode is None else Mode(row.mode),
            reason=row.reason,
            evidence=[EvidenceShape(**each) for each in pack["evidence"]],
            policy_digest=pack["policy"],
            digest=row.digest,
            status=StepUpStatus(row.status),
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            note=row.note,
        )


class StepUpList(BaseModel):
    """Proposals, newest first; give `next` as `before` for the page after, null if this is the last."""

    step_ups: list[StepUpAnswer]
    next: int | None

    @classmethod
    def of(cls, rows: list[StepUpRow], limit: int) -> Self:
        """Shape a page."""
        answers = [StepUpAnswer.of(row) for row in rows]
        return cls(step_ups=answers, next=rows[-1].position if len(rows) == limit else None)
