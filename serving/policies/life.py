"""The life of a bundle, told from its moves: submitted, approved, shadow, live, retired.

What may be put in force follows from the moves alone. They are only ever added, so no later step makes an earlier one
undone, and who reads the history comes to the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from serving.db.tables import PolicyMoveRow

FEWEST_DECISIONS = 100
"""On how many past decisions a bundle must have been tried to be approved without saying why fewer are enough: what is
not seen among a hundred is, at 95 %, not in more than three of a hundred."""


class Step(StrEnum):
    """What happens to a bundle. `rolled_back` names the bundle that is taken away."""

    BOOTSTRAPPED = "bootstrapped"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    SHADOWED = "shadowed"
    SHADOW_ENDED = "shadow_ended"
    PUBLISHED = "published"
    ROLLED_BACK = "rolled_back"
    BROKE_GLASS = "broke_glass"


class Status(StrEnum):
    """Where a bundle stands. A draft is a file: the service knows a bundle from its submission on."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    SHADOW = "shadow"
    LIVE = "live"
    RETIRED = "retired"


_VERDICTS = (
    Step.BOOTSTRAPPED, Step.SUBMITTED, Step.APPROVED, Step.REJECTED, Step.ROLLED_BACK, Step.BROKE_GLASS,
)  # fmt: skip
_WENT_LIVE = (Step.BOOTSTRAPPED, Step.PUBLISHED, Step.BROKE_GLASS)
_GOOD = (Step.BOOTSTRAPPED, Step.APPROVED)


@dataclass(frozen=True, slots=True)
class Life:
    """The moves of one bundle, oldest first."""

    moves: Sequence[PolicyMoveRow]

    @property
    def submission(self) -> PolicyMoveRow | None:
        """The newest submission: what an approval answers to."""
        return self._newest(Step.SUBMITTED)

    @property
    def judged_beside(self) -> str | None:
        """Digest of the bundle that was live when the evidence of the newest submission was gathered."""
        submission = self.submission
        return None if submission is None or submission.pack is None else json.loads(submission.pack)["in_force"]

    @property
    def decisions_tried(self) -> int:
        """On how many past decisions the newest submission was tried."""
        submission = self.submission
        return (
            0 if submission is None or submission.pack is None else json.loads(submission.pack)["preview"]["decisions"]
        )

    @property
    def authors(self) -> frozenset[str]:
        """Everybody who ever submitted it."""
        return frozenset(move.actor for move in self.moves if move.action == Step.SUBMITTED)

    @property
    def verdict(self) -> Step | None:
        """The newest step that says whether it may be in force."""
        move = self._newest(*_VERDICTS)
        return None if move is None else Step(move.action)

    @property
    def is_approved(self) -> bool:
        """Whether its newest submission was approved, as it was submitted, and nothing has come since."""
        move, submission = self._newest(*_VERDICTS), self.submission
        if move is None or submission is None or move.action != Step.APPROVED:
            return False
        return move.signs == submission.signs and move.actor not in self.authors

    @property
    def may_return(self) -> bool:
        """Whether a rollback may bring it back: it was in force with approval, and was not itself taken away.

        A later submission of the same bytes changes nothing of that: nobody takes the way back away.
        """
        move = self._newest(*(step for step in _VERDICTS if step not in (Step.SUBMITTED, Step.REJECTED)))
        return move is not None and move.action in _GOOD and self._newest(*_WENT_LIVE) is not None

    @property
    def is_unapproved(self) -> bool:
        """Whether one person alone put it in force and no second one has approved it since."""
        move = self._newest(Step.BOOTSTRAPPED, Step.APPROVED, Step.BROKE_GLASS)
        return move is not None and move.action == Step.BROKE_GLASS

    def status(self, digest: str, standing: PolicyMoveRow) -> Status:
        """Return where it stands, given what is in force."""
        if digest in (standing.live_digest, standing.candidate_digest):
            return Status.LIVE
        if digest == standing.shadow_digest:
            return Status.SHADOW
        match self.verdict:
            case Step.SUBMITTED:
                return Status.SUBMITTED
            case Step.REJECTED:
                return Status.REJECTED
            case Step.APPROVED if not self._went_live_since_submission():
                return Status.APPROVED
        return Status.RETIRED

    def _went_live_since_submission(self) -> bool:
        went, submission = self._newest(*_WENT_LIVE), self.submission
        return went is not None and (submission is None or went.position > submission.position)

    def _newest(self, *steps: Step) -> PolicyMoveRow | None:
        return next((move for move in reversed(self.moves) if move.action in steps), None)
