"""Shapes of decisions. All of them are read from the sealed body, so a new decision and an old one look alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.vocabulary import Branch, Moment, SubjectType, Verdict
from routing.counterfactuals import Counterfactual
from routing.decision import SealedDecision
from routing.dispatch.envelope import call_id_for
from routing.effects import Effect, Outcome
from routing.policy import Mode
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions.calls import is_called
from serving.reviews.asking import item_id_of
from serving.scores.schemas import ModelShape, ReasonShape, ShipmentId
from serving.shapes import Position


class PolicyShape(BaseModel):
    """Which policy decided; `digest` is the SHA-256 of its document."""

    name: str
    version: int
    digest: str


class DecidedShape(BaseModel):
    """What is answered of a decision whatever it is about.

    `recommended_branch` is what the rules say, `branch` what happens; where they differ, `held_because` (it went before
    a person) or `suppressed_because` (nothing is done) says why.
    """

    decision_id: str
    sequence: int
    hash: str
    decided_at: datetime
    branch: Branch
    recommended_branch: Branch
    decided_by: str
    mode: Mode
    reason_staff: str
    held_because: str | None
    suppressed_because: str | None
    missing: dict[str, str] = Field(description="facts that stood in the way, each with the reason")
    latest_useful_at: datetime | None
    call_id: str | None = Field(description="the outgoing call, if the branch is one")
    review_item_id: str | None = Field(description="the item of the review queue, if there is one")
    cause_id: str | None = Field(description="the common cause that holds it, if one does; see /v1/causes")
    model: ModelShape
    policy: PolicyShape
    already_decided: bool = Field(description="as much was known before, and it was decided then, under another key")


def decided_fields(sealed: SealedDecision, body: Mapping[str, Any], *, already_decided: bool) -> dict[str, Any]:
    """Return the fields of `DecidedShape`, from a sealed decision and its body."""
    branch, model = Branch(body["branch"]), body["model"]
    as_sealed = (
        "decided_at", "recommended_branch", "decided_by", "mode", "held_because", "suppressed_because", "missing",
        "latest_useful_at",
    )  # fmt: skip
    return {
        "decision_id": sealed.decision_id,
        "sequence": sealed.sequence,
        "hash": sealed.hash,
        "branch": branch,
        **{name: body[name] for name in as_sealed},
        "reason_staff": body["explanation"]["staff"],
        "call_id": call_id_for(sealed.decision_id, branch) if is_called(branch) else None,
        "review_item_id": item_id_of(sealed.decision_id) if branch is Branch.REVIEW else None,
        "cause_id": body["cause"]["cause_id"] if "cause" in body else None,
        "model": ModelShape(name=model["name"], version=model["version"]),
        "policy": PolicyShape(**body["policy"]),
        "already_decided": already_decided,
    }


class TriageAnswer(DecidedShape):
    """What was decided about a shipment, and what was set in motion.

    `recommended_branch` is what the rules say, `branch` what happens; where they differ, `held_because` (it went before
    a person) or `suppressed_because` (nothing is done) says why.
    """

    shipment_id: str
    moment: Moment
    probability: float | None
    verdict: Verdict
    abstained_because: list[str]
    reasons: list[ReasonShape] | None = Field(description="null if nobody is going to act and none were asked for")
    reason_customer: str

    @classmethod
    def of(cls, sealed: SealedDecision, *, already_decided: bool) -> Self:
        """Shape a sealed decision."""
        body = json.loads(sealed.body)
        model = body["model"]
        explanation = model["explanation"]
        return cls(
            **decided_fields(sealed, body, already_decided=already_decided),
            shipment_id=body["subject"]["id"],
            moment=model["moment"],
            probability=model["probability"],
            verdict=model["verdict"],
            abstained_because=model["abstained_because"],
            reasons=None if explanation is None else explanation["reasons"],
            reason_customer=body["explanation"]["customer"],
        )


class CallShape(BaseModel):
    """An outgoing call of a decision, how far it has come, and what became of its effect."""

    call_id: str
    decision_id: str
    subject_type: SubjectType
    subject_id: str
    shipment_id: str | None = Field(description="null if it is not about a shipment")
    branch: Branch
    target: str
    status: str
    attempts: int
    created_at: datetime
    delivered_at: datetime | None
    last_error: str | None
    effect: Effect
    effect_at: datetime | None
    effect_because: str | None
    outcome: Outcome | None = Field(description="what was reported of it; null if nobody has")
    reference: str | None = Field(description="what the effect is known by elsewhere, e.g. a booking's number")
    confirm_by: datetime | None = Field(description="then a person is asked, if nobody has reported by then")
    compensates: str | None = Field(description="the call that this one undoes")
    goes_with: str | None = Field(description="the call of the message for several in which it is told of")
    gathers: int | None = Field(description="of a message for several: how many cases it tells of")


class DecisionAnswer(BaseModel):
    """A sealed decision.

    `hash` is the SHA-256 of `previous_hash`, a line feed, `sequence`, a line feed and the canonical JSON of `body`
    (keys sorted, no blanks, ASCII).
    """

    decision_id: str
    sequence: int
    subject_version: str
    previous_hash: str
    hash: str
    body: dict[str, Any]
    calls: list[CallShape]

    @classmethod
    def of(cls, row: DecisionRow, calls: list[OutgoingCallRow]) -> Self:
        """Shape a stored decision."""
        return cls(
            decision_id=row.decision_id,
            sequence=row.sequence,
            subject_version=row.subject_version,
            previous_hash=row.previous_hash,
            hash=row.hash,
            body=json.loads(row.body),
            calls=[CallShape.model_validate(call, from_attributes=True) for call in calls],
        )


class CounterfactualShape(BaseModel):
    """The nearest value of one fact (or threshold, with a `$`) with which the case would have ended otherwise."""

    name: str
    found: bool | int | float | str | datetime | None
    needed: bool | int | float | str | datetime | None
    branch: Branch
    recommended_branch: Branch
    decided_by: str
    changed_by: str | None = Field(description="the owner who can have it so; null: nobody is named")
    words: str

    @classmethod
    def of(cls, found: Counterfactual) -> Self:
        """Shape one."""
        return cls(
            name=found.name,
            found=found.found,
            needed=found.needed,
            branch=found.branch,
            recommended_branch=found.recommended_branch,
            decided_by=found.decided_by,
            changed_by=found.changed_by,
            words=found.in_words(),
        )


class CounterfactualList(BaseModel):
    """What would have had to be otherwise, first what somebody can change; each was decided anew."""

    decision_id: str
    counterfactuals: list[CounterfactualShape]


class PageAsked(BaseModel):
    """A page of a list, of what one shipment, one invoice or one order line has."""

    model_config = ConfigDict(extra="forbid")

    shipment_id: ShipmentId | None = None
    invoice_id: ShipmentId | None = None
    order_id: ShipmentId | None = Field(default=None, description="with `line_id`: the order of a line")
    line_id: ShipmentId | None = None
    before: Position | None = Field(default=None, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200)

    @model_validator(mode="after")
    def _names_one_at_most(self) -> Self:
        if (self.order_id is None) != (self.line_id is None):
            raise ValueError("give order_id and line_id together: they name one order line")
        if [self.shipment_id, self.invoice_id, self.order_id].count(None) < 2:
            raise ValueError("give only one of shipment_id, invoice_id, and order_id with line_id")
        return self

    @property
    def subject(self) -> SubjectKey | None:
        """What is asked about; None if nothing is named."""
        if self.invoice_id is not None:
            return SubjectKey.invoice(self.invoice_id)
        if self.order_id is not None:
            return SubjectKey.line(self.order_id, str(self.line_id))
        return None if self.shipment_id is None else SubjectKey.shipment(self.shipment_id)


class DecisionsAsked(PageAsked):
    """Whose decisions are listed: of one shipment, of one invoice, or of one order line."""

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if self.subject is None:
            raise ValueError("give exactly one of shipment_id, invoice_id, and order_id with line_id")
        return self

    @property
    def key(self) -> SubjectKey:
        """What they are about."""
        assert self.subject is not None  # noqa: S101  it was checked
        return self.subject


class DecisionSummary(BaseModel):
    """A decision in a list."""

    decision_id: str
    sequence: int
    subject_type: SubjectType
    subject_id: str
    shipment_id: str | None = Field(description="null if it is not about a shipment")
    moment: str = Field(description="of a shipment or a line its moment; of an invoice as known when it was judged")
    branch: Branch
    mode: Mode
    decided_at: datetime


class DecisionList(BaseModel):
    """Decisions, newest first; give `next` as `before` for the page after, null if this is the last."""

    decisions: list[DecisionSummary]
    next: int | None

    @classmethod
    def of(cls, rows: list[DecisionRow], limit: int) -> Self:
        """Shape a page."""
        decisions = [DecisionSummary.model_validate(row, from_attributes=True) for row in rows]
        return cls(decisions=decisions, next=rows[-1].sequence if len(rows) == limit else None)
