"""The start of the service: the first one brings the first bundle, afterwards the database says what is in force."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from features.vocabulary import SubjectType
from routing.loader import load_policy
from routing.policy import Policy
from serving.config import bundled_policy
from serving.db.audit import SYSTEM
from serving.db.tables import PolicyBundleRow
from serving.decisions import usage
from serving.directives import repository as orders
from serving.policies import repository
from serving.policies.bundles import Bundles
from serving.policies.errors import AnotherBundleError, AnotherSubjectError
from serving.policies.life import Step

_log = logging.getLogger(__name__)


def begin(
    session: Session, bundles: Bundles, given: Mapping[SubjectType, Path | None], now: datetime
) -> frozenset[str]:
    """Put the first bundle in force for types of subject that have none, and return the owners of what is in force.

    Where there is one, a bundle that is given must be the live one, or one that the database knows; the latter changes
    nothing and is reported.

    Parameters
    ----------
    given
        The file of each type of subject that is to be decided about; None: the bundle that ships.

    Raises
    ------
    AnotherBundleError, AnotherSubjectError
        If the database does not know a bundle that is given, or it is on other subjects.
    BundleDamagedError, PolicyError
        If a bundle in force cannot be read, or one that is given.
    """
    orders.lock(session)
    for subject, path in given.items():
        _begin(session, subject, path, now)
    owners: set[str] = set()
    for subject in bundles.all_live(session):
        in_force = bundles.in_force(session, subject)
        for each in in_force.counting(in_force.live):
            usage.note_earlier(session, each, now)
            owners.update(each.owners)
    return frozenset(owners)


def _begin(session: Session, subject: SubjectType, path: Path | None, now: datetime) -> None:
    standing = repository.newest(session, subject)
    if path is None and standing is not None:
        return
    policy = load_policy(path or bundled_policy(subject))
    if policy.subject is not subject:
        raise AnotherSubjectError(str(path), policy.subject, subject)
    if standing is None:
        bootstrap(session, policy, now)
    elif policy.digest not in (standing.live_digest, standing.candidate_digest):
        if session.get(PolicyBundleRow, policy.digest) is None:
            raise AnotherBundleError(str(path), policy.digest, standing.live_digest)
        _log.warning(
            "%s is kept and not in force; bundle %s is. What is in force is changed with `triage policy`.",
            path,
            standing.live_digest[:12],
        )


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
