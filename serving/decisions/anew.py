"""Deciding anew about what a common cause holds: the same calls for every type of subject."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from routing.policy import Policy
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow
from serving.decisions import repository
from serving.decisions.deciding import Decided


@dataclass(frozen=True, slots=True)
class Held:
    """What a common cause holds, and the newest decision that holds it."""

    key: SubjectKey
    decision_id: str

    def body(self, session: Session) -> dict[str, Any]:
        """Return what that decision sealed."""
        row = repository.find(session, self.decision_id)
        assert row is not None  # noqa: S101  the database holds the reference
        body: dict[str, Any] = json.loads(row.body)
        return body


def is_held(decision: DecisionRow) -> bool:
    """Tell whether a decision holds its subject as one of many with the same cause."""
    return "cause" in json.loads(decision.body)


class DecidesAnew(Protocol):
    """Looks at what is held of one type of subject, and decides about it anew.

    What cannot be asked about raises `FeatureError` or `ServingError`; `NothingToDecideError` where nothing is left to
    decide.
    """

    @property
    def can_decide(self) -> bool:
        """Whether this process can judge such subjects at all."""
        ...

    def lock(self, session: Session, key: SubjectKey) -> None:
        """Take the locks that deciding about a subject takes before it holds the directives and the chain."""
        ...

    def known_again(self, session: Session, policy: Policy, held: Held, now: datetime) -> Mapping[str, Any]:
        """Return the known facts of what is held as they are now, by a bundle, without deciding anything."""
        ...

    def again(self, session: Session, held: Held, now: datetime) -> Decided:
        """Decide anew; if that was done already, return what came of it. Its locks are taken, and the chain is held."""
        ...
