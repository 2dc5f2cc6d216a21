"""Tables of common causes: the looks they are declared by, the causes themselves, and the cases they hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base, Key
from serving.db.subjects import AboutSubject


class LookRow(Base):
    """The newest look at a subject for a playbook: whether it shows the cause. `key` is its scope, e.g. a carrier."""

    __tablename__ = "looks"
    __table_args__ = (Index("ix_looks_scope", "subject_type", "playbook", "key", "looked_at", "shows"),)

    playbook: Mapped[str] = mapped_column(String(200), primary_key=True)
    subject_type: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    looked_at: Mapped[datetime]
    shows: Mapped[bool]


class CauseRow(Base):
    """A common cause of subjects of one type. `status` is standing, over (by its counts), closed or declined.

    `decision_id` is the decision that declared it, `call_id` the call to its owner. It stays in the queue until nothing
    of it is held: `drained_at`.
    """

    __tablename__ = "causes"
    __table_args__ = (
        Index("ix_causes_scope", "subject_type", "playbook", "key", "position"),
        Index("ix_causes_open", "drained_at", "position"),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    cause_id: Mapped[str] = mapped_column(String(64), unique=True)
    subject_type: Mapped[str] = mapped_column(String(20))
    playbook: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(Text)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    title: Mapped[str] = mapped_column(Text)
    because: Mapped[str] = mapped_column(Text)
    runbook: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(String(200))
    answer_by: Mapped[datetime]
    call_id: Mapped[str | None] = mapped_column(ForeignKey("outgoing_calls.call_id"))
    not_called_because: Mapped[str | None] = mapped_column(Text)
    declared_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20), default="standing")
    confirmed_by: Mapped[str | None] = mapped_column(String(100))
    confirmed_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(100))
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(Text)
    rests_until: Mapped[datetime | None]
    drained_at: Mapped[datetime | None]


class ChildRow(AboutSubject, Base):
    """A shipment, invoice or order line that a cause holds or held. `title` says what it is; of before it is not kept.

    `status` is held; drained (decided anew when the cause was over), decided (anew for another reason), gone (nothing
    is left to decide about it) or failed (it could not be decided anew). `decision_id` is the newest decision that
    holds it, `settled_decision_id` the one that took its place. `waits_for` are the budgets of which too little was
    left when it was to be let go, with commas between.
    """

    __tablename__ = "cause_children"
    __table_args__ = (
        Index("ix_cause_children_status", "cause_id", "status", "settled_at"),
        Index("ix_cause_children_subject", "subject_type", "subject_id", "status"),
    )

    cause_id: Mapped[str] = mapped_column(ForeignKey("causes.cause_id"), primary_key=True)
    subject_type: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    title: Mapped[str | None] = mapped_column(String(300))
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    held_at: Mapped[datetime]
    looked_at: Mapped[datetime]
    value_at_stake_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(String(3))
    latest_useful_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(20))
    waits_for: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[datetime | None]
    settled_decision_id: Mapped[str | None] = mapped_column(ForeignKey("decisions.decision_id"))
    settled_because: Mapped[str | None] = mapped_column(Text)
