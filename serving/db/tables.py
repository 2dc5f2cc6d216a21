"""The service's tables. Times are aware UTC; JSON is canonical text, so that a hash of it means something.

Naming: an *event* is what came in, a *decision* what was sealed, a *call* what goes out, an *item* what waits for a
person. Nothing here is deleted; states move forward and every move leaves a row in `audit_log`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base as Base
from serving.db.base import Key
from serving.db.bundles import PolicyBundleRow as PolicyBundleRow
from serving.db.bundles import PolicyMoveRow as PolicyMoveRow
from serving.db.bundles import ShadowDecisionRow as ShadowDecisionRow
from serving.db.causes import CauseRow as CauseRow
from serving.db.causes import ChildRow as ChildRow
from serving.db.causes import LookRow as LookRow
from serving.db.effects import OutcomeRow as OutcomeRow
from serving.db.messages import MessageRow as MessageRow
from serving.db.orders import DirectiveRow as DirectiveRow
from serving.db.orders import StepUpRow as StepUpRow
from serving.db.overdue import OverdueReviewRow as OverdueReviewRow
from serving.db.promises import StockPromiseRow as StockPromiseRow
from serving.db.subjects import AboutSubject


class EventRow(Base):
    """The record log: every accepted event, once by (source, event_id), in the order it was learnt."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("source", "event_id"), Index("ix_events_subject", "subject"))

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(200))
    event_id: Mapped[str] = mapped_column(String(200))
    type: Mapped[str] = mapped_column(String(100))
    subject: Mapped[str | None] = mapped_column(String(200))
    occurred_at: Mapped[datetime]
    known_at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[str] = mapped_column(Text)


class RejectedEventRow(Base):
    """An event that was refused, kept whole with the reason."""

    __tablename__ = "rejected_events"

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    received_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)


class DecisionRow(AboutSubject, Base):
    """A sealed decision. `sequence` has no gaps; `body` is canonical JSON; `hash` covers it and `previous_hash`.

    `moment` is the decision moment of a shipment or an order line; of an invoice it says as known when it was judged.
    `policy_digest` is the bundle that governs it, as the body says.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_subject", "subject_type", "subject_id", "sequence"),
        Index("ix_decisions_decided_at", "decided_at"),
    )

    sequence: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    decision_id: Mapped[str] = mapped_column(String(64), unique=True)
    subject_version: Mapped[str] = mapped_column(String(300), unique=True)
    moment: Mapped[str] = mapped_column(String(40))
    branch: Mapped[str] = mapped_column(String(20))
    mode: Mapped[str] = mapped_column(String(30))
    decided_at: Mapped[datetime]
    policy_digest: Mapped[str | None] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class IdempotencyRow(Base):
    """An `Idempotency-Key` with the request it belongs to and, once finished, the answer it got."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime]
    status_code: Mapped[int | None]
    response: Mapped[str | None] = mapped_column(Text)


class OutgoingCallRow(AboutSubject, Base):
    """The outbox: one call per decision and branch, written in the decision's transaction.

    `status` is pending, leased, delivered, dead, expired or dismissed. A lease that has run out makes a call pending
    again. `sequence` is the newest decision when the call was let out: its own, or, where a person let it out, the last
    one before. So the order of calls and decisions can be told; one that undoes another call, which `compensates`
    names, has none.

    `effect` says how far its effect has come (`routing.effects`), `outcome` and `reference` what was reported of it. It
    is to be confirmed within `confirm_seconds` of its being accepted; None if nobody waits for that. At `ask_at` the
    orchestrator is asked.

    The call of a case that is told with others is joined while they wait, and gathered while the message is under way,
    whose call `goes_with` names; then it is as that one is. A message's own call says how many it `gathers`.
    """

    __tablename__ = "outgoing_calls"
    __table_args__ = (
        Index("ix_outgoing_calls_due", "status", "next_attempt_at"),
        Index("ix_outgoing_calls_subject", "subject_type", "subject_id", "position"),
        Index("ix_outgoing_calls_branch", "branch", "created_at"),
        Index("ix_outgoing_calls_effect", "effect", "confirm_by"),
        Index("ix_outgoing_calls_compensates", "compensates", unique=True),
        Index("ix_outgoing_calls_goes_with", "goes_with"),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    call_id: Mapped[str] = mapped_column(String(100), unique=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    branch: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(100))
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    latest_useful_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None] = mapped_column(String(100))
    lease_expires_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    effect: Mapped[str] = mapped_column(String(20), default="intended")
    effect_at: Mapped[datetime | None]
    effect_because: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(String(20))
    reference: Mapped[str | None] = mapped_column(String(200))
    confirm_seconds: Mapped[int | None] = mapped_column(BigInteger)
    confirm_by: Mapped[datetime | None]
    ask_at: Mapped[datetime | None]
    compensates: Mapped[str | None] = mapped_column(String(100))
    goes_with: Mapped[str | None] = mapped_column(String(100))
    gathers: Mapped[int | None]


