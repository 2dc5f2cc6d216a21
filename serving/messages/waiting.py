"""Which message a case would join: read in the decision's transaction, and kept from being sent until its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.canonical import digest, jsonable
from routing.policy import Policy
from routing.together import Waiting, shared_by
from serving.db.messages import MessageRow


def waiting_for(session: Session, policy: Policy, known: Mapping[str, Any]) -> dict[Branch, Waiting]:
    """Return the message that waits for a case, of each branch whose cases are told together.

    Whoever decides holds the chain by now (`Policy.is_shared`); a message is locked after it.
    """
    found, row = {}, MessageRow
    for branch, terms in policy.branches.items():
        by = None if terms.together is None else shared_by(terms.together, known)
        if terms.together is None or by is None:
            continue
        waits = (
            select(row.call_id, row.sends_at)
            .where(
                row.subject_type == policy.subject.value,
                row.branch == branch.value,
                row.by_digest == by_digest(by),
                row.closed_at.is_(None),
                row.cases < terms.together.at_most,
            )
            .order_by(row.opened_at.desc(), row.call_id)
            .limit(1)
        )
        message = session.execute(waits.with_for_update()).one_or_none()
        if message is not None:
            found[branch] = Waiting(message.call_id, message.sends_at)
    return found


def by_digest(by: Mapping[str, Any]) -> str:
    """Return the digest of the values by which cases belong together."""
    return digest(jsonable(dict(by)))
