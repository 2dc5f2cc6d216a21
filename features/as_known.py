"""What was known at a cutoff, of records that are looked up one by one: states, and events that still stand.

Whoever asks many questions of many facts asks `features.timeline`; contracts and the events of one shipment are few.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from typing import Generic, TypeVar

from features.fields import Record
from features.records import DeliveryEvent
from features.standing import lives_of
from features.vocabulary import Classifier, Correction

R = TypeVar("R", bound=Record)


def counts_from(record: Record) -> datetime:
    """Return the instant from which a record counts: when it is both past and known."""
    return max(record.occurred_at, record.known_at)


class States(Generic[R]):
    """Records that come in several states under one identity.

    Parameters
    ----------
    records
        In any order.
    identity
        What the states of one thing have in common. Of those that count at a cutoff the one that happened last is in
        force; of two that happened together, the one known last.
    """

    __slots__ = ("_found", "_identity", "_records", "_starts")

    def __init__(self, records: Iterable[R], identity: Callable[[R], Hashable]) -> None:
        self._identity = identity
        self._records = sorted(records, key=counts_from)
        self._starts = [counts_from(record) for record in self._records]
        self._found: dict[int, tuple[R, ...]] = {}

    def add(self, record: R) -> bool:
        """Take in one more; False if the very same is there already."""
        start = counts_from(record)
        first, end = bisect_left(self._starts, start), bisect_right(self._starts, start)
        if record in self._records[first:end]:
            return False
        self._starts.insert(end, start)
        self._records.insert(end, record)
        self._found.clear()
        return True

    def told(self, cutoff: datetime) -> int:
        """Return how many records count at the cutoff: where that is equal, so is what is in force."""
        return bisect_right(self._starts, cutoff)

    def at(self, cutoff: datetime) -> tuple[R, ...]:
        """Return the state in force of each thing, in the order in which the things became known."""
        told = self.told(cutoff)
        if told not in self._found:
            newest: dict[Hashable, R] = {}
            for record in self._records[:told]:
                key = self._identity(record)
                if key not in newest or _age(record) >= _age(newest[key]):
                    newest[key] = record
            self._found[told] = tuple(newest.values())
        return self._found[told]


def standing(events: Iterable[DeliveryEvent], cutoff: datetime) -> tuple[DeliveryEvent, ...]:
    """Return what is known at the cutoff to have happened, in the order of the happening.

    An event that another one corrects no longer stands once the correction is known, see `features.standing`. A fact
    that is told twice, under one `event_id` or under two, is one fact: the report known first is kept.
    """
    known = [event for event in events if counts_from(event) <= cutoff]
    stand = [event for event, until in lives_of(known) if until is None]
    facts: dict[Hashable, DeliveryEvent] = {}
    for event in sorted(stand, key=lambda event: (event.known_at, event.occurred_at, event.event_id)):
        if event.correction is not Correction.DID_NOT_OCCUR and event.classifier is Classifier.ACTUAL:
            facts.setdefault((event.status, event.raw_status, event.place, event.occurred_at), event)
    return tuple(sorted(facts.values(), key=lambda event: (event.occurred_at, event.event_id)))


def _age(record: Record) -> tuple[datetime, datetime]:
    return record.occurred_at, record.known_at
