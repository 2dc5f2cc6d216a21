"""Errors of the review queue.

ReviewError
 ├─ ItemNotFoundError
 ├─ AlreadyClaimedError         somebody else holds the item
 ├─ ClaimLostError              the claim ran out or was given back: a late submit
 ├─ ItemClosedError             the item is done
 └─ AnswerError                 the answer cannot be carried out
     └─ OvertakenError             what has come since speaks against it
"""

from __future__ import annotations

from datetime import datetime

from serving.errors import ServingError


class ReviewError(ServingError):
    """A review item cannot be read or changed like that."""


class ItemNotFoundError(ReviewError):
    """No review item has that id."""

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        super().__init__(f"Review item '{item_id}' is unknown. List the queue: GET /v1/reviews")


class AlreadyClaimedError(ReviewError):
    """Somebody holds the item."""

    def __init__(self, item_id: str, claimed_by: str, expires_at: datetime) -> None:
        self.item_id = item_id
        self.claimed_by = claimed_by
        self.expires_at = expires_at
        super().__init__(
            f"Review item '{item_id}' is claimed by {claimed_by} until {expires_at.isoformat()}. "
            f"Take another one, or wait."
        )


class ClaimLostError(ReviewError):
    """The claim ran out, was given back or is another's: a late submit changes nothing."""

    def __init__(self, item_id: str, why: str) -> None:
        self.item_id = item_id
        self.why = why
        super().__init__(
            f"Nothing was changed on review item '{item_id}': {why}. Claim it again and look at it afresh."
        )


class ItemClosedError(ReviewError):
    """The item is done."""

    def __init__(self, item_id: str, verdict: str, closed_by: str) -> None:
        self.item_id = item_id
        self.verdict = verdict
        self.closed_by = closed_by
        super().__init__(f"Review item '{item_id}' is done: {closed_by} answered '{verdict}'. Take another one.")


class AnswerError(ReviewError):
    """The answer cannot be carried out."""

    def __init__(self, item_id: str, why: str, what_to_do: str) -> None:
        self.item_id = item_id
        self.why = why
        self.what_to_do = what_to_do
        super().__init__(f"Review item '{item_id}' cannot be answered so: {why}. {what_to_do}")


class OvertakenError(AnswerError):
    """What has come since speaks against the branch: an order, or what is known of the case. The item stays open."""
