"""What a row is about: one shipment, invoice or order line. Its type and its id together are the key."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from sqlalchemy import ColumnElement, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from features.vocabulary import SubjectType

_LONGEST = 200


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

    @classmethod
    def line(cls, order_id: str, line_id: str) -> Self:
        """Name an order line that may be picked short.

        A name of any length is a key: one that is too long for the column is cut, and its digest stands for the rest.
        A slash in a name is doubled, so that no two lines share a key.
        """
        named = "/".join(each.replace("/", "//") for each in (order_id, line_id))
        if len(named) > _LONGEST:
            told = sha256(named.encode()).hexdigest()
            named = f"{named[: _LONGEST - len(told) - 1]}~{told}"
        return cls(SubjectType.SHORTAGE, named)

    @property
    def columns(self) -> dict[str, str]:
        """The values of the columns that hold it."""
        return {"subject_type": self.type.value, "subject_id": self.id}


class AboutSubject:
    """Columns of a table whose rows are about one subject each. In queries, ask by `about`."""

    subject_type: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(String(_LONGEST))

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