class BudgetUseRow(Base):
    """What a call took from a budget of the bundles on a type of subject, in millionths of its unit: sums are exact.

    A message for several takes it when it is opened; its call, which `call_id` names, is there when it is closed.
    Of a budget that is kept apart, `key_facts` say by what, `key_values` for whom (JSON), which `key_digest` is the
    digest of; all are empty if it is not. Bundles may keep one budget apart in several ways: each has its own row.
    """

    __tablename__ = "budget_uses"
    __table_args__ = (
        UniqueConstraint("call_id", "budget", "key_facts"),
        Index(
            "ix_budget_uses_window",
            "subject_type",
            "budget",
            "key_facts",
            "key_digest",
            "used_at",
            "amount_millionths",
        ),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    subject_type: Mapped[str] = mapped_column(String(20), default="shipment")
    budget: Mapped[str] = mapped_column(Text)
    key_facts: Mapped[str] = mapped_column(Text, default="")
    key_digest: Mapped[str] = mapped_column(String(64), default="")
    key_values: Mapped[str] = mapped_column(Text, default="")
    used_at: Mapped[datetime]
    amount_millionths: Mapped[int] = mapped_column(BigInteger)
    call_id: Mapped[str] = mapped_column(String(100))


class BranchTakingRow(Base):
    """For whom a branch was taken: one row per call and fact by which the bundle lets the branch rest.

    `key_digest` is the digest of the fact's value.
    """

    __tablename__ = "branch_takings"
    __table_args__ = (
        UniqueConstraint("call_id", "key_fact"),
        Index("ix_branch_takings_last", "subject_type", "branch", "key_fact", "key_digest", "taken_at"),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    subject_type: Mapped[str] = mapped_column(String(20), default="shipment")
    branch: Mapped[str] = mapped_column(String(20))
    key_fact: Mapped[str] = mapped_column(Text)
    key_digest: Mapped[str] = mapped_column(String(64))
    taken_at: Mapped[datetime]
    call_id: Mapped[str] = mapped_column(ForeignKey("outgoing_calls.call_id"))


class ReviewItemRow(AboutSubject, Base):
    """An item of the review queue. `status` is open, claimed or done; every write to a claimed one needs its token.

    `call_id` names the call whose effect it asks about; None if it asks what is to be done.
    """

    __tablename__ = "review_items"
    __table_args__ = (
        Index("ix_review_items_queue", "status", "value_at_stake_minor"),
        Index("ix_review_items_call", "call_id"),
    )

    item_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    title: Mapped[str] = mapped_column(String(300))
    why: Mapped[str] = mapped_column(Text)
    suggested_branch: Mapped[str] = mapped_column(String(20))
    value_at_stake_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str | None] = mapped_column(String(3))
    created_at: Mapped[datetime]
    latest_useful_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(20), default="open")
    claimed_by: Mapped[str | None] = mapped_column(String(100))
    claim_token: Mapped[str | None] = mapped_column(String(64))
    claim_expires_at: Mapped[datetime | None]
    verdict: Mapped[str | None] = mapped_column(String(20))
    verdict_branch: Mapped[str | None] = mapped_column(String(20))
    reason_code: Mapped[str | None] = mapped_column(String(60))
    note: Mapped[str | None] = mapped_column(Text)
    closed_by: Mapped[str | None] = mapped_column(String(100))
    closed_at: Mapped[datetime | None]
    call_id: Mapped[str | None] = mapped_column(String(100))


class AuditRow(Base):
    """Who changed what, from what to what; the system's own moves included.

    `position` has no gaps; `hash` covers it, all other columns, and the hash of the entry before.
    """

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_subject", "subject"),)

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(300))
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
