"""The table of overdue reviews: parts of bundles that nobody has looked at by their date."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base, Key


class OverdueReviewRow(Base):
    """A part of a bundle whose review is overdue; it stays in the queue until what is in force is reviewed.

    `decision_id` is the first decision that was made under the bundle since, by which the owner was told, `call_id` the
    call to them; both are as with a common cause. While one is open for a part and its day, there is no second.
    """

    __tablename__ = "overdue_reviews"
    __table_args__ = (Index("ix_overdue_reviews_open", "closed_at", "subject_type"),)

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    overdue_id: Mapped[str] = mapped_column(String(64), unique=True)
    subject_type: Mapped[str] = mapped_column(String(20))
    policy_digest: Mapped[str] = mapped_column(ForeignKey("policy_bundles.digest"))
    part: Mapped[str] = mapped_column(Text)
    due: Mapped[date]
    owner: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(Text)
    meanwhile: Mapped[str] = mapped_column(Text)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    call_id: Mapped[str | None] = mapped_column(ForeignKey("outgoing_calls.call_id"))
    not_called_because: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_because: Mapped[str | None] = mapped_column(Text)
