"""The table of messages for several cases: each waits for more, and is sent once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base


class MessageRow(Base):
    """A message for the cases that share the values of `by` (JSON), which `by_digest` is the digest of.

    `call_id` is that of its call, which is there from when it is closed, unless nobody was left to be told of.
    `decision_id` opened it; the calls of all that joined it name it (`OutgoingCallRow.goes_with`), `cases` says how
    many have and were not taken back. It is due at `sends_at`.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_due", "closed_at", "sends_at"),
        Index("ix_messages_waiting", "subject_type", "branch", "by_digest", "closed_at"),
    )

    call_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    subject_type: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(String(200))
    branch: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(100))
    by: Mapped[str] = mapped_column(Text)
    by_digest: Mapped[str] = mapped_column(String(64))
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    opened_at: Mapped[datetime]
    sends_at: Mapped[datetime]
    cases: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]
    closed_because: Mapped[str | None] = mapped_column(Text)
