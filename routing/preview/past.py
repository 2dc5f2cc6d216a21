"""What the ledger knows of the past: decisions as they were sealed, and the calls that went out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from features.vocabulary import Branch


class PastDecision(NamedTuple):
    """A sealed decision. `body` is its JSON, read: as much of it as is looked at here."""

    sequence: int
    subject_id: str
    decided_at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PastCall:
    """A call that went out for a decision.

    `sequence` is the newest decision of the chain when it did: decisions after that see what it took. `facts` are those
    of its decision, `bundle` is the digest of the bundle by which that was made.
    """

    decision_id: str
    subject_id: str
    branch: Branch
    at: datetime
    sequence: int
    facts: Mapping[str, object]
    bundle: str
