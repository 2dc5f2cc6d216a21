"""Common causes for people: list, read, confirm that somebody has looked, close, decline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import SubjectType
from serving.causes import repository
from serving.causes.effects import end
from serving.causes.errors import CauseEndedError, CauseNotFoundError
from serving.causes.repository import CLOSED, DECLINED, HELD, STANDING
from serving.causes.tending import WITHOUT_REST
from serving.clock import Clock
from serving.db.audit import audit
from serving.db.tables import CauseRow, ChildRow
from serving.decisions import repository as decisions
from serving.policies.bundles import Bundles


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a cause's history."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A common cause with what it holds: how many children by status, and the money at stake with those held."""

    row: CauseRow
    runbook: tuple[str, ...]
    children: Mapping[str, int]
    held: int
    at_stake_minor: int
    currency: str

    @property
    def total(self) -> int:
        """How many subjects it held at some time."""
        return sum(self.children.values())


@dataclass(frozen=True, slots=True)
class CauseService:
    """Shows common causes, and takes what people say of them."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles

    def page(
        self, *, only_open: bool, subject: SubjectType | None = None, before: int | None = None, limit: int = 50
    ) -> list[Cause]:
        """Return causes, newest first: of one type of subject, or all; with `only_open` those that hold something."""
        with self.reads() as session:
            rows = repository.page(session, only_open=only_open, subject=subject, before=before, limit=limit)
            return self._causes(session, rows)

    def cause(self, cause_id: str) -> Cause:
        """Return a cause.

        Raises
        ------
        CauseNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            return self._found(session, cause_id)

    def children(self, cause_id: str, *, status: str | None, after: str | None, limit: int) -> list[ChildRow]:
        """Return what a cause holds or held, by the ids.

        Raises
        ------
        CauseNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            self._found(session, cause_id)
            return repository.children(session, cause_id, status=status, after=after, limit=limit)

    def history(self, cause_id: str) -> list[Entry]:
        """Return what the audit trail says of a cause, oldest first."""
        with self.reads() as session:
            found = repository.history(session, cause_id)
        return [Entry(at, actor, _said(action, json.loads(new or "{}"))) for at, actor, action, new in found]

    def confirm(self, cause_id: str, *, actor: str, note: str | None = None) -> Cause:
        """Note that somebody has looked: it is a common cause, and what it holds goes on waiting.

        Raises
        ------
        CauseNotFoundError, CauseEndedError
            If there is none of that id, or it does not stand any more.
        """
        now = self.clock.now()
        with self.sessions.begin() as session:
            decisions.lock_chain(session)
            if repository.confirm(session, cause_id, by=actor, at=now):
                _audit(session, cause_id, "confirmed", actor, note, now)
            found = self._found(session, cause_id)
            if found.row.status != STANDING:
                raise _ended(found.row)
            return found

    def close(self, cause_id: str, *, actor: str, note: str | None = None) -> Cause:
        """End a cause that is over, before its counts say so: what it holds is decided anew, in order.

        Raises
        ------
        CauseNotFoundError, CauseEndedError
            If there is none of that id, or it was ended otherwise.
        """
        return self._end(cause_id, CLOSED, actor, note or "it is over")

    def decline(self, cause_id: str, *, actor: str, note: str | None = None) -> Cause:
        """Say that it is no common cause: what it holds is decided anew, in order, each by itself.

        Raises
        ------
        CauseNotFoundError, CauseEndedError
            If there is none of that id, or it was ended otherwise.
        """
        return self._end(cause_id, DECLINED, actor, note or "it is no common cause")

    def _end(self, cause_id: str, status: str, actor: str, because: str) -> Cause:
        now = self.clock.now()
        with self.sessions.begin() as session:
            decisions.lock_chain(session)
            row = self._found(session, cause_id).row
            in_force = self.bundles.in_force(session, SubjectType(row.subject_type))
            playbook = in_force.playbook(row.playbook, now)
            rests_until = now + (WITHOUT_REST if playbook is None else playbook.rests)
            ended = end(session, row, status, by=actor, at=now, because=because, rests_until=rests_until)
            if ended:
                _audit(session, cause_id, status, actor, because, now)
            elif (row.status, row.ended_by) != (status, actor):
                raise _ended(row)
            return self._found(session, cause_id)

    def _found(self, session: Session, cause_id: str) -> Cause:
        row = repository.find(session, cause_id)
        if row is None:
            raise CauseNotFoundError(cause_id)
        (found,) = self._causes(session, [row])
        return found

    def _causes(self, session: Session, rows: Sequence[CauseRow]) -> list[Cause]:
        counted = repository.counts_of(session, [row.cause_id for row in rows])
        causes = []
        subjects = {SubjectType(row.subject_type) for row in rows}
        currencies = {each.value: self.bundles.live(session, each).costs.currency for each in subjects}
        for row in rows:
            mine = {status: numbers for (cause_id, status), numbers in counted.items() if cause_id == row.cause_id}
            held, at_stake = mine.get(HELD, (0, 0))
            runbook, counts = tuple(json.loads(row.runbook)), {status: count for status, (count, _) in mine.items()}
            causes.append(Cause(row, runbook, counts, held, at_stake, currencies[row.subject_type]))
        return causes


def _audit(session: Session, cause_id: str, verb: str, actor: str, note: str | None, now: datetime) -> None:
    new = {"status": verb, "because": note}
    audit(session, at=now, actor=actor, action=f"cause.{verb}", subject=f"cause:{cause_id}", new=new)


def _said(action: str, new: Mapping[str, object]) -> str:
    said = action.partition(".")[2]
    because = new.get("because")
    return f"{said}: {because}" if because else said


def _ended(row: CauseRow) -> CauseEndedError:
    return CauseEndedError(row.cause_id, row.status, str(row.ended_by))
