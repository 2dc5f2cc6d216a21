"""Which events of a shipment stand, and when: an event is taken back by another, and given back where that one is.

An event stands from when it is known until one that corrects it is. What is corrected with `did_not_occur` never
happened; who says the same of such a correction takes it back, and the event stands again from then on, as if it had
become known anew. Whoever puts an event right says what happened: that did not occur either if that is taken back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from features.instants import instant_of, micros
from features.timeline import NEVER
from features.vocabulary import Correction

if TYPE_CHECKING:
    from features.records import DeliveryEvent

_DID_NOT_OCCUR = Correction.DID_NOT_OCCUR

Life = tuple["DeliveryEvent", datetime | None]
"""An event, and from when on it stands no longer, None if it does to the end."""

Spell = tuple[int, int]
"""From when until when, in microseconds."""


class Told(NamedTuple):
    """What matters of one event: which one it corrects, whether only to say that it did not occur, and when."""

    event_id: str
    corrects: str | None
    takes_back: bool
    known: int


def lives_of(events: Collection[DeliveryEvent]) -> list[Life]:
    """Return each event with until when it stands; one that is given back comes again, known from then on."""
    withdrawn: dict[str, datetime] = {}
    back: dict[str, str] = {}
    for event in events:
        if event.corrects is not None:
            known = withdrawn.get(event.corrects)
            withdrawn[event.corrects] = event.known_at if known is None else min(known, event.known_at)
            if event.correction is _DID_NOT_OCCUR:
                back[event.event_id] = event.corrects
    if not gives_back(back.items()):
        return [(event, withdrawn.get(event.event_id)) for event in events]
    once = {event.event_id: event for event in sorted(events, key=_known_at, reverse=True)}
    spells = spells_of(
        [Told(name, one.corrects, one.correction is _DID_NOT_OCCUR, micros(one.known_at)) for name, one in once.items()]
    )
    return [
        (one.model_copy(update={"known_at": instant_of(since)}), None if until == NEVER else instant_of(until))
        for name, one in once.items()
        for since, until in spells[name]
    ]


def gives_back(taken_back: Iterable[tuple[str, str]]) -> bool:
    """Tell whether any of some events, each with what it takes back, takes back another of them."""
    pairs = dict(taken_back)
    return any(corrected in pairs for corrected in pairs.values())


def spells_of(told: Collection[Told]) -> dict[str, list[Spell]]:
    """Return when each event of one shipment stands, by its id, in order of time; one that never does has `(t, t)`.

    What takes back is undone only by its like. Events that take back each other in a circle all hold, for ever.
    """
    by_id = {one.event_id: one for one in told}
    takes_back = {one.event_id for one in told if one.takes_back}
    waiting = Counter(one.corrects for one in told if one.takes_back)
    against: dict[str | None, list[Spell]] = defaultdict(list)
    for one in told:
        if one.corrects is not None and not one.takes_back and one.corrects not in takes_back:
            against[one.corrects].append((one.known, NEVER))
    ready = [one for one in told if not waiting[one.event_id]]
    spells: dict[str, list[Spell]] = {}
    while ready:
        one = ready.pop()
        spells[one.event_id] = _without(against[one.event_id], one.known)
        if one.takes_back:
            against[one.corrects] += spells[one.event_id]
            waiting[one.corrects] -= 1
            if not waiting[one.corrects] and one.corrects in by_id:
                ready.append(by_id[one.corrects])
    return {name: spells.get(name, [(one.known, NEVER)]) for name, one in by_id.items()}


def _without(against: list[Spell], known: int) -> list[Spell]:
    """Return the time from `known` on less some spells."""
    found = []
    since = known
    for start, end in sorted(against):
        if start > since:
            found.append((since, start))
        since = max(since, end)
    if since < NEVER:
        found.append((since, NEVER))
    return found or [(known, known)]


def _known_at(event: DeliveryEvent) -> datetime:
    return event.known_at
