"""The start of the service: the first one brings the first bundle, afterwards the database says what is in force."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from routing.loader import load_policy
from routing.policy import Policy
from serving.config import bundled_policy
from serving.db.audit import SYSTEM
from serving.db.tables import PolicyBundleRow
from serving.decisions import usage
from serving.directives import repository as orders
from serving.policies import repository
from serving.policies.bundles import Bundles
from serving.policies.errors import AnotherBundleError
from serving.policies.life import Step

_log = logging.getLogger(__name__)


def begin(session: Session, bundles: Bundles, given: Path | None, now: datetime) -> frozenset[str]:
    """Put the first bundle in force in a database that has none, and return the owners of what is in force.

    In any other database, a bundle that is given must be the live one, or one that it knows; the latter changes
    nothing and is reported.

    Raises
    ------
    AnotherBundleError
        If the database does not know the bundle that is given.
    BundleDamagedError, PolicyError
        If a bundle in force cannot be read, or the one that is given.
    """
    orders.lock(session)
    standing = repository.newest(session)
    if standing is None:
        bootstrap(session, load_policy(given or bundled_policy()), now)
    elif given is not None:
        policy = load_policy(given)
        if policy.digest not in (standing.live_digest, standing.candidate_digest):
            if session.get(PolicyBundleRow, policy.digest) is None:
                raise AnotherBundleError(str(given), policy.digest, standing.live_digest)
            _log.warning(
                "%s is kept and not in force; bundle %s is. What is in force is changed with `triage policy`.",
                given,
                standing.live_digest[:12],
            )
    in_force = bundles.in_force(session)
    for each in in_force.counting(in_force.live):
        usage.note_earlier(session, each, now)
    return frozenset(owner for each in in_force.counting(in_force.live) for owner in each.owners)


def bootstrap(session: Session, policy: Policy, now: datetime) -> None:
    """Put the first bundle in force: whoever starts the service on an empty database answers for it."""
    repository.keep(session, policy, now)
    reason = "the first start of the service"
    repository.move(
        session,
        Step.BOOTSTRAPPED,
        policy.digest,
        by=SYSTEM,
        at=now,
        before=None,
        reason=reason,
        live_digest=policy.digest,
    )
