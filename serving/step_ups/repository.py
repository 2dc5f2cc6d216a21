"""Proposals to raise a limit, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from serving.db.tables import StepUpRow

PROPOSED, APPROVED, REJECTED = "proposed", "approved", "rejected"


def keep(session: Session, **columns: object) -> None:
    """Keep a proposal."""
    session.execute(insert(StepUpRow).values(status=PROPOSED, **columns))


def settle(session: Session, row: StepUpRow, *, status: str, by: str, at: datetime, note: str | None) -> None:
    """Approve or reject a proposal."""
    values = {"status": status, "decided_by": by, "decided_at": at, "note": note}
    session.execute(
        update(StepUpRow).where(StepUpRow.position == row.position).values(**values),
        execution_options={"synchronize_session": False},
    )
    session.refresh(row)


def find(session: Session, step_up_id: str) -> StepUpRow | None:
    """Return a proposal."""
    return session.scalars(select(StepUpRow).filter_by(step_up_id=step_up_id)).one_or_none()


def pending(session: Session, directive_id: str) -> StepUpRow | None:
    """Return the proposal about a directive that waits for an answer."""
    return session.scalars(select(StepUpRow).filter_by(directive_id=directive_id, status=PROPOSED)).one_or_none()


def page(session: Session, *, only_open: bool, before: int | None, limit: int) -> list[StepUpRow]:
    """Return proposals, newest first."""
    statement = select(StepUpRow).order_by(StepUpRow.position.desc()).limit(limit)
    if only_open:
        statement = statement.where(StepUpRow.status == PROPOSED)
    if before is not None:
        statement = statement.where(StepUpRow.position < before)
    return list(session.scalars(statement))
