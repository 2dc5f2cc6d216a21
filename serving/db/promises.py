"""Stock that was promised to order lines, so that none of it is promised twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from serving.db.base import Base, Key
from serving.db.subjects import AboutSubject


class StockPromiseRow(AboutSubject, Base):
    """How much of an article at a place a decision hands to a line, in thousandths of its unit.

    Whether it stands follows from the call of the decision's branch, or from the item that suggests it.
    """

    __tablename__ = "stock_promises"
    __table_args__ = (
        UniqueConstraint("decision_id", "branch", "place", "sku"),
        Index("ix_stock_promises_sku", "sku", "promised_at"),
    )

    position: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    decision_id: Mapped[str] = mapped_column(ForeignKey("decisions.decision_id"))
    branch: Mapped[str] = mapped_column(String(20))
    place: Mapped[str] = mapped_column(String(200))
    sku: Mapped[str] = mapped_column(String(200))
    quantity_thousandths: Mapped[int] = mapped_column(BigInteger)
    promised_at: Mapped[datetime]
