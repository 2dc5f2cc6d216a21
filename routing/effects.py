"""What became of a call: the states of its effect, and what a report of its outcome changes.

intended → sent → accepted → verified | failed | unverified → compensating → compensated | with a person

Pure: who reports, and what is written down, is the service's affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from features.vocabulary import Branch

BOOKING = (Branch.SPLIT, Branch.REBOOK)
"""The branches that book transport: a shipment must not have two of them standing at once."""


class Effect(StrEnum):
    """How far the effect of a call has come."""

    INTENDED = "intended"
    """The call is in the outbox."""
    SENT = "sent"
    """A worker has had it in hand: it may have arrived."""
    ACCEPTED = "accepted"
    """The orchestrator has taken it; nothing is known of the effect."""
    VERIFIED = "verified"
    """It happened."""
    FAILED = "failed"
    """It did not happen, or in part."""
    UNVERIFIED = "unverified"
    """Nobody has said what became of it."""
    COMPENSATING = "compensating"
    """The call that undoes it is under way."""
    COMPENSATED = "compensated"
    """It is undone."""
    WITH_PERSON = "with_person"
    """A person is to find out, or to decide."""
    WITHDRAWN = "withdrawn"
    """It was never sent, or a person has dismissed it."""


class Outcome(StrEnum):
    """What is known of an effect; `contradicted` is what two reports come to that exclude each other."""

    DONE = "done"
    FAILED = "failed"
    PARTIAL = "partial"
    CONTRADICTED = "contradicted"


REPORTABLE = (Outcome.DONE, Outcome.FAILED, Outcome.PARTIAL)
_OPEN = (Effect.SENT, Effect.ACCEPTED, Effect.UNVERIFIED, Effect.WITH_PERSON)
_GONE = (Effect.FAILED, Effect.COMPENSATED, Effect.WITHDRAWN)
_UNDOABLE = (Effect.ACCEPTED, Effect.VERIFIED, Effect.UNVERIFIED, Effect.WITH_PERSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody says of the effect of a call; `occurred_at` is aware."""

    outcome: Outcome
    occurred_at: datetime
    reference: str | None = None
    reason: str | None = None


class Reception(StrEnum):
    """How a report is taken."""

    COUNTED = "counted"
    REPEATED = "repeated"
    """It says what was reported before, and changes nothing."""
    CONTRADICTING = "contradicting"
    """It excludes what was reported or done before, or tells of a second booking; a person decides."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an effect stands: its state, and what was reported of it."""

    effect: Effect
    outcome: Outcome | None = None

    @property
    def is_live(self) -> bool:
        """Whether what the call asked for may stand, or may come to stand; where nobody knows, it may."""
        return self.effect not in _GONE and self.outcome is not Outcome.FAILED

    @property
    def can_have_outcome(self) -> bool:
        """Whether anybody can know what became of the call: of one that was never in a worker's hands nobody can."""
        return self.effect is not Effect.INTENDED

    @property
    def can_be_undone(self) -> bool:
        """Whether there is something to undo, and nobody is undoing it."""
        return self.effect in _UNDOABLE and self.outcome is not Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Received:
    """What a report changes: how it is taken, and how the effect stands afterwards."""

    reception: Reception
    standing: Standing


def receive(standing: Standing, reported: Outcome, *, of_another: bool = False) -> Received:
    """Return what a report of an outcome changes. The first report counts; none is ever overwritten by another.

    Whoever takes it in refuses it where there can be none yet (`Standing.can_have_outcome`).

    Parameters
    ----------
    of_another
        Whether it names another booking than the report before: there may be two of them then.
    """
    if standing.outcome is reported and not of_another:
        return Received(Reception.REPEATED, standing)
    if standing.outcome is not None:
        undoing = standing.effect is Effect.COMPENSATING
        settled = Standing(standing.effect if undoing else Effect.WITH_PERSON, Outcome.CONTRADICTED)
        return Received(Reception.CONTRADICTING, settled)
    if standing.effect in _OPEN:
        effect = Effect.VERIFIED if reported is Outcome.DONE else Effect.FAILED
        return Received(Reception.COUNTED, Standing(effect, reported))
    if standing.effect is Effect.COMPENSATING or reported is Outcome.FAILED:
        return Received(Reception.COUNTED, Standing(standing.effect, reported))
    return Received(Reception.CONTRADICTING, Standing(Effect.WITH_PERSON, Outcome.CONTRADICTED))
