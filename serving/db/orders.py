"""Tables of what people order for a while: directives, and the proposals to raise a limit again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base, Key


class DirectiveRow(Base):
    """A directive, from `since` until just before `until`, or until somebody ends it.

    `body` is its canonical JSON, as decisions seal it; `everywhere` tells that it has no `where`. It holds for the
    subjects of its type.
    """

    __tablename__ = "directives"
    __table_args__ = (Index("ix_directives_standing", "ended_at", "until"),)

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    directive_id: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    branch: Mapped[str | None] = mapped_column(String(20))
    mode: Mapped[str | None] = mapped_column(String(30))
    everywhere: Mapped[bool]
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    body: Mapped[str] = mapped_column(Text)
    issued_by: Mapped[str] = mapped_column(String(100))
    issued_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(String(100))
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None] = mapped_column(Text)
    subject_type: Mapped[str] = mapped_column(String(20))


class StepUpRow(Base):
    """A proposal to raise a limit to `mode`, or to lift it (None), with the evidence that was shown.

    `status` is proposed, approved or rejected.
    """

    __tablename__ = "step_ups"
    __table_args__ = (Index("ix_step_ups_status", "status", "position"),)

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    step_up_id: Mapped[str] = mapped_column(String(64), unique=True)
    directive_id: Mapped[str] = mapped_column(ForeignKey("directives.directive_id"))
    mode: Mapped[str | None] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    proposed_by: Mapped[str] = mapped_column(String(100))
    proposed_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20), default="proposed")
    decided_by: Mapped[str | None] = mapped_column(String(100))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(Text)
