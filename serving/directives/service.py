"""What people order for a while: issued, read and ended, each with who, why and until when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import SubjectType
from routing.canonical import rfc3339
from routing.directives import Directive, DirectiveKind
from routing.ordering import mistakes_in
from serving.auth.people import Person
from serving.clock import Clock
from serving.db.audit import audit
from serving.db.tables import DirectiveRow
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.decisions.matching_orders import ABOUT
from serving.directives import repository
from serving.directives.errors import DirectiveEndedError, DirectiveError, DirectiveNotFoundError, LimitError
from serving.errors import RoleMissingError
from serving.policies.bundles import Bundles

CREATED = 201
OK = 200
Draft = Callable[[str, datetime], Directive]
"""Makes the directive of an order, given its id and the time."""
Render = Callable[[DirectiveRow, datetime], str]
"""Writes the answer to a request; it is kept with the key."""


@dataclass(frozen=True, slots=True)
class DirectiveService:
    """Keeps directives. An order holds once it is answered: no decision is under way that has not seen it."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles

    def issue(self, draft: Draft, render: Render, *, subject: SubjectType, person: Person, keyed: Keyed) -> Answer:
        """Order something about a type of subject, once for each key.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        RoleMissingError
            If the person does not act for its owner.
        DirectiveError
            If it does not fit the bundle, or begins in the past.
        """

        def act(session: Session) -> tuple[datetime, str]:
            repository.lock(session)
            now = self.clock.now()
            directive = draft(f"dir_{token_hex(12)}", now)
            mistakes = mistakes_in(directive, self.bundles.live(session, subject))
            if directive.since < now:
                mistakes.append(
                    f"it begins at {rfc3339(directive.since)}, now it is {rfc3339(now)}. Leave `since` out."
                )
            if mistakes:
                raise DirectiveError(mistakes)
            require(person, directive.owner, what=f"an order of {directive.owner}")
            return now, render(issue(session, directive, subject, by=person.name, at=now), now)

        return answer_once(self.sessions, keyed, status=CREATED, act=act)

    def end(self, directive_id: str, render: Render, *, person: Person, keyed: Keyed, reason: str) -> Answer:
        """End a directive before its time; a limit is raised by a step up instead.

        Raises
        ------
        KeyInUseError, KeyReusedError
            If the key is taken.
        DirectiveNotFoundError, DirectiveEndedError, LimitError
            If it is not there, does not stand any more, or is a limit.
        RoleMissingError
            If the person acts neither for its owner nor for the owner of the bundle.
        """

        def act(session: Session) -> tuple[datetime, str]:
            repository.lock(session)
            now = self.clock.now()
            row = open_directive(session, directive_id, now)
            if row.kind == DirectiveKind.LIMIT:
                raise LimitError(directive_id)
            owner = repository.directive_of(row).owner
            live = self.bundles.live(session, SubjectType(row.subject_type))
            require(person, owner, live.owner, what=f"to end an order of {owner}")
            end(session, row, by=person.name, at=now, because=reason)
            return now, render(row, now)

        return answer_once(self.sessions, keyed, status=OK, act=act)

    def page(self, *, only_open: bool, before: int | None, limit: int) -> tuple[list[DirectiveRow], datetime]:
        """Return directives, newest first, and the time they are looked at."""
        now = self.clock.now()
        with self.reads() as session:
            return repository.page(session, now=now, only_open=only_open, before=before, limit=limit), now

    def directive(self, directive_id: str) -> tuple[DirectiveRow, datetime]:
        """Return a directive, and the time it is looked at.

        Raises
        ------
        DirectiveNotFoundError
            If there is none of that id.
        """
        with self.reads() as session:
            return found(session, directive_id), self.clock.now()


def issue(session: Session, directive: Directive, about: SubjectType, *, by: str, at: datetime) -> DirectiveRow:
    """Keep a directive, with its entry in the audit trail."""
    repository.keep(session, directive, about, by=by, at=at)
    subject, new = f"directive:{directive.id}", {**directive.as_json(), ABOUT: about.value}
    audit(session, at=at, actor=by, action="directive.issued", subject=subject, new=new)
    return found(session, directive.id)


def end(session: Session, row: DirectiveRow, *, by: str, at: datetime, because: str) -> None:
    """End a directive that stands, with its entry in the audit trail."""
    repository.end(session, row.directive_id, by=by, at=at, because=because)
    old, new = {"until": row.until}, {"ended_at": at, "because": because}
    subject = f"directive:{row.directive_id}"
    audit(session, at=at, actor=by, action="directive.ended", subject=subject, old=old, new=new)
    session.refresh(row)


def found(session: Session, directive_id: str) -> DirectiveRow:
    """Return a directive.

    Raises
    ------
    DirectiveNotFoundError
        If there is none of that id.
    """
    row = repository.find(session, directive_id)
    if row is None:
        raise DirectiveNotFoundError(directive_id)
    return row


def open_directive(session: Session, directive_id: str, now: datetime) -> DirectiveRow:
    """Return a directive that stands, or will.

    Raises
    ------
    DirectiveNotFoundError, DirectiveEndedError
        If it is not there, or over.
    """
    row = found(session, directive_id)
    if row.ended_at is not None:
        raise DirectiveEndedError(directive_id, f"{row.ended_by} ended it at {rfc3339(row.ended_at)}")
    if row.until is not None and row.until <= now:
        raise DirectiveEndedError(directive_id, f"it ended by itself at {rfc3339(row.until)}")
    return row


def require(person: Person, *roles: str, what: str) -> None:
    """Make sure that a person holds one of some roles.

    Raises
    ------
    RoleMissingError
        If they hold none.
    """
    if not person.holds(*roles):
        raise RoleMissingError(person.name, sorted(person.roles), sorted(set(roles)), what)
