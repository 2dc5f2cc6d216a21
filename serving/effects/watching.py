"""Letting a branch step down whose effects come to nothing; what is being settled is settled all the same."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.errors import PolicyError
from serving.db.tables import OutgoingCallRow
from serving.directives import repository as directives
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError
from serving.step_ups.stepping_down import after_effect

_log = logging.getLogger(__name__)


def watch(session: Session, bundles: Bundles, row: OutgoingCallRow, now: datetime) -> None:
    """Look whether the effects of a call's branch make it step down."""
    try:
        policy = bundles.live(session, row.key.type)
    except (LifeError, PolicyError) as error:  # nothing decides here
        _log.warning("Whether a branch is to step down cannot be told: %s", error)
        return
    directives.lock(session)  # of several failures at once, each counts the ones before
    after_effect(session, policy, Branch(row.branch), now)
