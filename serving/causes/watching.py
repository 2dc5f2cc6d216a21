"""What is known of the scopes of a case, read in the decision's own transaction, under the chain's lock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from routing.causes import Watch
from routing.playbooks import Playbook
from routing.policy import Policy
from serving.causes import repository
from serving.causes.repository import STANDING
from serving.db.tables import CauseRow


def watches_of(
    session: Session, policy: Policy, known: Mapping[str, object], shipment_id: str, now: datetime
) -> tuple[Watch, ...]:
    """Read what can make a difference to a case: every scope for which a cause stands, or of which it shows one."""
    scopes = [(each, key) for each in policy.playbooks.values() if (key := each.key_of(known)) is not None]
    newest = repository.latest(session, [(playbook.name, key) for playbook, key in scopes])
    found = []
    for playbook, key in scopes:
        last = newest.get((playbook.name, key))
        if playbook.shows(known) or (last is not None and last.status == STANDING):
            found.append(_watch(session, playbook, key, last, now, besides=shipment_id))
    return tuple(found)


def watch_of(session: Session, playbook: Playbook, key: str, now: datetime) -> Watch:
    """Read one scope, with all shipments in it."""
    scope = playbook.name, key
    return _watch(session, playbook, key, repository.latest(session, [scope]).get(scope), now, besides=None)


def _watch(
    session: Session, playbook: Playbook, key: str, last: CauseRow | None, now: datetime, *, besides: str | None
) -> Watch:
    """Count the looks at a scope whose last cause is known.

    A look later than `now` counts too: another decision may have looked at the clock after this one, and still have
    come first.
    """
    stands = last is not None and last.status == STANDING
    within = playbook.ending.within if stands else playbook.declaring.within
    counts = repository.count_looks(session, playbook.name, key, since=now - within, besides=besides)
    return Watch(
        playbook=playbook.name,
        key=key,
        counts=counts,
        cause_id=last.cause_id if last is not None and stands else None,
        since=last.declared_at if last is not None and stands else None,
        rests_until=last.rests_until if last is not None and not stands else None,
    )
