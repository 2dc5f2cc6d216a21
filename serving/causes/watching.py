"""What is known of the scopes of a case, read in the decision's own transaction, under the chain's lock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.causes import Watch
from routing.playbooks import Playbook
from routing.policy import Policy
from serving.causes import repository
from serving.causes.repository import STANDING, Scope
from serving.db.tables import CauseRow


def watches_of(
    session: Session, policy: Policy, known: Mapping[str, object], subject_id: str, now: datetime
) -> tuple[Watch, ...]:
    """Read what can make a difference to a case: every scope for which a cause stands, or of which it shows one."""
    scopes = [
        (each, Scope(policy.subject, each.name, key))
        for each in policy.playbooks.values()
        if (key := each.key_of(known)) is not None
    ]
    newest = repository.latest(session, [scope for _, scope in scopes])
    found = []
    for playbook, scope in scopes:
        last = newest.get(scope)
        if playbook.shows(known) or (last is not None and last.status == STANDING):
            found.append(_watch(session, playbook, scope, last, now, besides=subject_id))
    return tuple(found)


def watch_of(session: Session, playbook: Playbook, subject: SubjectType, key: str, now: datetime) -> Watch:
    """Read one scope, with all cases in it."""
    scope = Scope(subject, playbook.name, key)
    return _watch(session, playbook, scope, repository.latest(session, [scope]).get(scope), now, besides=None)


def _watch(
    session: Session, playbook: Playbook, scope: Scope, last: CauseRow | None, now: datetime, *, besides: str | None
) -> Watch:
    """Count the looks at a scope whose last cause is known.

    A look later than `now` counts too: another decision may have looked at the clock after this one, and still have
    come first. One of before the last cause ended declares no other.
    """
    stands = last is not None and last.status == STANDING
    since = now - (playbook.ending.within if stands else playbook.declaring.within)
    if last is not None and last.ended_at is not None:
        since = max(since, last.ended_at)
    counts = repository.count_looks(session, scope, since=since, besides=besides)
    return Watch(
        playbook=playbook.name,
        key=scope.key,
        counts=counts,
        cause_id=last.cause_id if last is not None and stands else None,
        since=last.declared_at if last is not None and stands else None,
        rests_until=last.rests_until if last is not None and not stands else None,
    )
