"""What became of a shipment's calls, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from routing.effects import Effect
from serving.db.tables import OutgoingCallRow
from serving.effects.moves import standing_of
from serving.messages.turns import JOINED
from serving.reviews.items import Item
from serving.web import words

_STATES = {
    Effect.INTENDED: "waits to be sent",
    Effect.SENT: "sent; no answer has been read yet",
    Effect.ACCEPTED: "the orchestrator has taken it",
    Effect.VERIFIED: "it was done",
    Effect.FAILED: "it was not done",
    Effect.UNVERIFIED: "nobody has said whether it was done",
    Effect.COMPENSATING: "it is being undone",
    Effect.COMPENSATED: "it is undone",
    Effect.WITH_PERSON: "it is not certain; a person is to find out",
    Effect.WITHDRAWN: "it was never sent, or dismissed",
}


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call in words; `can_be_undone` says whether a person may undo it from here."""

    call_id: str
    name: str
    said: str
    can_be_undone: bool
    is_asked_about: bool


def lines_of(calls: Sequence[OutgoingCallRow], item: Item, now: datetime) -> tuple[CallLine, ...]:
    """Say of each call of an item's shipment how far it has come."""
    undone = {call.compensates for call in calls}
    return tuple(
        CallLine(
            call_id=call.call_id,
            name=words.plain(call.branch if call.compensates is None else f"undo {call.branch}"),
            said=in_words(call, now),
            can_be_undone=_can_be_undone(call) and call.call_id not in undone,
            is_asked_about=call.call_id == item.call_id,
        )
        for call in calls
    )


def in_words(call: OutgoingCallRow, now: datetime) -> str:
    """Say how far a call and its effect have come."""
    effect = Effect(call.effect)
    if call.status == JOINED:
        return f"waits to be told with others, in one message ({call.goes_with})"
    said = _STATES[effect]
    if effect is Effect.ACCEPTED and call.confirm_by is not None:
        said += f", and is to say by {words.instant(call.confirm_by)} ({words.distance(call.confirm_by, now)})"
        said += " whether it was done"
    if call.reference:
        said += f", reference {call.reference}"
    if call.effect_because and effect is not Effect.VERIFIED:
        said += f": {call.effect_because}"
    attempts = f"{call.attempts} attempt" + ("s" if call.attempts != 1 else "")
    return f"{said} ({attempts})" if effect in (Effect.INTENDED, Effect.SENT) else said


def _can_be_undone(call: OutgoingCallRow) -> bool:
    return call.compensates is None and standing_of(call).can_be_undone
