"""One message for many cases: which belong together, when it goes out, and what it says. Pure; it waits elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from routing.branches.case import Payload
from routing.canonical import jsonable, rfc3339
from routing.facts import Declaration, FactType
from routing.policy import Together

COUNT = Declaration(name="count", type=FactType.NUMBER, shown_to_customer=True)
"""What the words for several may show besides the facts by which they belong together: how many they are."""


class Waiting(NamedTuple):
    """A message that waits for more: the id of its call, and when it goes out."""

    message_id: str
    sends_at: datetime

    def as_json(self) -> dict[str, str]:
        """Return it in plain JSON types."""
        return {"message_id": self.message_id, "sends_at": rfc3339(self.sends_at)}

    @classmethod
    def from_json(cls, written: Mapping[str, str]) -> Self:
        """Read what `as_json` wrote."""
        return cls(written["message_id"], datetime.fromisoformat(written["sends_at"]))


class Joined(NamedTuple):
    """With what a case is told: the values that it shares, the message that it joins, and when that goes out.

    `joins` is None for the case that opens the message.
    """

    by: Mapping[str, Any]
    joins: str | None
    sends_at: datetime

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {"by": jsonable(dict(self.by)), "joins": self.joins, "sends_at": rfc3339(self.sends_at)}


class Told(NamedTuple):
    """One case in a message: what it is about, by which decision, how likely it comes true, and its own payload.

    `risk` is a probability, None if it is not known.
    """

    subject_id: str
    decision_id: str
    call_id: str
    risk: float | None
    payload: Mapping[str, Any]


def shared_by(together: Together, known: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values by which a case belongs to others; None if one of them is not known."""
    return {name: known[name] for name in together.by} if known.keys() >= set(together.by) else None


def join(
    together: Together, known: Mapping[str, Any], waiting: Waiting | None, now: datetime, latest: datetime | None
) -> Joined | None:
    """Say with what a case is told; None if it cannot be told to which it belongs.

    Parameters
    ----------
    waiting
        The message of its kind that waits, if one does.
    latest
        From when on telling it is of no use. It waits at most half of the time until then, and so does its message:
        what is left is for sending it, again if need be.
    """
    by = shared_by(together, known)
    if by is None:
        return None
    moments = [now + together.within if waiting is None else waiting.sends_at]
    moments += [] if latest is None else [now + (latest - now) / 2]
    return Joined(by, None if waiting is None else waiting.message_id, min(moments))


def payload_of(told: Sequence[Told], together: Together, by: Mapping[str, Any]) -> Payload:
    """Return what one message for some cases, at least one, says: whom it tells what, and each case by itself.

    Parameters
    ----------
    by
        The values that they share.
    """
    payloads = [each.payload for each in told]
    send_by = min((text for each in payloads if (text := each["send_by"]) is not None), default=None)
    many = together.sentence_customer.fill({**by, COUNT.name: len(told)})
    return {
        "to": payloads[0]["to"],
        "channel": payloads[0]["channel"],
        "words": payloads[0]["words"] if len(told) == 1 else many,
        "send_by": send_by,
        "together": {"by": jsonable(dict(by)), "count": len(told)},
        "cases": [
            {
                "subject_id": each.subject_id,
                "decision_id": each.decision_id,
                "call_id": each.call_id,
                "risk": each.risk,
                "words": each.payload["words"],
                "facts": each.payload["facts"],
            }
            for each in told
        ],
    }
