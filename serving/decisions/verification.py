"""Checks the record: the chain of decisions by itself, and against what the audit trail noted when each was sealed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy.orm import Session

from routing.decision import verify_chain
from serving.decisions import repository


@dataclass(frozen=True, slots=True)
class Verification:
    """How many decisions there are, the head of the chain, and what is wrong with it; nothing if it is whole."""

    decisions: int
    head: tuple[int, str] | None
    problems: tuple[str, ...]


def verify(session: Session, *, expected_head: tuple[int, str] | None = None) -> Verification:
    """Check every decision.

    Parameters
    ----------
    expected_head
        Sequence and hash noted elsewhere; without them the audit trail's last note serves, which whoever cut off the
        chain could have cut off too.
    """
    noted = [json.loads(row.new) for row in repository.sealed_heads(session) if row.new is not None]
    last = max(((note["sequence"], note["hash"]) for note in noted), default=None)
    problems = verify_chain(repository.chain(session), head=expected_head or last)
    count = 0
    head = None
    hash_of = {note["sequence"]: note["hash"] for note in noted}
    for decision in repository.chain(session):
        count += 1
        head = (decision.sequence, decision.hash)
        if hash_of.get(decision.sequence) != decision.hash:
            problems.append(
                f"decision {decision.sequence} ({decision.decision_id}) is not as the audit trail noted it."
            )
    return Verification(count, head, tuple(problems))
