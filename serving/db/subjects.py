"""What a row is about: one shipment, or one invoice. Its type and its id together are the key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import ColumnElement, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from features.vocabulary import SubjectType


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """Names one thing that is decided about."""

    type: SubjectType
    id: str

    @classmethod
    def shipment(cls, shipment_id: str) -> Self:
        """Name a shipment."""
        return cls(SubjectType.SHIPMENT, shipment_id)

    @classmethod
    def invoice(cls, invoice_id: str) -> Self:
        """Name an invoice."""
        return cls(SubjectType.INVOICE, invoice_id)

    @property
    def columns(self) -> dict[str, str]:
        """The values of the columns that hold it."""
        return {"subject_type": self.type.value, "subject_id": self.id}


class AboutSubject:
    """Columns of a table whose rows are about one subject each. In queries, ask by `about`."""

    subject_type: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(String(200))

    @property
    def key(self) -> SubjectKey:
        """What the row is about."""
        return SubjectKey(SubjectType(self.subject_type), self.subject_id)

    @property
    def shipment_id(self) -> str | None:
        """The shipment, if the row is about one; only of a row that was read."""
        return self.subject_id if self.subject_type == SubjectType.SHIPMENT else None


def about(row: Any, key: SubjectKey) -> ColumnElement[bool]:
    """Tell, in a query, whether a row is about a subject."""
    return and_(row.subject_type == key.type.value, row.subject_id == key.id)


def same_subject(one: Any, other: Any) -> ColumnElement[bool]:
    """Tell, in a query, whether two rows are about the same subject."""
    return and_(one.subject_type == other.subject_type, one.subject_id == other.subject_id)
