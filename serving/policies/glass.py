"""Breaking the glass with the database alone: when there is no service, or nobody else, to ask."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from routing.canonical import canonical_json, digest
from routing.policy import Policy
from serving.auth.people import Person
from serving.directives import repository as orders
from serving.policies import repository, steps
from serving.policies.bundles import Bundles
from serving.policies.evidence import WINDOW, Window, pack_of, read_bundle
from serving.policies.life import Step
from serving.policies.queue import Staffing


def break_with_database(session: Session, text: str, person: Person, now: datetime, *, reason: str) -> Policy:
    """Put a bundle in force for all on the word of one person, whom only the database's doors have let in.

    It is submitted in their name if it is not yet, so that a second person can approve it afterwards.

    Raises
    ------
    BundleRefusedError, BundleStepError, NothingInForceError
        If it has mistakes, is live already, or the service was never started on this database.
    """
    orders.lock(session)
    policy = read_bundle(text, now.date())
    standing = repository.standing(session, policy.subject)
    taking = steps.Taking(session, Bundles(), standing, person, now)
    if repository.life(session, policy.digest).verdict is not Step.SUBMITTED:
        pack = pack_of(session, policy, Window(now - WINDOW, now), live=standing.live_digest, staffing=Staffing.parse())
        steps.submit(taking, policy, reason=reason, pack=canonical_json(pack), signs=digest(pack))
    steps.alone(taking, policy.digest, reason=reason)
    return policy
