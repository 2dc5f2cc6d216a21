"""Table of outcomes: what was reported of the effects of calls, every report once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base, Key


class OutcomeRow(Base):
    """A report of what became of a call. `reception` is counted, repeated or contradicting; none is ever changed."""

    __tablename__ = "outcomes"
    __table_args__ = (Index("ix_outcomes_call", "call_id", "position"),)

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    call_id: Mapped[str] = mapped_column(ForeignKey("outgoing_calls.call_id"))
    outcome: Mapped[str] = mapped_column(String(20))
    occurred_at: Mapped[datetime]
    reported_at: Mapped[datetime]
    reported_by: Mapped[str] = mapped_column(String(100))
    reference: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(Text)
    reception: Mapped[str] = mapped_column(String(20))
