"""What a person is told whose move was refused: what is so now, and what to do."""

from __future__ import annotations

import re
from collections.abc import Collection

from serving.errors import RoleMissingError
from serving.reviews.errors import AlreadyClaimedError, AnswerError, ClaimLostError, ItemClosedError
from serving.reviews.reasons import ReasonCode
from serving.web import words

_CALL = re.compile(r" \(POST /v1/[^ )]*\)|: POST /v1/[^ ]*")
"""What a program would do, where a person is told what to do."""

_ANSWERED = {
    "accept": "accepted the suggestion",
    "override": "chose another action",
    "dismiss": "dismissed it",
    "superseded": "has its answer meanwhile",
    "expired": "closed it, as nothing is of use any more",
    "happened": "said that it was done",
    "not_happened": "said that it was not done",
    "undo": "had it undone",
}


def refusal(
    error: AlreadyClaimedError | AnswerError | ClaimLostError | ItemClosedError | RoleMissingError,
    names: Collection[str] = (),
) -> str:
    """Say why a move was refused and what to do now: in words what the error calls by `names` of the program."""
    our_names = {*names, *ReasonCode}
    match error:
        case AlreadyClaimedError():
            until = words.instant(error.expires_at)
            said = f"{error.claimed_by} holds this item until {until}. Take another one, or come back then."
        case ClaimLostError():
            said = f"{_sentence(error.why)} Nothing was changed. Look at the item as it is now, then claim it again."
        case ItemClosedError():
            did = _ANSWERED.get(error.verdict, f"answered {words.plain(error.verdict)}")
            who = "The service" if error.closed_by == "system" else error.closed_by
            said = f"{who} {did}: the item is done, and your answer changed nothing. Take another one."
        case AnswerError():
            why, todo = (words.spoken(_CALL.sub("", part), our_names) for part in (error.why, error.what_to_do))
            said = f"{_sentence(why)} Nothing was changed. {todo}"
        case RoleMissingError():
            said = f"Nothing was changed: {error}"
    return words.instants_in(said)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
