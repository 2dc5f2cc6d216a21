"""Shapes of policy bundles and of their lives."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, Field

from features.vocabulary import Branch, SubjectType
from routing.preview.roster import FIRST_LOOK_MINUTES, REVIEWERS
from routing.rollout import ALL
from serving.db.tables import OverdueReviewRow, PolicyMoveRow
from serving.directives.schemas import Reason
from serving.policies.life import Status, Step
from serving.policies.queue import Staffing
from serving.policies.scarcity import BudgetPrice
from serving.policies.service import BudgetLeft
from serving.policies.shadow import ShadowReport
from serving.policies.steps import Known
from serving.shapes import Body

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Group = Annotated[str, Field(max_length=100)]


class SubmitBody(Body):
    """A bundle, and the past that it is tried on for the evidence."""

    text: Annotated[str, Field(min_length=1, description="the bundle as written, YAML")]
    reason: Reason
    since: AwareDatetime | None = Field(default=None, description="default: seven days before `until`")
    until: AwareDatetime | None = Field(default=None, description="default: now")
    reviewers: Annotated[list[Group], Field(min_length=1, max_length=50)] = Field(
        default=[REVIEWERS],
        description="who looks at the review queue, and when: `3`, or `3 mon-fri 08:00-17:00 Europe/Berlin`",
    )
    first_look_minutes: Annotated[float, Field(ge=0, le=100_000)] = Field(
        default=FIRST_LOOK_MINUTES, description="within how many minutes everything in the queue is to be looked at"
    )

    @property
    def staffing(self) -> Staffing:
        """Who looks at the queue when, and within which time everything is to be looked at."""
        return Staffing.parse(self.reviewers, self.first_look_minutes)


class SignBody(Body):
    """The digest of the evidence that was shown, which the approval signs; it covers the bytes of the bundle."""

    signs: Digest
    waives: Reason | None = Field(
        default=None,
        description="why fewer past decisions than the evidence asks for are enough; kept with the approval",
    )


class ReasonBody(Body):
    """Why."""

    reason: Reason


class RollBackBody(ReasonBody):
    """Why, and whose bundle is taken back."""

    subject: SubjectType = Field(default=SubjectType.SHIPMENT, description="whose bundle is taken back")


class ShadowBody(Body):
    """Whether a bundle decides in shadow."""

    on: bool


class PublishBody(Body):
    """For which share of its subjects, and why."""

    share: Annotated[float, Field(gt=0, le=1, description="1: for all. A share only grows")] = 1.0
    reason: Reason

    @property
    def share_millionths(self) -> int:
        """The share in millionths, at least one."""
        return max(1, round(self.share * ALL))


class MoveShape(BaseModel):
    """One step, and what is in force after it."""

    position: int
    at: datetime
    actor: str
    action: Step
    subject: SubjectType = Field(description="what the bundle decides about")
    digest: str = Field(description="of the bundle that the step is about; for `rolled_back` the one taken away")
    reason: str | None
    signs: str | None
    live: str
    candidate: str | None = Field(description="the bundle that a rollout gives its share to")
    share: float | None
    shadow: str | None

    @classmethod
    def of(cls, row: PolicyMoveRow) -> Self:
        """Shape a move."""
        return cls(
            position=row.position,
            at=row.at,
            actor=row.actor,
            action=Step(row.action),
            subject=SubjectType(row.subject_type),
            digest=row.digest,
            reason=row.reason,
            signs=row.signs,
            live=row.live_digest,
            candidate=row.candidate_digest,
            share=None if row.share_millionths is None else row.share_millionths / ALL,
            shadow=row.shadow_digest,
        )


class BundleShape(BaseModel):
    """A bundle and where it stands."""

    digest: str
    name: str
    version: int
    subject: SubjectType = Field(description="what it decides about")
    status: Status
    share: float = Field(description="of its subjects that it decides about now")
    unapproved: bool = Field(
        description="one person alone has put it in force, and no second one has approved it since"
    )
    submitted_by: list[str]

    @classmethod
    def of(cls, known: Known, **more: Any) -> Self:
        """Shape a bundle."""
        row, life, standing = known.bundle, known.life, known.standing
        rising = (standing.share_millionths or 0) / ALL
        share = {standing.live_digest: 1 - rising, standing.candidate_digest: rising}.get(row.digest, 0.0)
        return cls(
            digest=row.digest,
            name=row.name,
            version=row.version,
            subject=SubjectType(row.subject_type),
            status=known.status,
            share=share,
            unapproved=life.is_unapproved,
            submitted_by=sorted(life.authors),
            **more,
        )


class BundleAnswer(BundleShape):
    """A bundle with its text, its evidence and its life. Whoever approves it signs `signs`."""

    content_hash: str
    text: str
    evidence: dict[str, Any] | None = Field(description="of the newest submission")
    signs: str | None
    moves: list[MoveShape]

    @classmethod
    def answer(cls, known: Known) -> Self:
        """Shape a bundle with all there is of it."""
        submission = known.life.submission
        return cls.of(
            known,
            content_hash=known.bundle.content_hash,
            text=known.bundle.text,
            evidence=None if submission is None or submission.pack is None else json.loads(submission.pack),
            signs=None if submission is None else submission.signs,
            moves=[MoveShape.of(move) for move in known.life.moves],
        )


class BundleList(BaseModel):
    """All bundles, newest first."""

    policies: list[BundleShape]


class MoveList(BaseModel):
    """Steps, newest first; give `next` as `before` for the page after, null if this is the last."""

    moves: list[MoveShape]
    next: int | None

    @classmethod
    def of(cls, rows: list[PolicyMoveRow], limit: int) -> Self:
        """Shape a page."""
        return cls(moves=[MoveShape.of(row) for row in rows], next=rows[-1].position if len(rows) == limit else None)


class PartLeft(BaseModel):
    """What is left of a budget for somebody."""

    whose: dict[str, str] = Field(description="by the facts of `per`, e.g. carrier_id; `bundle` is a digest")
    left: float


class BudgetShape(BaseModel):
    """What is left of a budget of a live bundle, in its unit; below zero if people let out more."""

    subject: SubjectType = Field(description="what the bundle decides about")
    name: str
    amount: float
    unit: str
    per_hours: float
    per: list[str] = Field(description="for whose values it is kept apart; empty: for all together")
    left: float | None = Field(description="null if it is kept apart")
    parts: list[PartLeft] = Field(description="if so, for whom it was used, least left first; others have the amount")

    @classmethod
    def of(cls, found: BudgetLeft) -> Self:
        """Shape what is left."""
        budget = found.budget
        return cls(
            subject=found.subject,
            name=budget.name,
            amount=budget.amount,
            unit=budget.unit,
            per_hours=budget.per.total_seconds() / 3600,
            per=list(budget.apart),
            left=found.left,
            parts=[PartLeft(whose=whose, left=left) for whose, left in found.parts],
        )


class BudgetList(BaseModel):
    """Budgets of the live bundles."""

    budgets: list[BudgetShape]


class ScarcityShape(BaseModel):
    """How scarce a budget was within its hours, for somebody where it is kept apart."""

    whose: dict[str, str] = Field(description="by the facts of `per`; empty where it is for all together")
    cases: int = Field(description="that took of it or went without")
    went_without: int = Field(description="of those, what lacked it and would have cost less with it")
    shadow_price_minor: float = Field(description="what one more unit would have saved, in minor units")


class ShadowPriceShape(BaseModel):
    """What one more unit of a budget of a live bundle would have saved within its hours."""

    subject: SubjectType = Field(description="what the bundle decides about")
    name: str
    unit: str
    per_hours: float
    price_minor: int = Field(description="what a unit costs a branch that uses it, as the bundle has it")
    currency: str
    since: datetime = Field(description="later than the budget's hours ago where too much was decided to look at all")
    parts: list[ScarcityShape] | None = Field(
        description="dearest first; empty if nobody took or lacked any; null where costs do not choose the branch"
    )

    @classmethod
    def of(cls, found: BudgetPrice, limit: int) -> Self:
        """Shape the price of a budget."""
        budget = found.budget
        parts = None if found.parts is None else found.parts[:limit]
        return cls(
            subject=found.subject,
            name=budget.name,
            unit=budget.unit,
            per_hours=budget.per.total_seconds() / 3600,
            price_minor=budget.price_minor,
            currency=found.currency,
            since=found.since,
            parts=None if parts is None else [ScarcityShape(whose=whose, **part._asdict()) for whose, part in parts],
        )


class ShadowPriceList(BaseModel):
    """Budgets of the live bundles, priced."""

    budgets: list[ShadowPriceShape]


class OverdueShape(BaseModel):
    """A part of a bundle that nobody has looked at by its day."""

    overdue_id: str
    subject: SubjectType = Field(description="what the bundle decides about")
    digest: str = Field(description="of the bundle under which it was found")
    part: str = Field(description="e.g. thresholds.notify_from; `the bundle` also for all parts without their own day")
    due: date = Field(description="the last day on which it counted as reviewed")
    owner: str
    title: str
    meanwhile: str = Field(description="what is otherwise until somebody has looked")
    decision_id: str = Field(description="the first decision since")
    call_id: str | None = Field(description="the call to the owner")
    not_called_because: str | None
    opened_at: datetime
    closed_at: datetime | None
    closed_because: str | None

    @classmethod
    def of(cls, row: OverdueReviewRow) -> Self:
        """Shape an overdue review."""
        same = {name: getattr(row, name) for name in cls.model_fields if name not in ("subject", "digest")}
        return cls(subject=SubjectType(row.subject_type), digest=row.policy_digest, **same)


class OverdueList(BaseModel):
    """Overdue reviews, newest first; give `next` as `before` for the page after, null if this is the last."""

    reviews: list[OverdueShape]
    next: int | None

    @classmethod
    def of(cls, rows: list[OverdueReviewRow], limit: int) -> Self:
        """Shape a page."""
        shaped = [OverdueShape.of(row) for row in rows]
        return cls(reviews=shaped, next=rows[-1].position if len(rows) == limit else None)


class WithoutShape(BaseModel):
    """A case that would have come to something else for want of budget."""

    decision_id: str
    subject_id: str
    decided_at: datetime
    branch: Branch = Field(description="where it would have gone")
    instead: Branch = Field(description="where it would have gone for want of budget")
    lacked: list[str] = Field(description="the budgets of which too little would have been left")


class ShadowAnswer(BaseModel):
    """What a bundle would have decided while it was in shadow, and on how much of what was decided that rests."""

    decisions: int = Field(description="made from the first to the last that it looked at")
    looked_at: int
    failed: int = Field(description="of those it looked at, at which it came to nothing, for an error of ours")
    coverage: float | None
    summary: dict[str, Any] = Field(
        description="of this page, as `triage policy preview --json` writes it; `budgets` as if what the bundle "
        "decided before had gone out, `passed_over` and all else as it was decided beside the one in force"
    )
    went_without: list[WithoutShape] = Field(description="the newest 100 of this page, by what `budgets` rests on")
    next: int | None = Field(description="give it as `before` for the page after; null if this is the last")

    @classmethod
    def of(cls, report: ShadowReport) -> Self:
        """Shape a report."""
        decided = report.looked_at - report.failed
        return cls(
            decisions=report.decisions,
            looked_at=report.looked_at,
            failed=report.failed,
            coverage=decided / report.decisions if report.decisions else None,
            summary=report.summary.as_json(),
            went_without=[WithoutShape(**each._asdict()) for each in report.without],
            next=report.next,
        )
