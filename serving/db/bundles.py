"""Tables of policy bundles: their bytes, every step of their lives, and what one in shadow would have decided."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base, Key


class PolicyBundleRow(Base):
    """A bundle as it was handed in, never changed: `digest` is that of its document, `content_hash` of its bytes."""

    __tablename__ = "policy_bundles"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    content_hash: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    kept_at: Mapped[datetime]
    subject_type: Mapped[str] = mapped_column(String(20))


class PolicyMoveRow(Base):
    """One step in the life of a bundle, and what is in force after it for the subjects of its type.

    Rows are only added; the newest one of a type counts.

    `live_digest` decides, but for the share of shipments (in millionths) that the rollout gives to `candidate_digest`;
    `shadow_digest` decides beside them and nothing comes of it. A submission has its evidence as `pack`; `signs` is the
    digest of that evidence, where it was submitted, and what was signed, where it was approved.
    """

    __tablename__ = "policy_moves"
    __table_args__ = (
        Index("ix_policy_moves_bundle", "digest", "position"),
        Index("ix_policy_moves_subject", "subject_type", "position"),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(ForeignKey("policy_bundles.digest"))
    reason: Mapped[str | None] = mapped_column(Text)
    pack: Mapped[str | None] = mapped_column(Text)
    signs: Mapped[str | None] = mapped_column(String(64))
    live_digest: Mapped[str] = mapped_column(ForeignKey("policy_bundles.digest"))
    candidate_digest: Mapped[str | None] = mapped_column(ForeignKey("policy_bundles.digest"))
    rollout_id: Mapped[str | None] = mapped_column(String(64))
    share_millionths: Mapped[int | None]
    shadow_digest: Mapped[str | None] = mapped_column(ForeignKey("policy_bundles.digest"))
    subject_type: Mapped[str] = mapped_column(String(20))


class ShadowDecisionRow(Base):
    """What a bundle in shadow would have decided where another did; `body` can be replayed, `error` says why it failed.

    `why` says what made the difference; None where both come to the same.
    """

    __tablename__ = "shadow_decisions"
    __table_args__ = (
        UniqueConstraint("digest", "decision_id"),
        Index("ix_shadow_decisions_digest", "digest", "position"),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(ForeignKey("policy_bundles.digest"))
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    decided_at: Mapped[datetime]
    why: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
