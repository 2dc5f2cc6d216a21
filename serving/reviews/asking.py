"""What an item of the queue is called and what it suggests, by the decision that opens it."""

from __future__ import annotations

from collections.abc import Mapping

from features.vocabulary import Branch


def item_id_of(decision_id: str) -> str:
    """Return the id of the item that a decision opens."""
    return decision_id.replace("dec_", "rev_", 1)


def suggested_branch(payload: Mapping[str, object]) -> Branch:
    """Return the branch that a review's payload suggests; `none` if it suggests nothing."""
    suggestion = payload.get("suggestion")
    return Branch(str(suggestion["branch"])) if isinstance(suggestion, Mapping) else Branch.NONE
