"""Canonical records of what was done about a case, and of what people thought of it: labels for a policy."""

from __future__ import annotations

from pydantic import Field

from features.fields import Amount, Identifier, Instant, Priced, Record
from features.vocabulary import Branch, OutcomeStatus, ReviewVerdict, Subject


class Outcome(Priced):
    """What the orchestrator or a person did; `occurred_at` is when it was done, or given up."""

    outcome_id: Identifier
    decision_id: Identifier | None = Field(default=None, description="missing where nobody had decided")
    subject: Subject
    subject_id: Identifier
    action: Branch
    done_by: Identifier = Field(description="the orchestrator, or a person")
    status: OutcomeStatus
    verified_at: Instant | None = Field(default=None, description="when its effect was seen in the source system")
    cost_minor: int | None = Field(default=None, description="what it cost")
    saved_minor: int | None = Field(default=None, description="what it saved, as far as that was established")
    text: str | None = None


class Review(Record):
    """A person's answer to a case; `occurred_at` is when it was given."""

    review_id: Identifier
    decision_id: Identifier | None = None
    subject: Subject
    subject_id: Identifier
    reviewer: Identifier
    verdict: ReviewVerdict
    suggested_action: Branch | None = None
    chosen_action: Branch | None = None
    reason_code: Identifier | None = None
    minutes_spent: Amount | None = None
    text: str | None = None
